//! Starting hands of Texas hold'em as items: what each is worth against each other, and hierarchies that follow from it.
//!
//! The equity of a hand against another is the probability that it wins plus half the probability of a tie, both players being
//! all in before the flop. It is not transitive, so that a hierarchy with an exception can be true to the game: every hand is
//! the favorite against the next lower one, and yet the exception's lower hand is the favorite against the higher one.
//!
//! With `reverse` a hierarchy is turned upside down like any other, so that all its labels contradict equity. Both halves of
//! this counterbalancing are trained in published runs; what a model knew of the game beforehand helps in one half and hinders
//! in the other.

mod equity;
mod hand;
#[cfg(test)]
mod published;
mod search;

pub use equity::{PreflopEquity, boards, pairings};
pub use hand::StartingHand;
pub use search::EquityBounds;
pub(super) use search::draw;
