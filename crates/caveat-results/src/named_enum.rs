//! Choices by name: every one is listed once, with its name and what it means.

/// Makes an enum whose variants have names, the list of all of them in order, `name`, [`Display`](std::fmt::Display) and, where
/// it is said what is chosen and from what, [`FromStr`](std::str::FromStr), which may know other names for some.
macro_rules! named_enum {
    (
        $(#[$meta:meta])*
        pub enum $type:ident, $all:ident {
            $($(#[$variant_meta:meta])* $variant:ident = $name:literal,)+
        }
        $(what $what:literal of $choices:expr; $($alias:literal = $aliased:ident,)*)?
    ) => {
        $(#[$meta])*
        pub enum $type {
            $($(#[$variant_meta])* $variant,)+
        }

        impl $type {
            /// All of them, in order.
            pub const $all: [Self; [$($name),+].len()] = [$(Self::$variant),+];

            /// Name in files, in output and on the command line; stable.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }

        $(impl std::str::FromStr for $type {
            type Err = $crate::error::ResultsError;

            fn from_str(name: &str) -> $crate::error::Result<Self> {
                match name {
                    $($alias => return Ok(Self::$aliased),)*
                    _ => {}
                }
                Self::$all.into_iter().find(|choice| choice.name() == name).ok_or_else(|| {
                    $crate::error::ResultsError::UnknownChoice { what: $what, value: name.to_owned(), choices: $choices }
                })
            }
        })?
    };
}

pub(crate) use named_enum;
