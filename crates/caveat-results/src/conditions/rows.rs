//! Which rows of a batch are used.

use crate::error::Result;
use crate::trial_table::{Phase, TextColumn, TrialBatch, TrialColumn};

/// What a tally does with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowUse {
    /// Nothing.
    Skip,
    /// Learns from it what was trained, but does not sum it.
    Mark,
    /// Learns from it and sums it.
    Count,
    /// Refuses it, because its phase is neither pre nor post.
    UnknownPhase,
}

/// The rows of one phase: all of them count, those of the other are skipped.
pub(crate) fn rows_of_phase(batch: &TrialBatch, phase: Phase) -> Result<Vec<RowUse>> {
    let phases = batch.text(TrialColumn::Phase)?;
    let codes = codes(phases, phase.name(), if phase == Phase::Pre { "post" } else { "pre" });
    let uses: Vec<RowUse> = codes
        .map(|code| match code {
            Code::Yes => RowUse::Count,
            Code::No => RowUse::Skip,
            Code::Unknown => RowUse::UnknownPhase,
        })
        .collect();
    Ok(phases.keys.iter().map(|&key| uses[(key + 1) as usize]).collect())
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Code {
    /// The chosen phase, or "Yes".
    Yes,
    /// The other phase, or "No".
    No,
    Unknown,
}

/// What each key of a column means; the code of key k stands at k + 1, that of a missing value first.
pub(super) fn codes<'a>(column: &'a TextColumn, yes: &'a str, no: &'a str) -> impl Iterator<Item = Code> + 'a {
    let code = move |text: Option<&str>| match text {
        Some(text) if text == yes => Code::Yes,
        Some(text) if text == no => Code::No,
        _ => Code::Unknown,
    };
    std::iter::once(Code::Unknown).chain(column.values.iter().map(code))
}
