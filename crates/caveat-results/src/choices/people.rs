//! Counts in how many files every subject, or else session, occurs.

use super::Grouping;
use super::columns::Fields;
use super::names::Names;
use super::source::Source;

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
