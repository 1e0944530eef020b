//! Claims about posteriors: exact gradients, agreement with a grid, known answers of the diagnostics.
