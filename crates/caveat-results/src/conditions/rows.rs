//! How a tally uses the rows of a batch.

use crate::error::Result;
use crate::trial_table::{Phase, TrialBatch, TrialColumn};

/// What a tally does with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowUse {
    /// Ignores it.
    Skip,
    /// Learns from it what was trained, but does not sum it.
    Mark,
    /// Learns from it and sums it.
    Count,
    /// Refuses it, because its phase is neither pre nor post.
    UnknownPhase,
}

/// Counts the rows of one phase and skips those of the other.
pub(crate) fn rows_of_phase(batch: &TrialBatch, phase: Phase) -> Result<Vec<RowUse>> {
    let phases = batch.text(TrialColumn::Phase)?;
    let uses = [RowUse::Count, RowUse::Skip, RowUse::UnknownPhase];
    let other = if phase == Phase::Pre { Phase::Post } else { Phase::Pre };
    let codes = phases.codes(&[phase.name(), other.name()]);
    Ok((0..batch.n_rows()).map(|row| uses[usize::from(phases.code(&codes, row).min(2))]).collect())
}
