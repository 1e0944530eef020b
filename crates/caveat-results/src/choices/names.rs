//! Names of subjects, sessions and conditions, and which of their spellings are the same.

use super::ChoiceRole;
use crate::interner::Interner;
use crate::labels::{label_key, look_alikes_of, tidy};

/// Names in order of appearance, shown as first written. Spellings of the same whole number are one name, and so are texts that print
/// alike. 1.1 and 1.10 are two names, as 1.10 may be the tenth session of subject 1.
#[derive(Default)]
pub(super) struct Names {
    keys: Interner,
    pub(super) shown: Vec<String>,
    /// The first spelling that is shown differently from an earlier one of the same name.
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

    /// Notes on the names of a role.
    pub(super) fn notes(&self, role: ChoiceRole) -> impl Iterator<Item = String> {
        let merged = self.merged.as_ref().map(|(number, name)| {
            format!("the {role}s {:?} and {name:?} are the same number and taken for one", self.shown[*number as usize])
        });
        merged.into_iter().chain(look_alikes_of(&self.shown, &format!("{role}s")))
    }
}

/// The name of a group: of whole numbers that were stored as floats, without the decimal zero.
fn group_name(text: &str) -> &str {
    match text.strip_suffix(".0") {
        Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => digits,
        _ => text,
    }
}
