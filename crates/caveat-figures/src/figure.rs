//! A figure: its picture, what it shows, and the numbers in it.

use caveat_results::Table;
use serde::{Deserialize, Serialize};

use crate::canvas::Canvas;

/// A picture with its name, title, caption and numbers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Figure {
    /// Name in file names and on the command line, in kebab case.
    pub name: String,
    /// One line: what it shows.
    pub title: String,
    /// What is drawn and how to read it; it stands below the picture.
    pub caption: String,
    /// What part of the data it does not show, in a sentence; `None` where it shows all.
    pub left_out: Option<String>,
    /// The picture.
    pub canvas: Canvas,
    /// The numbers in it, one row per mark.
    pub table: Table,
}

impl Figure {
    /// A figure of all the data.
    pub fn new(name: &str, title: impl Into<String>, caption: impl Into<String>, canvas: Canvas, table: Table) -> Self {
        let title = title.into();
        let canvas = canvas.titled(title.clone());
        Self { name: name.into(), title, caption: caption.into(), left_out: None, canvas, table }
    }

    /// Says what of the data is not shown, in the caption too.
    #[must_use]
    pub fn leaving_out(mut self, sentence: impl Into<String>) -> Self {
        let sentence = sentence.into();
        self.caption = format!("{} {sentence}", self.caption);
        self.left_out = Some(sentence);
        self
    }
}
