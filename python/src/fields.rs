//! Read-only attributes of Python classes, a line each.

/// Gives a class attributes, as `name(self) -> Type = value;` below their documentation.
///
/// A value that is made as a Python object takes the interpreter too: `name(self, py: Python<'py>) -> Type = value;`.
macro_rules! fields {
    ($class:ident: $(
        $(#[$doc:meta])*
        $name:ident($me:ident $(, $py:ident: Python<$life:lifetime>)?) -> $type:ty = $value:expr;
    )+) => {
        #[pyo3::pymethods]
        impl $class {
            $(
                $(#[$doc])*
                #[getter]
                fn $name $(<$life>)? (&$me $(, $py: pyo3::Python<$life>)?) -> $type {
                    $value
                }
            )+
        }
    };
}
