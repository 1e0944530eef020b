//! Stimuli: a hierarchy of items, the pairs that are trained on it, and the prompts that ask about every ordered pair.
//!
//! A model is trained on the neighbors of a hierarchy of n items, each in both orders, and on exceptions; it is judged on all
//! n(n − 1) ordered pairs. A prompt shows two further items, the anchors, once in each order with the answers Yes and No, and
//! then asks about its pair. [`StimulusSettings`] says which items, how many and which exceptions; [`StimulusSettings::build`]
//! draws them by a seed and words the prompts.
//!
//! ```
//! use caveat_lm::stimuli::{Answer, StimulusSettings};
//! let settings = StimulusSettings { n_items: 9, exceptions: vec![(5, 3)], seed: 0, ..StimulusSettings::default() };
//! let stimuli = settings.build()?;
//! assert_eq!((stimuli.hierarchy.len(), stimuli.prompts.len()), (9, 72));
//! assert_eq!(stimuli.training().count(), 2 * 9); // 8 pairs of neighbors and the exception, in both orders
//! let exception = stimuli.prompts.iter().find(|p| p.is_exception).unwrap();
//! assert_eq!((exception.rank_a, exception.rank_b, exception.label), (5, 3, Some(Answer::Yes)));
//! # Ok::<(), caveat_lm::LmError>(())
//! ```

mod draw;
mod items;
pub mod poker;
mod prompts;
mod settings;
mod template;
mod text_file;

pub use items::{CustomItems, ItemSet};
pub use prompts::{Answer, Direction, Prompt};
pub use settings::{MAX_ITEMS, Stimuli, StimulusSettings};
pub use template::PromptTemplate;
