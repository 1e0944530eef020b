//! Enums whose values have names, in options and files.

/// Gives an enum `ALL` and `name`, and by that name `Display` and `Serialize`. With `$problem`, which makes the message for a name that
/// is not known, of that name and the known ones with commas between them, `FromStr` and `Deserialize` too.
macro_rules! named {
    ($visibility:vis $kind:ident { $($value:ident = $name:literal),+ $(,)? }) => {
        impl $kind {
            /// All, in order.
            $visibility const ALL: &'static [Self] = &[$(Self::$value),+];

            /// Name in options, files and tables.
            $visibility const fn name(self) -> &'static str {
                match self {
                    $(Self::$value => $name),+
                }
            }
        }

        impl std::fmt::Display for $kind {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }

        impl serde::Serialize for $kind {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }
    };
    ($visibility:vis $kind:ident $names:tt, $problem:expr) => {
        named!($visibility $kind $names);

        impl std::str::FromStr for $kind {
            type Err = $crate::error::LmError;

            fn from_str(name: &str) -> $crate::error::Result<Self> {
                let problem: fn(&str, String) -> String = $problem;
                Self::ALL.iter().find(|value| value.name() == name).copied().ok_or_else(|| {
                    let known = Self::ALL.iter().map(|value| value.name()).collect::<Vec<_>>().join(", ");
                    $crate::error::LmError::Invalid(problem(name, known))
                })
            }
        }

        impl<'de> serde::Deserialize<'de> for $kind {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
                let name = <String as serde::Deserialize>::deserialize(deserializer)?;
                name.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

pub(crate) use named;
