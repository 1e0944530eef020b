//! Starting hands of Texas hold'em as items: the equity of each against each other, and hierarchies that follow from it.
//!
//! The equity of a hand against another is the probability that it wins plus half the probability of a tie, if both players are
//! all in before the flop. Equity is not transitive, so a hierarchy with an exception can be true to the game: every hand is the
//! favorite against the next lower one, and yet the lower hand of the exception is the favorite against the higher one.
//!
//! With `reverse` a hierarchy is turned upside down like any other, and then all its labels contradict equity. Published runs train
//! both halves of this counterbalancing; prior knowledge of the game helps in one half and hurts in the other.

mod equity;
mod hand;
#[cfg(test)]
mod published;
mod search;

pub use equity::{BOARDS, PreflopEquity, pairings};
pub use hand::StartingHand;
pub use search::EquityBounds;
pub(super) use search::draw;
