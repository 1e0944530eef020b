//! Names of subjects, sessions and conditions: which spellings are the same, and in how many files each occurs.

use super::columns::Fields;
use super::source::Source;
use super::{ChoiceRole, Grouping};
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

/// The files in which names occur.
pub(super) struct People {
    /// What the names are of; `None` if no column tells who chose.
    by: Option<Grouping>,
    /// Number of the current file, from 1.
    file: u32,
    /// Whether a column of the file itself tells who chose, and not a folder.
    is_written: bool,
    /// For every name, the last such file with it, and the number of such files.
    files: Vec<(u32, u32)>,
}

impl People {
    pub(super) fn new(fields: &Fields) -> Self {
        let by = [Grouping::Subject, Grouping::Session].into_iter().find(|by| fields.has(by.role()));
        Self { by, file: 0, is_written: false, files: Vec::new() }
    }

    /// Begins the next file.
    pub(super) fn begin_file(&mut self, source: &Source, fields: &Fields) {
        self.file += 1;
        let role = self.by.map(Grouping::role);
        self.is_written = fields.fields.iter().any(|(r, field)| Some(*r) == role && !source.is_of_folder(*field));
    }

    /// Notes a row of the file with this name.
    pub(super) fn see(&mut self, by: Grouping, name: u32) {
        if self.by != Some(by) {
            return;
        }
        let name = name as usize;
        if self.files.len() <= name {
            self.files.resize(name + 1, (0, 0));
        }
        let (last, n) = &mut self.files[name];
        if self.is_written && *last != self.file {
            (*last, *n) = (self.file, *n + 1);
        }
    }

    /// A note on names that occur in several files.
    pub(super) fn note(&self, groups: &[Option<Names>; 3]) -> Option<String> {
        let Some(by) = self.by else {
            return (self.file > 1).then(|| {
                format!(
                    "the choices of {} files are taken together as of one, as no column says who chose: name it (subject=COLUMN in \
                     ⟨columns⟩), or put each one's \
                     files into a folder that says so, like subject=1/",
                    self.file
                )
            });
        };
        let (name, n) = self.files.iter().enumerate().map(|(name, (_, n))| (name, *n)).find(|(_, n)| *n > 1)?;
        let shown = groups[by as usize].as_ref()?.shown.get(name)?;
        let more = match self.files.iter().filter(|(_, n)| *n > 1).count() - 1 {
            0 => String::new(),
            1 => ", and one other too".to_owned(),
            others => format!(", and {others} others too"),
        };
        Some(format!(
            "the {by} {shown:?} stands in {n} files and is taken for one and the same{more}: if they are different, name a column that \
             tells them apart (subject=COLUMN in ⟨columns⟩), or put each one's files into a folder that is such a column, like person=1/"
        ))
    }
}
