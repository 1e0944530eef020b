//! Attributes of Python classes, a line each.

/// Read-only attributes of a class, as `name(self) -> Type = value;` below their documentation.
macro_rules! fields {
    ($class:ident: $($(#[$doc:meta])* $name:ident($me:ident) -> $type:ty = $value:expr;)+) => {
        #[pyo3::pymethods]
        impl $class {
            $(
                $(#[$doc])*
                #[getter]
                fn $name(&$me) -> $type {
                    $value
                }
            )+
        }
    };
}
