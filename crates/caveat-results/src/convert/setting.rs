//! How a model was trained, as a folder of a run says it.

/// How a run was trained.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Setting {
    Full,
    Lora {
        r: f64,
        alpha: f64,
    },
    Probe {
        l2_reg: f64,
    },
    None,
    /// By a name that a layout gives it.
    Other(String),
}
