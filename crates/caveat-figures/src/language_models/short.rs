//! Names cut to the room that a picture has for them, and still distinct.

use std::collections::{BTreeMap, BTreeSet};

use crate::text::Text;

/// `words` cut to what fits `width` points at `size`, with … at the cut.
pub(crate) fn shortened(words: &str, width: f64, size: u32) -> String {
    if fits(words, width, size) {
        return words.to_owned();
    }
    let mut starts = words.char_indices().rev().map(|(end, _)| format!("{}…", words[..end].trim_end()));
    starts.find(|short| fits(short, width, size)).unwrap_or_default()
}

/// Every name cut to `width` points at `size`, with no two names alike.
///
/// Names are cut at the end. Where that makes two of them the same, the start that all share is left out first, else the middles
/// are. Names that are still the same are numbered. An empty name stays empty.
pub(crate) fn shortened_apart<'a>(
    names: impl IntoIterator<Item = &'a str>,
    width: f64,
    size: u32,
) -> BTreeMap<&'a str, String> {
    let mut all: Vec<&str> = names.into_iter().collect();
    all.sort_unstable();
    all.dedup();
    let common = common_start(&all);
    let tail = |name: &str| format!("…{}", &name[common..]);
    let ways: [&dyn Fn(&str) -> String; 3] = [
        &|name| shortened(name, width, size),
        &|name| if fits(name, width, size) { name.to_owned() } else { shortened(&tail(name), width, size) },
        &|name| without_middle(name, width, size),
    ];
    for way in ways {
        let short: BTreeMap<&str, String> = all.iter().map(|&name| (name, way(name))).collect();
        if short.values().collect::<BTreeSet<_>>().len() == all.len() {
            return short;
        }
    }
    let numbered = |(k, &name): (usize, &&'a str)| {
        if name.is_empty() {
            return (name, String::new());
        }
        let number = format!(" ({})", k + 1);
        let room = width - Text::new(&number).size(size).width();
        (name, format!("{}{number}", shortened(name, room, size)))
    };
    all.iter().enumerate().map(numbered).collect()
}

/// Labels of two parts with a dot between them. The second part takes up to half of the width: it may be all that distinguishes
/// labels of one model.
pub(crate) fn joined_apart(labels: &[(&str, &str)], width: f64, size: u32) -> Vec<String> {
    let second = shortened_apart(labels.iter().map(|l| l.1), width / 2.0, size);
    let with_point = |words: &str| if words.is_empty() { String::new() } else { format!(" · {words}") };
    let taken = second.values().map(|words| Text::new(with_point(words)).size(size).width()).fold(0.0, f64::max);
    let first = shortened_apart(labels.iter().map(|l| l.0), width - taken, size);
    let join = |&(a, b): &(&str, &str)| match (first[a].as_str(), second[b].as_str()) {
        ("", words) => words.to_owned(),
        (name, words) => format!("{name}{}", with_point(words)),
    };
    labels.iter().map(join).collect()
}

/// Whether `words` fit `width` points at `size`.
pub(crate) fn fits(words: &str, width: f64, size: u32) -> bool {
    Text::new(words).size(size).width() <= width
}

/// The start and the end of a name, about as much of both.
fn without_middle(name: &str, width: f64, size: u32) -> String {
    if fits(name, width, size) {
        return name.to_owned();
    }
    let letters: Vec<char> = name.chars().collect();
    let mut shorter = (1..letters.len()).rev().map(|kept| {
        let start: String = letters[..kept.div_ceil(2)].iter().collect();
        let end: String = letters[letters.len() - kept / 2..].iter().collect();
        format!("{}…{end}", start.trim_end())
    });
    shorter.find(|short| fits(short, width, size)).unwrap_or_default()
}

/// Number of bytes that all names share at the start, up to the last separator between words.
fn common_start(names: &[&str]) -> usize {
    let Some((first, rest)) = names.split_first() else { return 0 };
    let shared = |name: &&str| first.bytes().zip(name.bytes()).take_while(|(a, b)| a == b).count();
    let common = rest.iter().map(shared).min().unwrap_or(0);
    first.bytes().take(common).rposition(|b| b"/-_. ".contains(&b)).map_or(0, |at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SIZE: u32 = 7;

    #[test]
    fn long_words_are_cut_to_their_width() {
        assert_eq!(shortened("short", 100.0, SIZE), "short");
        let cut = shortened("a-very-long-model-name-of-many-billions", 60.0, SIZE);
        assert!(cut.ends_with('…') && fits(&cut, 60.0, SIZE));
        assert_eq!(shortened("x", 0.0, SIZE), "");
    }

    #[test]
    fn models_of_one_family_keep_what_tells_them_apart() {
        let names = ["1B", "3B", "70B"].map(|b| format!("meta-llama/Llama-3.2-{b}-Instruct-GGUF-Q4_K_M"));
        let short = shortened_apart(names.iter().map(String::as_str), 60.0, SIZE);
        for (name, size) in names.iter().zip(["1B", "3B", "70B"]) {
            assert!(short[name.as_str()].starts_with(&format!("…{size}-")), "{short:?}");
        }
        let ends = ["Q4", "Q8"].map(|q| format!("Qwen3.5-27B-Instruct-of-a-long-name-{q}"));
        let short = shortened_apart(ends.iter().map(String::as_str).chain(["other"]), 60.0, SIZE);
        assert!(short[ends[0].as_str()].starts_with("Qwen") && short[ends[0].as_str()].ends_with("Q4"), "{short:?}");
        assert_eq!(short["other"], "other");
    }

    #[test]
    fn labels_of_two_parts_keep_the_second() {
        let model = "meta-llama/Llama-3.2-1B-Instruct";
        let labels = joined_apart(&[(model, "fake"), (model, "poker"), ("", "fake"), ("m", "")], 70.0, SIZE);
        assert!(labels[0].ends_with("… · fake") && labels[1].ends_with("… · poker"), "{labels:?}");
        assert_eq!(labels[2..], ["fake", "m"]);
        // Without room for any name, numbers tell them apart, and no name is still none.
        let narrow = joined_apart(&[("first", "x"), ("second", "x"), ("", "x")], 30.0, SIZE);
        assert_eq!(narrow[2], "x");
        assert_ne!(narrow[0], narrow[1]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]
        #[test]
        fn no_two_names_become_one_where_their_numbers_have_room(
            names in prop::collection::btree_set("[ab/é-]{0,30}", 1..12),
            width in 25.0_f64..120.0,
        ) {
            let short = shortened_apart(names.iter().map(String::as_str), width, SIZE);
            prop_assert_eq!(short.len(), names.len());
            let distinct: std::collections::BTreeSet<_> = short.values().collect();
            prop_assert_eq!(distinct.len(), names.len(), "{:?}", short);
            for (name, words) in &short {
                prop_assert!(fits(words, width, SIZE), "{} of {}", words, name);
            }
        }
    }
}
