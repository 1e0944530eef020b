//! Closed choices by name: each value is listed once, with its name and what it is.

/// One of a few values, each with a name; [`named_enum!`](crate::named_enum) makes them.
pub trait Named: Copy + Send + Sync + 'static {
    /// All values, in order.
    const VALUES: &'static [Self];

    /// Name in files and in output; stable.
    fn name(self) -> &'static str;

    /// Name on the command line and in Python, mostly the same.
    fn argument(self) -> &'static str;

    /// One line of help; empty where the name says enough.
    fn help(self) -> &'static str;

    /// The value with this name as an argument.
    fn from_argument(name: &str) -> Option<Self> {
        Self::VALUES.iter().copied().find(|choice| choice.argument() == name)
    }

    /// The names of all values as arguments, with commas between them.
    fn list_arguments() -> String {
        Self::VALUES.iter().map(|choice| choice.argument()).collect::<Vec<_>>().join(", ")
    }

    /// The names of all values in words, as in "a, b or c".
    fn list_names() -> String {
        let names: Vec<&str> = Self::VALUES.iter().map(|choice| choice.name()).collect();
        match &names[..] {
            [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
            names => names.concat(),
        }
    }
}

/// Defines an enum whose values have names, with the list of all of them, `name`, [`Display`](std::fmt::Display) and [`Named`].
///
/// A name may be followed, in this order, by `as` and another name for arguments; by a colon and a line of help, which begins the
/// documentation of the value; and by other accepted names, each after a bar. `refuse` at the end gives the error for an unknown name;
/// with it, the enum has [`FromStr`](std::str::FromStr) and `TryFrom<String>`.
///
/// ```
/// caveat_theory::named_enum! {
///     /// How fast.
///     #[derive(Debug, Clone, Copy, PartialEq)]
///     pub enum Speed, ALL {
///         /// Nobody waits for it.
///         Slow = "slow": "At leisure",
///         /// Everybody waits for it.
///         Fast = "fast" | "quick",
///     }
///     refuse |name| -> String { format!("no speed is called {name}") }
/// }
/// assert_eq!(Speed::ALL.map(Speed::name), ["slow", "fast"]);
/// assert_eq!("quick".parse::<Speed>(), Ok(Speed::Fast));
/// ```
#[macro_export]
macro_rules! named_enum {
    (
        $(#[$meta:meta])*
        $visibility:vis enum $type:ident, $all:ident {
            $(
                $(#[$value_meta:meta])*
                $value:ident = $name:literal $(as $argument:literal)? $(: $help:literal)? $(| $alias:literal)*
            ),+ $(,)?
        }
        refuse |$unknown:ident| -> $error:ty $problem:block
    ) => {
        $crate::named_enum! {
            $(#[$meta])*
            $visibility enum $type, $all {
                $($(#[$value_meta])* $value = $name $(as $argument)? $(: $help)?),+
            }
        }

        impl std::str::FromStr for $type {
            type Err = $error;

            fn from_str($unknown: &str) -> std::result::Result<Self, $error> {
                match $unknown {
                    $($name $(| $alias)* => Ok(Self::$value),)+
                    _ => Err($problem),
                }
            }
        }

        impl TryFrom<String> for $type {
            type Error = $error;

            fn try_from(name: String) -> std::result::Result<Self, $error> {
                name.parse()
            }
        }
    };
    (
        $(#[$meta:meta])*
        $visibility:vis enum $type:ident, $all:ident {
            $(
                $(#[$value_meta:meta])*
                $value:ident = $name:literal $(as $argument:literal)? $(: $help:literal)?
            ),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        $visibility enum $type {
            $($(#[doc = concat!(" ", $help, ".")])? $(#[$value_meta])* $value,)+
        }

        impl $type {
            /// All of them, in order.
            $visibility const $all: [Self; [$($name),+].len()] = [$(Self::$value),+];

            /// Name in files and in output; stable.
            $visibility const fn name(self) -> &'static str {
                match self {
                    $(Self::$value => $name,)+
                }
            }
        }

        impl $crate::Named for $type {
            const VALUES: &'static [Self] = &Self::$all;

            fn name(self) -> &'static str {
                self.name()
            }

            fn argument(self) -> &'static str {
                match self {
                    $(Self::$value => [$($argument,)? $name][0],)+
                }
            }

            fn help(self) -> &'static str {
                match self {
                    $(Self::$value => concat!($($help)?),)+
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }
    };
}
