//! Columns that are not read but seem to matter: how often rows count, and whether they are training or tests.

use crate::delimited::{flag, is_missing};
use crate::error::name_list;
use crate::words::has_word;

/// Names of columns that say how often a row counts.
pub(crate) const COUNTS: &str = "count counts n trials n_trials ntrials num_trials weight weights wt freq frequency times games \
    n_games num number repeats repetitions total observations n_obs nobs wins n_wins votes draws";

/// Names of columns that may tell rows of training or practice from those of a test.
const STAGES: &str = "phase block block_type trial_type trialtype trial_phase practice is_practice stage training train is_train \
    is_training test is_test part split condition";

/// Whether a column of that name, in any capitals, seems to say how often a row counts.
pub fn may_count(name: &str) -> bool {
    has_word(COUNTS, &name.to_lowercase())
}

/// Whether a column of that name, in any capitals, may tell training or practice from a test.
pub fn may_be_stage(name: &str) -> bool {
    has_word(STAGES, &name.to_lowercase())
}

/// How many values a note names at most.
const MOST: usize = 4;

/// A column that is not read, but whose values are noted.
pub(crate) struct Watched {
    name: String,
    pub(crate) field: usize,
    values: Vec<String>,
}

impl Watched {
    /// The columns that may tell training from tests, among those for which `is_free` holds: neither read nor filtered by.
    pub(crate) fn find(names: &[String], is_free: impl Fn(usize) -> bool) -> Vec<Self> {
        let found = names.iter().enumerate().filter(|(field, name)| may_be_stage(name) && is_free(*field));
        found.map(|(field, name)| Self { name: name.clone(), field, values: Vec::new() }).collect()
    }

    /// Notes the value of a row that is used.
    pub(crate) fn see(&mut self, value: &[u8]) {
        let is_known = |known: &String| known.as_bytes() == value;
        if self.values.len() > MOST || self.values.last().is_some_and(is_known) || self.values.iter().any(is_known) {
            return;
        }
        let text = String::from_utf8_lossy(value).into_owned();
        if !is_missing(&text) {
            self.values.push(text);
        }
    }

    /// Adds the values of another file.
    pub(crate) fn merge(all: &mut Vec<Self>, later: Vec<Self>) {
        for column in later {
            match all.iter_mut().find(|known| known.name.eq_ignore_ascii_case(&column.name)) {
                Some(known) => column.values.iter().for_each(|value| known.see(value.as_bytes())),
                None => all.push(column),
            }
        }
    }

    /// A note for a person if rows differ in this column.
    pub(crate) fn note(&self) -> Option<String> {
        let [first, .., last] = self.values.as_slice() else { return None };
        let shown = &self.values[..self.values.len().min(MOST)];
        let more = if self.values.len() > MOST { " and others" } else { "" };
        let values = name_list(shown);
        if self.values.len() > 2 && self.values.iter().all(|value| value.parse::<f64>().is_ok()) {
            // These number the parts of a session, most of which are tests.
            return Some(format!(
                "the column {:?} is not read, and rows with {values}{more} in it are taken together: if some are training or practice, \
                 leave them out, as with ⟨where={}!={}⟩",
                self.name, self.name, shown[0]
            ));
        }
        // Suggest the value of the test, if the values or the name of the column tell it.
        let by_value = |word: &str| self.values.iter().find(|value| value.to_lowercase() == word);
        let by_name = || {
            let is_of_test = !is_early(&self.name);
            let says = is_early(&self.name) || self.name.to_lowercase().contains("test");
            self.values.iter().find(|value| says && flag(value) == Some(is_of_test))
        };
        let contains = || self.values.iter().find(|value| value.to_lowercase().contains("test"));
        let other = if is_early(last) { first } else { last };
        let example = by_value("test").or_else(by_name).or_else(contains).unwrap_or(other);
        Some(format!(
            "the column {:?} is not read, and rows with {values}{more} in it are taken together: if it tells training or practice from a \
             test, choose with ⟨where={}={example}⟩",
            self.name, self.name
        ))
    }
}

/// Whether a value seems to mean training.
pub(crate) fn is_early(value: &str) -> bool {
    let value = value.to_lowercase();
    ["train", "practi", "learn"].iter().any(|word| value.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_with_one_value_say_nothing_and_the_test_is_the_example() {
        let names = ["Phase".to_owned(), "winner".to_owned(), "block".to_owned()];
        let mut found = Watched::find(&names, |field| field != 1);
        assert_eq!(found.iter().map(|w| w.field).collect::<Vec<_>>(), [0, 2]);
        for value in ["test", "train", "test", "", "NA"] {
            found[0].see(value.as_bytes());
            found[1].see(b"1");
        }
        assert!(found[1].note().is_none());
        let note = found[0].note().unwrap();
        assert!(note.contains("\"test\", \"train\"") && note.ends_with("⟨where=Phase=test⟩"), "{note}");
        for (name, values, says) in
            [("is_train", ["0", "1"], "=0"), ("practice", ["TRUE", "FALSE"], "=FALSE"), ("is_test", ["1", "0"], "=1")]
        {
            let mut flags = Watched::find(&[name.to_owned()], |_| true);
            values.iter().for_each(|value| flags[0].see(value.as_bytes()));
            let note = flags[0].note().unwrap();
            assert!(note.ends_with(&format!("{says}⟩")), "{note}");
        }
        let mut other = Watched::find(&names, |field| field == 2);
        (0..9_u8).for_each(|k| other[0].see(&[b'0' + k]));
        Watched::merge(&mut found, other);
        let note = found[1].note().unwrap();
        assert!(
            note.contains("\"1\", \"0\", \"2\", \"3\" and others in it") && note.ends_with("⟨where=block!=1⟩"),
            "{note}"
        );
    }
}
