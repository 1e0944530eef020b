//! One rule for the labels of items: which spellings name one item, how it is shown, and which labels look alike.
//!
//! Two spellings name one item if they are equal as:
//! * **Text** in Unicode's composed form (NFC), without invisible characters (control characters, byte-order marks, zero-width
//!   spaces, soft hyphens, direction marks) and surrounding white space; white space within counts as single spaces.
//! * **Numbers** by value, as exact decimals of any size: `2`, `2.0`, `2e0`, `+2` and `02` are one item, 9007199254740993 and
//!   9007199254740992 are two. Other notations (`1,000`, `0x10`, `1/2`) are text.
//!
//! A whole number is shown plainly, as 2. A code with leading zeros or a decimal fraction is shown as the file writes it (007,
//! 1.10), but plainly if it is written in several ways. Case counts, and so do other forms of a letter (ﬁ and fi): labels that
//! differ only by these are different items, and [`look_alikes`] finds them.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use rayon::prelude::*;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use crate::delimited::is_missing;
use crate::interner::{Interner, Strings};

/// The key of an item, equal for all its spellings. Cheap for most labels.
///
/// ```
/// use caveat_results::label_key;
/// assert_eq!(label_key(" 2.0"), label_key("+2e0"));
/// assert_eq!(label_key("New\u{a0}York\u{feff}"), "New York");
/// assert_ne!(label_key("9007199254740993"), label_key("9007199254740992.0"));
/// assert_ne!(label_key("ant"), label_key("Ant"));
/// ```
pub fn label_key(text: &str) -> Cow<'_, str> {
    if is_plain(text.as_bytes()) {
        return Cow::Borrowed(text);
    }
    let tidy = tidy(text);
    match Number::parse(&tidy) {
        Some(number) => Cow::Owned(number.to_string()),
        None => tidy,
    }
}

/// Whether a field holds no label: nothing visible, or a word for a missing value (`NA`, `NaN`, `None`, …).
pub fn is_missing_label(text: &[u8]) -> bool {
    match text.first() {
        None => true,
        // All words for a missing value begin with one of these.
        Some(b'N' | b'n' | b'<' | b'#') => std::str::from_utf8(text).is_ok_and(is_missing),
        Some(first) if first.is_ascii_graphic() => false,
        Some(_) => std::str::from_utf8(text).is_ok_and(|text| is_missing(&tidy(text))),
    }
}

/// Order of labels: numbers by value, then text by its characters.
pub fn label_order(a: &str, b: &str) -> Ordering {
    let plain = |text: &str| text.len() <= 15 && text.bytes().all(|b| b.is_ascii_digit()) && !text.is_empty();
    if plain(a) && plain(b) {
        let value = |text: &str| text.bytes().fold(0_u64, |sum, b| 10 * sum + u64::from(b - b'0'));
        return value(a).cmp(&value(b)).then_with(|| a.cmp(b));
    }
    match (Number::parse(a), Number::parse(b)) {
        (Some(x), Some(y)) => x.order(&y).then_with(|| a.cmp(b)),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.cmp(b),
    }
}

/// A one-line warning if labels of different items differ only by case or by the form of a letter, as `ant` and `Ant`.
///
/// Cost at most O(n log n); labels of lower-case ASCII are cheap.
pub fn look_alikes<T: AsRef<str> + Sync>(labels: &[T]) -> Option<String> {
    look_alikes_of(labels, "labels")
}

/// [`look_alikes`] for labels that the warning calls by another plural noun.
pub fn look_alikes_of<T: AsRef<str> + Sync>(labels: &[T], noun: &str) -> Option<String> {
    let labels: Vec<&str> = labels.iter().map(AsRef::as_ref).collect();
    if labels.par_iter().all(|label| label.bytes().all(|b| b.is_ascii() && !b.is_ascii_uppercase())) {
        return None;
    }
    let hasher = BuildHasherDefault::<DefaultHasher>::default();
    let mut hashes: Vec<(u64, u32)> =
        labels.par_iter().enumerate().map(|(k, label)| (hasher.hash_one(folded(label)), k as u32)).collect();
    hashes.par_sort_unstable();
    let mut alike: Vec<(u32, u32)> = hashes
        .windows(2)
        .filter(|pair| pair[0].0 == pair[1].0)
        .map(|pair| (pair[0].1, pair[1].1))
        .filter(|&(a, b)| labels[a as usize] != labels[b as usize])
        .filter(|&(a, b)| folded(labels[a as usize]) == folded(labels[b as usize]))
        .collect();
    alike.sort_unstable();
    let &(a, b) = alike.first()?;
    let (a, b) = (labels[a as usize], labels[b as usize]);
    let how = if a.to_lowercase() == b.to_lowercase() { "by case alone" } else { "only in the form of a character" };
    let more = match alike.len() - 1 {
        0 => String::new(),
        1 => ", and one more pair likewise".to_owned(),
        more => format!(", and {more} more pairs likewise"),
    };
    let two = if noun == "labels" { "items" } else { noun };
    Some(format!("the {noun} {a:?} and {b:?} differ {how} and are taken for two {two}{more}"))
}

/// Whether a label is clearly its own key, as most are. False does not say that it is not.
fn is_plain(text: &[u8]) -> bool {
    let Some((&first, &last)) = text.first().zip(text.last()) else { return false };
    if first == b' ' || last == b' ' {
        return false;
    }
    let mut before = 0;
    for &b in text {
        if !(b' '..=b'~').contains(&b) || (b == b' ' && before == b' ') {
            return false;
        }
        before = b;
    }
    match first {
        b'0' => text.len() == 1 || !looks_numeric(text),
        // Longer numbers may end in more zeros than the key writes out.
        b'1'..=b'9' => text.len() <= 22 && text.iter().all(u8::is_ascii_digit) || !looks_numeric(text),
        b'+' | b'-' | b'.' => !looks_numeric(text),
        _ => true,
    }
}

/// Whether all characters can be part of a number.
fn looks_numeric(text: &[u8]) -> bool {
    text.iter().all(|b| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'))
}

/// The visible text of a label. Names other than those of items (settings, models, subjects) are compared by it, so that `1.10`
/// and `1.1` are two.
pub(crate) fn tidy(text: &str) -> Cow<'_, str> {
    let seen = text.trim_matches(|c: char| c.is_whitespace() || is_invisible(c) || is_joiner(c));
    let mut before = ' ';
    let clean = seen.chars().all(|c| {
        let good = if c == ' ' { before != ' ' } else { !is_invisible(c) && !c.is_whitespace() };
        before = c;
        good
    });
    if clean {
        return compose(Cow::Borrowed(seen));
    }
    let mut text = String::with_capacity(seen.len());
    for c in seen.chars().filter(|&c| !is_invisible(c)) {
        match c.is_whitespace() {
            true if text.ends_with(' ') => {}
            true => text.push(' '),
            false => text.push(c),
        }
    }
    compose(Cow::Owned(text))
}

fn compose(text: Cow<'_, str>) -> Cow<'_, str> {
    match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => text,
        _ => Cow::Owned(text.nfc().collect()),
    }
}

/// Characters that are never visible. Control characters that are white space are not among them.
fn is_invisible(c: char) -> bool {
    (c.is_control() && !c.is_whitespace())
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// Zero-width (non-)joiners shape letters in Persian, Hindi and emoji, so they count within a label but not at its ends.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}')
}

/// A decimal number ±0.d₁d₂… · 10^exponent whose digits neither begin nor end with 0; zero has none.
#[derive(Debug, PartialEq, Eq)]
struct Number {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Number {
    /// Reads `[sign] digits [. digits] [e [sign] digits]` with digits before or after the point.
    fn parse(text: &str) -> Option<Self> {
        let first = text.chars().next()?;
        if !matches!(first, '0'..='9' | '+' | '-' | '.' | '\u{2212}') {
            return None;
        }
        let (negative, rest) = match first {
            '-' | '\u{2212}' => (true, &text[first.len_utf8()..]),
            '+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (mantissa, power) = match rest.split_once(['e', 'E']) {
            Some((mantissa, power)) => (mantissa, power_of_ten(power)?),
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        if whole.len() + fraction.len() == 0 || !all_digits(whole) || !all_digits(fraction) {
            return None;
        }
        let all = format!("{whole}{fraction}");
        let without_leading = all.trim_start_matches('0');
        let digits = without_leading.trim_end_matches('0').to_owned();
        if digits.is_empty() {
            return Some(Self { negative: false, digits, exponent: 0 });
        }
        let exponent = power + whole.len() as i64 - (all.len() - without_leading.len()) as i64;
        Some(Self { negative, digits, exponent })
    }

    fn is_whole(&self) -> bool {
        self.digits.len() as i64 <= self.exponent.max(0)
    }

    fn order(&self, other: &Self) -> Ordering {
        let sign = |n: &Self| match (n.digits.is_empty(), n.negative) {
            (true, _) => 0,
            (false, negative) => 1 - 2 * i8::from(negative),
        };
        let size = || self.exponent.cmp(&other.exponent).then_with(|| self.digits.cmp(&other.digits));
        sign(self).cmp(&sign(other)).then_with(|| if self.negative { size().reverse() } else { size() })
    }
}

/// A power of ten of up to nine digits; nobody writes more.
fn power_of_ten(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let good = (1..=9).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    good.then(|| text.parse().ok())?
}

impl std::fmt::Display for Number {
    /// Plain decimals, or scientific notation instead of more than 21 zeros at the end or 6 after the point.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { negative, digits, exponent } = self;
        let zeros = |count: i64| "0".repeat(count as usize);
        f.write_str(if *negative { "-" } else { "" })?;
        let length = digits.len() as i64;
        if digits.is_empty() {
            f.write_str("0")
        } else if (0..=21).contains(&(exponent - length)) {
            write!(f, "{digits}{}", zeros(exponent - length))
        } else if (1..length).contains(exponent) {
            let (whole, fraction) = digits.split_at(*exponent as usize);
            write!(f, "{whole}.{fraction}")
        } else if (-6..=0).contains(exponent) {
            write!(f, "0.{}{digits}", zeros(-exponent))
        } else {
            let (first, rest) = digits.split_at(1);
            let point = if rest.is_empty() { "" } else { "." };
            write!(f, "{first}{point}{rest}e{}", exponent - 1)
        }
    }
}

/// How an item with only one spelling is shown.
fn shown_alone(tidy: &str) -> String {
    match Number::parse(tidy) {
        Some(number) if number.is_whole() && !is_padded(tidy) => number.to_string(),
        _ => tidy.to_owned(),
    }
}

/// A code with leading zeros, as 007.
fn is_padded(text: &str) -> bool {
    text.len() > 1 && text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit())
}

/// A label without case and letter forms: compatibility composition, upper then lower case, one kind of dash and quotation mark.
fn folded(label: &str) -> String {
    if label.is_ascii() {
        return label.to_ascii_lowercase();
    }
    let form: String = label.nfkc().collect::<String>().to_uppercase().to_lowercase().nfkc().collect();
    let plain = |c| match c {
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        '\u{2018}' | '\u{2019}' | '\u{2032}' => '\'',
        '\u{201c}' | '\u{201d}' | '\u{2033}' => '"',
        c => c,
    };
    form.chars().map(plain).collect()
}

/// Numbers items by their labels, in order of first appearance. Only new spellings are examined; as long as all are plain, spellings
/// are items.
#[derive(Debug, Default)]
pub(crate) struct Labels {
    spellings: Interner,
    /// The keys of items, once a spelling is not its own key.
    keyed: Option<Keyed>,
    /// How many spellings were examined.
    looked_at: u32,
}

#[derive(Debug, Default)]
struct Keyed {
    keys: Interner,
    /// Item of every spelling.
    item: Vec<u32>,
    /// First spelling of every item, and for some numbers a spelling with another visible text.
    spelled: Vec<(u32, Option<u32>)>,
}

/// The shown labels of items, the item of every spelling, and notes for a person.
pub type Merged = (Vec<String>, Vec<usize>, Vec<String>);

/// Finds the items behind spellings, in [`label_order`].
///
/// # Errors
/// More than 2³² − 2 spellings, in words.
pub fn merge_labels<T: AsRef<str>>(spellings: &[T]) -> Result<Merged, String> {
    let mut all = Labels::default();
    let items = spellings.iter().map(|s| all.number(s.as_ref())).collect::<Result<Vec<u32>, String>>()?;
    let (mut labels, notes) = all.finish();
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.sort_by(|&a, &b| label_order(&labels[a], &labels[b]));
    let mut place = vec![0; order.len()];
    order.iter().enumerate().for_each(|(k, &item)| place[item] = k);
    let sorted = order.iter().map(|&item| std::mem::take(&mut labels[item])).collect();
    Ok((sorted, items.iter().map(|&item| place[item as usize]).collect(), notes))
}

impl Labels {
    /// Appends the items of many labels to `items`; or says which label is the first wrong one, and why.
    pub(crate) fn number_all(&mut self, labels: &Strings, items: &mut Vec<u32>) -> Result<(), (usize, String)> {
        let first = items.len();
        let numbered = self.spellings.intern_all(labels, items);
        self.look_at_new();
        if let Some(keyed) = &self.keyed {
            items[first..].iter_mut().for_each(|number| *number = keyed.item[*number as usize]);
        }
        numbered
    }

    /// Item of one label.
    pub(crate) fn number(&mut self, label: &str) -> Result<u32, String> {
        let spelling = self.spellings.intern(label.as_bytes())?;
        self.look_at_new();
        Ok(self.keyed.as_ref().map_or(spelling, |keyed| keyed.item[spelling as usize]))
    }

    fn look_at_new(&mut self) {
        for spelling in self.looked_at..self.spellings.len() as u32 {
            let text = self.spellings.get(spelling);
            if self.keyed.is_none() && is_plain(text.as_bytes()) {
                continue;
            }
            let spellings = &self.spellings;
            let keyed = self.keyed.get_or_insert_with(|| {
                let mut keyed = Keyed::default();
                (0..spelling).for_each(|k| keyed.push(k, spellings));
                keyed
            });
            keyed.push(spelling, spellings);
        }
        self.looked_at = self.spellings.len() as u32;
    }

    /// The shown labels of all items, and notes for a person, a line each.
    pub(crate) fn finish(self) -> (Vec<String>, Vec<String>) {
        let Some(keyed) = self.keyed else {
            let labels = self.spellings.into_labels();
            let notes = look_alikes(&labels).map(|w| format!("warning: {w}")).into_iter().collect();
            return (labels, notes);
        };
        let labels: Vec<String> = keyed
            .spelled
            .iter()
            .enumerate()
            .map(|(item, &(first, another))| match another {
                Some(_) => keyed.keys.get(item as u32).to_owned(),
                None => shown_alone(&tidy(self.spellings.get(first))),
            })
            .collect();
        let mut notes = Vec::new();
        let several = || labels.iter().zip(&keyed.spelled).filter(|(_, (_, another))| another.is_some());
        if let Some((label, &(first, Some(another)))) = several().next() {
            let (first, another) = (self.spellings.get(first), self.spellings.get(another));
            let more = match several().count() - 1 {
                0 => String::new(),
                1 => ", and one more item is written in several ways".to_owned(),
                more => format!(", and {more} more items are written in several ways"),
            };
            notes.push(format!("note: {first:?} and {another:?} are one item by value, shown as {label}{more}"));
        }
        notes.extend(look_alikes(&labels).map(|w| format!("warning: {w}")));
        (labels, notes)
    }
}

impl Keyed {
    fn push(&mut self, spelling: u32, spellings: &Interner) {
        let text = spellings.get(spelling);
        // Does not fail: keys are UTF-8, and there are no more of them than spellings.
        let item = self.keys.intern(label_key(text).as_bytes()).unwrap_or_default();
        self.item.push(item);
        match self.spelled.get_mut(item as usize) {
            None => self.spelled.push((spelling, None)),
            Some((first, another)) => {
                if another.is_none() && tidy(spellings.get(*first)) != tidy(text) {
                    *another = Some(spelling);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn named(labels: &[&str]) -> (Vec<u32>, Vec<String>, Vec<String>) {
        let mut all = Labels::default();
        let numbers = labels.iter().map(|l| all.number(l).unwrap()).collect();
        let (labels, notes) = all.finish();
        (numbers, labels, notes)
    }

    #[test]
    fn spellings_of_one_number_are_one_item() {
        for (key, spellings) in [
            (
                "2",
                &["2", "2.0", "2.", "2e0", "+2", " 2", "2\u{a0}", "\u{feff}2", "20E-1", "0.2e+1", "02", "002.000"][..],
            ),
            ("0", &["0", "-0", "0.0", "-0e7", "00", ".0"]),
            ("-1.5", &["-1.5", "-1.50", "-15e-1", "\u{2212}1.5"]),
            ("1.1", &["1.1", "1.10"]),
            ("9007199254740993", &["9007199254740993", "9007199254740993.0", "9.007199254740993e+15"]),
            ("1e30", &["1e30", "1E+30", "1000000000000000000000000000000"]),
            ("1e-9", &["1e-9", "0.000000001"]),
            ("0.00025", &["2.5e-4", ".00025"]),
        ] {
            for spelling in spellings {
                assert_eq!(label_key(spelling), key, "{spelling:?}");
            }
        }
        let texts = [
            "1,000",
            "0x10",
            "1/2",
            "1e",
            "e1",
            ".",
            "+",
            "-",
            "1.2.3",
            "1 2",
            "--1",
            "inf",
            "1e9999999999",
            "٣",
            "2²",
        ];
        for text in texts {
            assert_eq!(label_key(text), text);
        }
        assert_ne!(label_key("9007199254740993"), label_key("9007199254740992"));
    }

    #[test]
    fn text_is_one_item_however_its_spaces_and_accents_are_stored() {
        for (key, spellings) in [
            (
                "New York",
                &["New York", " New York\t", "New\u{a0}York", "New  York", "\u{feff}New\u{202f}York", "New\r\nYork"][..],
            ),
            ("café", &["caf\u{e9}", "cafe\u{301}", "ca\u{200b}fé", "caf\u{ad}é\u{200d}"]),
            ("각", &["\u{ac01}", "\u{1100}\u{1161}\u{11a8}"]),
            ("Å", &["\u{c5}", "\u{212b}", "A\u{30a}"]),
        ] {
            for spelling in spellings {
                assert_eq!(label_key(spelling), key, "{spelling:?}");
            }
        }
        // Joiners spell: Persian words, and a family of emoji.
        assert_ne!(label_key("می\u{200c}خواهم"), label_key("میخواهم"));
        assert_eq!(label_key("👩\u{200d}👧"), "👩\u{200d}👧");
    }

    #[test]
    fn numbers_are_shown_plainly_and_codes_as_they_are_written() {
        let (numbers, labels, notes) = named(&["2.0", "007", "1.10", "2", "x", "3e0", "08", "8"]);
        assert_eq!(numbers, [0, 1, 2, 0, 3, 4, 5, 5]);
        assert_eq!(labels, ["2", "007", "1.10", "x", "3", "8"]);
        let note =
            "note: \"2.0\" and \"2\" are one item by value, shown as 2, and one more item is written in several ways";
        assert_eq!(notes, [note]);
    }

    #[test]
    fn trimming_and_composing_are_no_news() {
        let (numbers, labels, notes) = named(&["a b", " a\u{a0}b", "007", "\u{feff}007", "e\u{301}", "é"]);
        assert_eq!((numbers, labels), (vec![0, 0, 1, 1, 2, 2], vec!["a b".into(), "007".into(), "é".into()]));
        assert!(notes.is_empty());
    }

    #[test]
    fn labels_that_look_alike_are_warned_of() {
        for (labels, says) in [
            (["ant", "bee", "Ant"], Some("\"ant\" and \"Ant\" differ by case alone")),
            (["straße", "x", "STRASSE"], Some("differ")),
            (["ﬁn", "fin", "x"], Some("\"ﬁn\" and \"fin\" differ only in the form of a character")),
            (["２", "2", "x"], Some("only in the form")),
            (["GPT-4", "GPT\u{2011}4", "x"], Some("only in the form")),
            (["É", "é", "e"], Some("\"É\" and \"é\" differ by case alone")),
            (["Ant", "Bee", "Cow"], None),
            (["a", "á", "à"], None),
        ] {
            let found = look_alikes(&labels);
            assert_eq!(found.is_some(), says.is_some(), "{labels:?}: {found:?}");
            assert!(found.unwrap_or_default().contains(says.unwrap_or_default()), "{labels:?}");
        }
        let many = ["a", "A", "b", "B", "c", "C"];
        assert!(look_alikes(&many).unwrap().ends_with("taken for two items, and 2 more pairs likewise"));
    }

    #[test]
    fn missing_labels_are_told_from_names() {
        for missing in
            ["", "NA", "nan", "NaN", "None", "<NA>", "#N/A", "null", "NULL", "\u{a0}NA", "\u{200b}", "\u{feff}"]
        {
            assert!(is_missing_label(missing.as_bytes()), "{missing:?}");
        }
        for name in ["Na", "na", "Nan", "none", "Nancy", "0", "-", "é", "#1"] {
            assert!(!is_missing_label(name.as_bytes()), "{name:?}");
        }
    }

    #[test]
    fn labels_are_ordered_by_value_then_by_text() {
        let mut labels = ["b", "10", "a", "9", "-3", "1.5", "007", "B", "1e30", "-20"];
        labels.sort_by(|a, b| label_order(a, b));
        assert_eq!(labels, ["-20", "-3", "1.5", "007", "9", "10", "1e30", "B", "a", "b"]);
    }

    proptest! {
        #[test]
        fn a_key_is_its_own_key(text in "\\PC{0,12}|[ 0-9.eE+-]{0,8}|[a-c\u{301}\u{a0}\u{200b}\u{200d}\u{ad} ]{0,8}") {
            let key = label_key(&text).into_owned();
            prop_assert_eq!(label_key(&key), key.as_str());
            if is_plain(text.as_bytes()) {
                prop_assert_eq!(key.as_str(), text.as_str());
                // What is passed without a look is what a look would give.
                let looked_at = Number::parse(&tidy(&text)).map_or_else(|| tidy(&text).into_owned(), |n| n.to_string());
                prop_assert_eq!(looked_at, text);
            }
        }

        #[test]
        fn keys_of_numbers_keep_their_value(value in proptest::num::f64::NORMAL | proptest::num::f64::ZERO) {
            for text in [format!("{value}"), format!("{value:e}"), format!("{value:?}")] {
                let upper = format!("{value:E}");
                prop_assert_eq!(label_key(&text), label_key(&upper));
                prop_assert_eq!(label_key(&text).parse::<f64>().unwrap(), value);
            }
        }

        #[test]
        fn labels_at_once_get_the_items_of_their_keys(picked in proptest::collection::vec(0_usize..14, 1..60)) {
            let pool = ["a", "1", "1.0", " a", "b", "01", "é", "e\u{301}", "2", "2e0", "c c", "c\u{a0}c", "A", "x1"];
            let mut strings = Strings::default();
            picked.iter().for_each(|&k| strings.push(pool[k].as_bytes()));
            let (mut at_once, mut items) = (Labels::default(), Vec::new());
            at_once.number_all(&strings, &mut items).unwrap();
            let mut keys = Interner::default();
            let expected: Vec<u32> = picked.iter().map(|&k| keys.intern(label_key(pool[k]).as_bytes()).unwrap()).collect();
            prop_assert_eq!(items, expected);
            let (labels, _) = at_once.finish();
            let shown: Vec<_> = labels.iter().map(|l| label_key(l).into_owned()).collect();
            prop_assert_eq!(shown, keys.into_labels());
        }
    }
}
