//! Lists of words in a text, with spaces between them.

/// Whether a list has this word.
pub(crate) fn has_word(list: &str, word: &str) -> bool {
    list.split(' ').any(|listed| listed == word)
}

/// The first of some names that a list of words in lower case has, whatever its capitals.
pub(crate) fn find_listed<'a>(names: &'a [String], list: &str) -> Option<&'a String> {
    names.iter().find(|name| has_word(list, &name.to_lowercase()))
}
