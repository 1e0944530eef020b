//! A figure: its picture, what it shows, and the numbers in it.

use caveat_results::Table;
use serde::{Deserialize, Serialize};

use crate::canvas::{Canvas, Format};
use crate::error::Result;

/// A picture with its name, title, caption and numbers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Figure {
    /// Name in file names and on the command line, in kebab case.
    pub name: String,
    /// One line: what it shows.
    pub title: String,
    /// What is drawn and how to read it, for below the picture.
    pub caption: String,
    /// What of the data it does not show, in a sentence; `None` where it shows all.
    pub left_out: Option<String>,
    /// The picture.
    pub canvas: Canvas,
    /// The numbers in it, one row per mark.
    pub table: Option<Table>,
}

impl Figure {
    /// A figure without numbers.
    pub fn new(name: impl Into<String>, title: impl Into<String>, caption: impl Into<String>, canvas: Canvas) -> Self {
        let title = title.into();
        let canvas = canvas.titled(title.clone());
        Self { name: name.into(), title, caption: caption.into(), left_out: None, canvas, table: None }
    }

    /// Says what of the data is not shown, in the caption too.
    #[must_use]
    pub fn leaving_out(mut self, sentence: impl Into<String>) -> Self {
        let sentence = sentence.into();
        self.caption = format!("{} {sentence}", self.caption);
        self.left_out = Some(sentence);
        self
    }

    /// With its numbers.
    #[must_use]
    pub fn with_table(mut self, table: Table) -> Self {
        self.table = Some(table);
        self
    }

    /// The picture as a file of the given format.
    ///
    /// # Errors
    /// [`crate::FigureError::Render`] if the renderer fails.
    pub fn render(&self, format: Format) -> Result<Vec<u8>> {
        self.canvas.render(format)
    }
}

/// Counts and indices as a column of integers.
pub(crate) fn whole(values: impl IntoIterator<Item = usize>) -> impl Iterator<Item = Option<i64>> {
    values.into_iter().map(|v| i64::try_from(v).ok())
}
