//! The sets of items: invented teams, real teams, poker hands, and lists given by the user.

use std::collections::HashSet;
use std::path::Path;

use super::poker::StartingHand;
use super::text_file;
use crate::error::{LmError, Result};

const INVENTED: &str = include_str!("../../data/invented_teams.txt");
const MAJOR_LEAGUE_BASEBALL: &str = include_str!("../../data/mlb_teams.txt");

/// Most items of a list.
const MAX_LIST: usize = 10_000;
/// Longest name of an item, in bytes.
const MAX_NAME: usize = 200;

/// Where items come from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ItemSet {
    /// Thirty sports teams that do not exist, so that a model knows nothing about them.
    #[default]
    Invented,
    /// The thirty teams of Major League Baseball in 2026.
    MajorLeagueBaseball,
    /// The 169 starting hands of Texas hold'em, AA to 22; a hierarchy of them follows their equity against each other.
    Poker,
    /// A list given by the user.
    Custom(CustomItems),
}

impl ItemSet {
    /// The built-in sets, in the order of tables.
    pub const BUILT_IN: [Self; 3] = [Self::Invented, Self::MajorLeagueBaseball, Self::Poker];

    /// The built-in set of this name on the command line or in result files.
    ///
    /// # Errors
    /// Another name.
    pub fn built_in(name: &str) -> Result<Self> {
        let found = Self::BUILT_IN.into_iter().find(|set| set.name() == name || set.task_name() == name);
        found.ok_or_else(|| {
            LmError::invalid(format!(
                "item set {name:?}: expected invented (fake in result files), mlb (real) or poker, or a file of items"
            ))
        })
    }

    /// Name on the command line, or the name of a list.
    pub fn name(&self) -> &str {
        match self {
            Self::Invented => "invented",
            Self::MajorLeagueBaseball => "mlb",
            Self::Poker => "poker",
            Self::Custom(items) => &items.name,
        }
    }

    /// Name in the column `task` of trial tables and in the paths of runs: fake, real or poker, as in published results, or the
    /// name of a list.
    pub fn task_name(&self) -> &str {
        match self {
            Self::Invented => "fake",
            Self::MajorLeagueBaseball => "real",
            Self::Poker => "poker",
            Self::Custom(items) => &items.name,
        }
    }

    /// All items, in the order from which they are drawn: teams alphabetically, hands AA, AKs, AKo, …, 22.
    pub fn items(&self) -> Vec<String> {
        match self {
            Self::Invented => lines(INVENTED),
            Self::MajorLeagueBaseball => lines(MAJOR_LEAGUE_BASEBALL),
            Self::Poker => StartingHand::all().map(|hand| hand.to_string()).collect(),
            Self::Custom(items) => items.items.clone(),
        }
    }
}

/// A list of items given by the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomItems {
    name: String,
    items: Vec<String>,
    drawn: bool,
}

impl CustomItems {
    /// A list called `name` in results. If `drawn`, hierarchy and anchors are drawn from it by seed. Otherwise it is the hierarchy
    /// itself, the highest first, with which a published run can be repeated exactly.
    ///
    /// # Errors
    /// A name that cannot be that of a directory (letters, digits, `-`, `_` and `.` only, and not starting with `.`); fewer than two
    /// items or more than 10,000; an item that is empty, repeated or longer than 200 bytes, starts or ends with white space, or has
    /// a control character.
    pub fn new(name: &str, items: Vec<String>, drawn: bool) -> Result<Self> {
        if !is_folder_name(name, MAX_NAME) {
            return Err(LmError::invalid(format!(
                "item list {name:?}: its name becomes that of a directory: expected letters, digits, '-', '_' and '.' only"
            )));
        }
        let wrong = |problem: String| Err(LmError::invalid(format!("item list {name:?}: {problem}")));
        if !(2..=MAX_LIST).contains(&items.len()) {
            return wrong(format!("{} items: expected 2 to {MAX_LIST}", items.len()));
        }
        let mut met = HashSet::with_capacity(items.len());
        for (k, item) in items.iter().enumerate() {
            if let Some(problem) = problem_of_name(item) {
                return wrong(format!("item {} of {} {problem}", k + 1, items.len()));
            }
            if !met.insert(item.as_str()) {
                return wrong(format!("item {:?} is there twice: expected every item once", item));
            }
        }
        Ok(Self { name: name.to_owned(), items, drawn })
    }

    /// Reads a list from a UTF-8 file with one item per line. White space around items, empty lines and lines that start with `#` are
    /// ignored. The list has the name of the file, without directory and extension.
    ///
    /// # Errors
    /// Those of [`new`](Self::new), and a file that cannot be read, is not UTF-8 or has more than 1 MiB.
    pub fn from_file(path: &Path, drawn: bool) -> Result<Self> {
        let text = text_file::read(path, "one item a line")?;
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        Self::new(name, lines(&text), drawn).map_err(|e| LmError::bad_file(path, e.to_string()))
    }

    /// The name in results.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The items, in the order of the list.
    pub fn items(&self) -> &[String] {
        &self.items
    }

    /// Whether hierarchies are drawn from the list; otherwise it is a hierarchy itself.
    pub fn is_drawn(&self) -> bool {
        self.drawn
    }
}

/// Whether a name of at most `most` bytes can be that of a folder on every system.
pub(crate) fn is_folder_name(name: &str, most: usize) -> bool {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    !name.is_empty() && name.len() <= most && !name.starts_with('.') && name.chars().all(is_plain)
}

/// What is wrong with the name of an item, if anything.
pub(super) fn problem_of_name(name: &str) -> Option<String> {
    if name.is_empty() {
        Some("is empty: expected a name".to_owned())
    } else if name.len() > MAX_NAME {
        Some(format!("has {} bytes: expected at most {MAX_NAME}", name.len()))
    } else if name.trim() != name {
        Some(format!("is {name:?}: expected no white space at its ends"))
    } else if name.chars().any(char::is_control) {
        Some(format!("is {name:?}: expected no control characters"))
    } else {
        None
    }
}

/// The items of a text, one per line, without comments and empty lines.
fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(items: &[&str]) -> Vec<String> {
        items.iter().map(|&i| i.to_owned()).collect()
    }

    #[test]
    fn built_in_sets_hold_distinct_well_formed_items() {
        for (set, size) in ItemSet::BUILT_IN.into_iter().zip([30, 30, 169]) {
            let items = set.items();
            assert_eq!(items.len(), size, "{}", set.name());
            assert!(CustomItems::new(set.task_name(), items, true).is_ok());
            assert_eq!(ItemSet::built_in(set.name()).unwrap(), set);
            assert_eq!(ItemSet::built_in(set.task_name()).unwrap(), set);
        }
        assert_eq!(ItemSet::BUILT_IN.map(|s| s.task_name().to_owned()), ["fake", "real", "poker"]);
    }

    #[test]
    fn invented_teams_share_no_word_with_each_other_or_with_real_teams() {
        let words = |set: ItemSet| -> Vec<String> {
            set.items().iter().flat_map(|i| i.split(' ').map(str::to_lowercase).collect::<Vec<_>>()).collect()
        };
        let invented = words(ItemSet::Invented);
        assert_eq!(invented.len(), 60);
        assert_eq!(invented.iter().collect::<HashSet<_>>().len(), 60);
        let real = words(ItemSet::MajorLeagueBaseball);
        assert!(invented.iter().all(|word| !real.contains(word)));
    }

    #[test]
    fn invented_teams_are_of_similar_length() {
        let lengths: Vec<usize> = ItemSet::Invented.items().iter().map(String::len).collect();
        assert!(lengths.iter().all(|l| (13..=18).contains(l)), "{lengths:?}");
    }

    #[test]
    fn a_list_that_cannot_be_a_hierarchy_is_refused_with_the_reason() {
        let refused = |name: &str, items: &[&str]| {
            let message = CustomItems::new(name, owned(items), true).unwrap_err().to_string();
            assert!(!message.contains('\n'));
            message
        };
        assert!(refused("cities", &["Rome"]).contains("1 items: expected 2 to 10000"));
        assert!(refused("cities", &["Rome", "Oslo", "Rome"]).contains("\"Rome\" is there twice"));
        assert!(refused("cities", &["Rome", ""]).contains("item 2 of 2 is empty"));
        assert!(refused("cities", &["Rome", "Oslo\tNorth"]).contains("no control characters"));
        assert!(refused("cities", &["Rome", " Oslo"]).contains("no white space at its ends"));
        assert!(refused("cities", &["Rome", &"o".repeat(201)]).contains("201 bytes"));
        for name in ["", ".", "..", "a/b", "a b", ".hidden"] {
            assert!(refused(name, &["Rome", "Oslo"]).contains("that of a directory"), "{name}");
        }
        assert!(ItemSet::built_in("nba").unwrap_err().to_string().contains("expected invented"));
    }

    #[test]
    fn a_file_is_read_without_comments_and_empty_lines_whatever_its_line_ends() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("capitals-2.txt");
        std::fs::write(&path, "\u{feff}# by size\r\nTokyo \r\n\r\n  São Paulo\n#no item\nOslo").unwrap();
        let items = CustomItems::from_file(&path, false).unwrap();
        assert_eq!(items.name(), "capitals-2");
        assert_eq!(items.items(), ["Tokyo", "São Paulo", "Oslo"]);
        assert!(!items.is_drawn());
        let task = ItemSet::Custom(items);
        assert_eq!((task.task_name(), task.items().len()), ("capitals-2", 3));
    }

    #[test]
    fn files_that_are_no_lists_are_refused_by_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("items.txt");
        let refused = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            CustomItems::from_file(&path, true).unwrap_err().to_string()
        };
        assert!(refused(b"").contains("items.txt: item list \"items\": 0 items"));
        assert!(refused(b"Rome\nRo\xffme\n").contains("items.txt: byte 7 is not UTF-8"));
        assert!(refused(&vec![b'\n'; (1 << 20) + 1]).contains("more than 1048576 bytes"));
        let missing = directory.path().join("missing.txt");
        assert!(CustomItems::from_file(&missing, true).unwrap_err().to_string().contains("cannot be read"));
        assert!(CustomItems::from_file(directory.path(), true).is_err());
    }
}
