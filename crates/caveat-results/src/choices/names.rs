//! Names of subjects, sessions and conditions: which spellings are one, and what should be known of them.

use super::ChoiceRole;
use crate::interner::Interner;
use crate::labels::{label_key, look_alikes_of, tidy};

/// Names in order of appearance, shown as they were written first. Spellings of one whole number are one name, as are those of
/// text that print alike; 1.1 and 1.10 are two, as the tenth session of a subject 1 may be called.
#[derive(Default)]
pub(super) struct Names {
    keys: Interner,
    pub(super) shown: Vec<String>,
    /// The first spelling of a number that has another one before it.
    merged: Option<(u32, String)>,
}

impl Names {
    pub(super) fn number(&mut self, text: &str) -> std::result::Result<u32, String> {
        let key = label_key(text);
        let is_whole = key.bytes().all(|b| b.is_ascii_digit());
        let key = if is_whole { key } else { tidy(text) };
        let number = self.keys.intern(key.as_bytes())?;
        let name = group_name(&tidy(text)).to_owned();
        match self.shown.get(number as usize) {
            None => self.shown.push(name),
            Some(shown) if *shown != name && self.merged.is_none() => self.merged = Some((number, name)),
            Some(_) => {}
        }
        Ok(number)
    }

    /// What should be known of the names of a role.
    pub(super) fn notes(&self, role: ChoiceRole) -> impl Iterator<Item = String> {
        let merged = self.merged.as_ref().map(|(number, name)| {
            format!("the {role}s {:?} and {name:?} are the same number and taken for one", self.shown[*number as usize])
        });
        merged.into_iter().chain(look_alikes_of(&self.shown, &format!("{role}s")))
    }
}

/// The name of a group: whole numbers that a table kept as floats are named without their decimal zero.
fn group_name(text: &str) -> &str {
    match text.strip_suffix(".0") {
        Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => digits,
        _ => text,
    }
}
