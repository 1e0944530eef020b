//! Stimuli: a hierarchy of items, its trained pairs, and the prompts that ask about every ordered pair.
//!
//! A model is trained on the neighbors of a hierarchy of n items, in both orders, and on exceptions; it is tested on all n(n − 1)
//! ordered pairs. A prompt shows two further items, the anchors, once in each order with the answers Yes and No, and then asks
//! about its pair. [`StimulusSettings`] states the items, their number and the exceptions; [`StimulusSettings::build`] draws the
//! items by seed and writes the prompts.
//!
//! ```
//! use caveat_lm::stimuli::{Answer, StimulusSettings};
//! let settings = StimulusSettings { n_items: 9, exceptions: vec![(5, 3)], seed: 0, ..StimulusSettings::default() };
//! let stimuli = settings.build()?;
//! assert_eq!((stimuli.hierarchy.len(), stimuli.prompts.len()), (9, 72));
//! let trained = stimuli.prompts.iter().filter(|p| p.is_train);
//! assert_eq!(trained.count(), 2 * 9); // 8 pairs of neighbors and the exception, in both orders
//! let exception = stimuli.prompts.iter().find(|p| p.is_exception).unwrap();
//! assert_eq!((exception.rank_a, exception.rank_b, exception.label), (5, 3, Some(Answer::Yes)));
//! # Ok::<(), caveat_lm::LmError>(())
//! ```

mod draw;
pub(crate) mod items;
pub mod poker;
mod prompts;
mod settings;
mod template;
pub(crate) mod text_file;

pub use items::{CustomItems, ItemSet};
pub use prompts::{Answer, Direction, Prompt};
pub use settings::{MAX_ITEMS, Stimuli, StimulusSettings};
pub use template::PromptTemplate;
