//! The language of conditions on rows: COLUMN OP VALUE, and several joined by `&` or `and`.

use std::cmp::Ordering;

/// What an expression should look like.
pub(crate) const SHAPE: &str =
    "COLUMN OP VALUE with OP one of = == != < <= > >=, as in setting=full or gap>=2, several joined by &";

/// How a value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Operator {
    /// Whether a value passes, given how it compares with each of `values`: with `=` it equals any of them, with `!=` none. `None` is
    /// neither equal, below nor above.
    pub(crate) fn holds<T>(self, values: &[T], compare: impl Fn(&T) -> Option<Ordering>) -> bool {
        let passes = |ordering: Ordering| match self {
            Self::Equal => ordering.is_eq(),
            Self::Unequal => ordering.is_ne(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        };
        let passes_one = |value: &T| compare(value).map_or(self == Self::Unequal, passes);
        if self == Self::Unequal { values.iter().all(passes_one) } else { values.iter().any(passes_one) }
    }

    pub(crate) fn is_equality(self) -> bool {
        matches!(self, Self::Equal | Self::Unequal)
    }
}

/// Compares two numbers; those that differ by less than 1e-9 of the larger are equal, so that `l2_reg=1e-4` also finds a value that
/// went through single precision.
pub(crate) fn compare_numbers(a: f64, b: f64) -> Option<Ordering> {
    // The difference of infinities is NaN.
    let is_same = a == b || (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).min(f64::MAX);
    if is_same { Some(Ordering::Equal) } else { a.partial_cmp(&b) }
}

/// The ordering of equal things; `None` of others.
pub(crate) fn equal(is_equal: bool) -> Option<Ordering> {
    is_equal.then_some(Ordering::Equal)
}

/// A condition, split at its operator.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Expression<'a> {
    pub(crate) column: &'a str,
    pub(crate) operator: Operator,
    /// The operator as written.
    pub(crate) sign: &'a str,
    /// The text after the operator.
    pub(crate) values: &'a str,
}

impl<'a> Expression<'a> {
    /// Splits `COLUMN OP VALUE`; the error says what is expected.
    pub(crate) fn parse(text: &'a str) -> Result<Self, String> {
        let at = text.find(['=', '!', '<', '>']).ok_or_else(|| format!("no operator in {text:?}: expected {SHAPE}"))?;
        let (column, rest) = (text[..at].trim(), &text[at..]);
        const OPERATORS: [(&str, Operator); 7] = [
            ("!=", Operator::Unequal),
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("==", Operator::Equal),
            ("<", Operator::Less),
            (">", Operator::Greater),
            ("=", Operator::Equal),
        ];
        let found = OPERATORS.into_iter().find(|(sign, _)| rest.starts_with(sign));
        let wrong = || format!("unknown operator after {column}: expected {SHAPE}");
        let (sign, operator) = found.filter(|_| !column.is_empty()).ok_or_else(wrong)?;
        let values = rest[sign.len()..].trim();
        if values.starts_with(['=', '!', '<', '>']) {
            return Err(wrong());
        }
        Ok(Self { column, operator, sign: &rest[..sign.len()], values })
    }
}

/// Splits conditions joined by `&`, `&&` or the word `and`, but not within quotation marks.
pub(crate) fn conjuncts(text: &str) -> Vec<&str> {
    let bytes = text.as_bytes();
    let (mut parts, mut start, mut quote) = (Vec::new(), 0, None);
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        match quote {
            Some(q) if byte == q => quote = None,
            Some(_) => {}
            None if matches!(byte, b'"' | b'\'') && text[..at].trim_end().ends_with(['=', '<', '>', ',']) => {
                quote = Some(byte);
            }
            None => {
                let rest = &bytes[at..];
                let spaced = |word: &[u8]| {
                    rest.len() > word.len()
                        && rest[..word.len()].eq_ignore_ascii_case(word)
                        && rest[word.len()].is_ascii_whitespace()
                        && at > 0
                        && bytes[at - 1].is_ascii_whitespace()
                };
                let length = if rest.starts_with(b"&&") {
                    2
                } else if spaced(b"and") {
                    3
                } else if spaced(b"&") || byte == b'&' && Expression::parse(&text[at + 1..]).is_ok() {
                    1
                } else {
                    0
                };
                if length > 0 {
                    parts.push(text[start..at].trim());
                    at += length;
                    start = at;
                    continue;
                }
            }
        }
        at += 1;
    }
    parts.push(text[start..].trim());
    parts
}

/// A value without the quotation marks around it.
pub(crate) fn unquoted(value: &str) -> &str {
    let value = value.trim();
    for mark in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(mark).and_then(|v| v.strip_suffix(mark)) {
            return inner;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_joined_by_signs_and_words() {
        for (text, parts) in [
            ("a=1", vec!["a=1"]),
            ("a==1 & b!=x", vec!["a==1", "b!=x"]),
            ("a==1&b!=x", vec!["a==1", "b!=x"]),
            ("a=1&&b=2 && c=3", vec!["a=1", "b=2", "c=3"]),
            ("a=1 and b=2 AND c=3", vec!["a=1", "b=2", "c=3"]),
            ("a=R&D", vec!["a=R&D"]),
            ("a=\"x & y=1\" & b=2", vec!["a=\"x & y=1\"", "b=2"]),
            ("brand=and", vec!["brand=and"]),
        ] {
            assert_eq!(conjuncts(text), parts, "{text}");
        }
        assert_eq!(unquoted(" \"a b\" "), "a b");
        assert_eq!(unquoted("'a'"), "a");
        assert_eq!(unquoted("\"a"), "\"a");
    }

    #[test]
    fn expressions_are_cut_at_their_operator() {
        for (text, column, operator, values) in [
            ("a = 1", "a", Operator::Equal, "1"),
            ("a==1", "a", Operator::Equal, "1"),
            ("reaction time<=2", "reaction time", Operator::LessOrEqual, "2"),
            ("a!=", "a", Operator::Unequal, ""),
        ] {
            let found = Expression::parse(text).unwrap();
            assert_eq!((found.column, found.operator, found.values), (column, operator, values));
        }
        for text in ["a", "", "=1", "a===1", "a=>1", "a<>1", "a!1"] {
            assert!(Expression::parse(text).unwrap_err().contains("expected COLUMN OP VALUE"), "{text}");
        }
    }
}
