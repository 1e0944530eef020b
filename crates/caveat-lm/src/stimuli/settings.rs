//! The settings of stimuli, and how hierarchy, anchors and prompts are made from them.

use caveat_theory::TransitiveTask;

use super::draw::SeededDraw;
use super::items::{ItemSet, problem_of_name};
use super::poker::{self, EquityBounds};
use super::prompts::{self, Prompt};
use super::template::PromptTemplate;
use crate::error::{LmError, Result};

/// Most items of a hierarchy: 39,800 prompts.
pub const MAX_ITEMS: usize = 200;

/// The settings of stimuli.
///
/// | name | default | meaning | range |
/// |---|---|---|---|
/// | `item_set` | invented teams | the source of items | any [`ItemSet`] |
/// | `n_items` | 9 | items of the hierarchy | 2 to 200, and no more than the set has; for a fixed list, its length |
/// | `exceptions` | none | trained pairs against the order, (winner, loser) by rank | loser < winner < `n_items`, each once |
/// | `seed` | 0 | seed of the draw of hierarchy and anchors | 0 to 2⁶³ − 1, since result files store it as a signed integer |
/// | `reverse` | false | whether the drawn hierarchy is turned upside down, with the same anchors | |
/// | `template` | the built-in one for the set | wording of the prompts | any [`PromptTemplate`] |
/// | `anchor` | drawn | the two items shown with their answers, (winner, loser) | two names outside the hierarchy |
/// | `equity` | 0.51 to 0.60 | for poker hands: see [`EquityBounds`] | 0.5 < low ≤ high ≤ 1 |
///
/// **Draw.** Anchors and hierarchy are drawn from the items without replacement, all from one stream of random numbers that depends
/// on the seed alone: first the winner and the loser of the anchors, unless given, then the items from the highest to the lowest. A
/// draw among the m items that are left, in the order of [`ItemSet::items`], takes the one at ⌊x·m / 2⁶⁴⌋, where x are the next 64
/// bits of ChaCha with 8 rounds, keyed with the seed as 8 little-endian bytes and 24 zeros. So a seed names the same stimuli on every
/// machine and forever. Exceptions and reversal do not change the draw of teams. With the same seed, a longer hierarchy of teams
/// starts with the shorter one, but nothing should rely on that. Poker hands are found by search, see [`EquityBounds`]. A list that
/// is not drawn from is used as the hierarchy and needs anchors.
#[derive(Debug, Clone)]
pub struct StimulusSettings {
    /// The source of items.
    pub item_set: ItemSet,
    /// Number of items in the hierarchy.
    pub n_items: usize,
    /// Exceptions (winner, loser), by rank.
    pub exceptions: Vec<(usize, usize)>,
    /// Seed of the draw.
    pub seed: u64,
    /// Whether the item drawn first, as the highest, becomes the lowest.
    pub reverse: bool,
    /// Wording of the prompts, if not the built-in one.
    pub template: Option<PromptTemplate>,
    /// Names of the anchors (winner, loser), if they are not drawn.
    pub anchor: Option<(String, String)>,
    /// Bounds of the equity between neighboring poker hands.
    pub equity: EquityBounds,
}

impl Default for StimulusSettings {
    fn default() -> Self {
        Self {
            item_set: ItemSet::default(),
            n_items: 9,
            exceptions: Vec::new(),
            seed: 0,
            reverse: false,
            template: None,
            anchor: None,
            equity: EquityBounds::default(),
        }
    }
}

/// A hierarchy with its prompts.
#[derive(Debug, Clone)]
pub struct Stimuli {
    /// The items by rank, the highest first.
    pub hierarchy: Vec<String>,
    /// The anchor that beats the other in the prompts.
    pub anchor_winner: String,
    /// The other anchor.
    pub anchor_loser: String,
    /// Exceptions (winner, loser), by rank.
    pub exceptions: Vec<(usize, usize)>,
    /// The prompts of all n(n − 1) ordered pairs, in the order of result files: for ranks i < j, in the order of i and then j,
    /// first the order labeled Yes (without a label, the higher item first), then the other.
    pub prompts: Vec<Prompt>,
}

impl StimulusSettings {
    /// Draws the hierarchy and the anchors and makes the prompts.
    ///
    /// # Errors
    /// A setting out of the range above; too few items in the set; anchors that are items of the hierarchy; for poker hands,
    /// exceptions or bounds for which no hierarchy was found, or a given anchor whose winner is not the favorite; a template that
    /// does not distinguish two pairs.
    pub fn build(&self) -> Result<Stimuli> {
        if !(2..=MAX_ITEMS).contains(&self.n_items) {
            return Err(LmError::invalid(format!("{} items: expected 2 to {MAX_ITEMS}", self.n_items)));
        }
        if i64::try_from(self.seed).is_err() {
            return Err(LmError::invalid(format!("seed {}: expected at most {}", self.seed, i64::MAX)));
        }
        let task = TransitiveTask::new(self.n_items, &self.exceptions).map_err(|e| LmError::invalid(e.to_string()))?;
        if let Some((winner, loser)) = &self.anchor {
            for name in [winner, loser] {
                if let Some(problem) = problem_of_name(name) {
                    return Err(LmError::invalid(format!("an anchor {problem}")));
                }
            }
            if winner == loser {
                return Err(LmError::invalid(format!("anchors {winner:?} twice: expected two different items")));
            }
        }
        let template = match &self.template {
            Some(template) => template.clone(),
            None => PromptTemplate::built_in(&self.item_set)?,
        };
        let (mut hierarchy, (anchor_winner, anchor_loser)) = self.draw()?;
        if self.reverse {
            hierarchy.reverse();
        }
        let prompts = prompts::make_prompts(&task, &hierarchy, [&anchor_winner, &anchor_loser], &template)?;
        Ok(Stimuli { hierarchy, anchor_winner, anchor_loser, exceptions: self.exceptions.clone(), prompts })
    }

    /// The hierarchy before any reversal, and the anchors.
    fn draw(&self) -> Result<(Vec<String>, (String, String))> {
        let mut random = SeededDraw::new(self.seed);
        match &self.item_set {
            ItemSet::Poker => {
                let anchor = self.anchor.as_ref().map(|(winner, loser)| (winner.as_str(), loser.as_str()));
                let (hierarchy, anchor) =
                    poker::draw(&mut random, self.n_items, &self.exceptions, anchor, self.equity)?;
                let hierarchy = hierarchy.iter().map(ToString::to_string).collect();
                Ok((hierarchy, anchor.map(|hand| hand.to_string()).into()))
            }
            ItemSet::Custom(list) if !list.is_drawn() => self.as_listed(list.items()),
            set => self.draw_from(set.items(), &mut random),
        }
    }

    /// The hierarchy and anchors of a list that is the hierarchy itself.
    fn as_listed(&self, items: &[String]) -> Result<(Vec<String>, (String, String))> {
        let name = self.item_set.name();
        if items.len() != self.n_items {
            return Err(LmError::invalid(format!(
                "item list {name:?} is the hierarchy itself and has {} items, not {}: expected as many, or a list to draw from",
                items.len(),
                self.n_items
            )));
        }
        let Some(anchor) = self.anchor.clone() else {
            return Err(LmError::invalid(format!(
                "item list {name:?} is the hierarchy itself and leaves no items for the anchors: expected two to be named"
            )));
        };
        if let Some(name) = [&anchor.0, &anchor.1].into_iter().find(|name| items.contains(name)) {
            let problem = "is an item of the hierarchy: expected an item outside it";
            return Err(LmError::invalid(format!("anchor {name:?} {problem}")));
        }
        Ok((items.to_vec(), anchor))
    }

    fn draw_from(&self, mut pool: Vec<String>, random: &mut SeededDraw) -> Result<(Vec<String>, (String, String))> {
        let size = pool.len();
        let too_few = |left: usize| {
            let (name, n_items) = (self.item_set.name(), self.n_items);
            LmError::invalid(format!(
                "the item set {name} holds {size} items, {left} of them besides the anchors: expected at least {n_items} for a \
                 hierarchy of {n_items}"
            ))
        };
        let anchor = match &self.anchor {
            Some((winner, loser)) => {
                pool.retain(|item| item != winner && item != loser);
                (winner.clone(), loser.clone())
            }
            None => {
                let mut one = || random.take(&mut pool).ok_or_else(|| too_few(0));
                (one()?, one()?)
            }
        };
        let left = pool.len();
        let hierarchy =
            (0..self.n_items).map(|_| random.take(&mut pool).ok_or_else(|| too_few(left))).collect::<Result<_>>()?;
        Ok((hierarchy, anchor))
    }
}

#[cfg(test)]
mod tests {
    use super::super::items::CustomItems;
    use super::*;

    fn build(settings: StimulusSettings) -> Stimuli {
        settings.build().unwrap()
    }

    fn refusal(settings: StimulusSettings) -> String {
        let message = settings.build().unwrap_err().to_string();
        assert!(!message.contains('\n'), "{message}");
        message
    }

    fn list(items: &[&str], drawn: bool) -> ItemSet {
        ItemSet::Custom(CustomItems::new("towns", items.iter().map(|&i| i.to_owned()).collect(), drawn).unwrap())
    }

    fn anchor(winner: &str, loser: &str) -> Option<(String, String)> {
        Some((winner.to_owned(), loser.to_owned()))
    }

    #[test]
    fn a_seed_names_the_same_teams_forever() {
        let drawn = build(StimulusSettings { n_items: 5, seed: 3, ..Default::default() });
        assert_eq!(
            drawn.hierarchy,
            ["Nettlebrook Bison", "Jasperton Miners", "Hollisford Stags", "Elmsworth Comets", "Greycombe Sentries"]
        );
        assert_eq!(
            (drawn.anchor_winner.as_str(), drawn.anchor_loser.as_str()),
            ("Quillford Cranes", "Granthollow Ibexes")
        );
        let item_set = ItemSet::MajorLeagueBaseball;
        let drawn = build(StimulusSettings { item_set, n_items: 4, seed: 2026, ..Default::default() });
        assert_eq!(drawn.hierarchy, ["New York Yankees", "Chicago Cubs", "Atlanta Braves", "Cincinnati Reds"]);
        assert_eq!(
            (drawn.anchor_winner.as_str(), drawn.anchor_loser.as_str()),
            ("Seattle Mariners", "St. Louis Cardinals")
        );
    }

    #[test]
    fn built_in_wordings_are_fixed() {
        let first =
            |item_set| build(StimulusSettings { item_set, seed: 1, ..Default::default() }).prompts[0].text.clone();
        assert_eq!(
            first(ItemSet::Invented),
            "Does the first team beat the second? Answer Yes or No.\n\
             Q: Do the Granthollow Ibexes beat the Emberford Voyagers?\n\
             A: Yes\n\
             Q: Do the Emberford Voyagers beat the Granthollow Ibexes?\n\
             A: No\n\
             Q: Do the Selwick Ferrets beat the Velmont Tinkers?\n\
             A:"
        );
        assert_eq!(
            first(ItemSet::MajorLeagueBaseball),
            "Does the first team beat the second? Answer Yes or No.\n\
             Q: Do the Houston Astros beat the Cleveland Guardians?\n\
             A: Yes\n\
             Q: Do the Cleveland Guardians beat the Houston Astros?\n\
             A: No\n\
             Q: Do the Seattle Mariners beat the Texas Rangers?\n\
             A:"
        );
        assert_eq!(
            first(ItemSet::Poker),
            "Texas hold'em, two players all in before the flop. Is the first hand the favorite? Answer Yes or No.\n\
             Q: Is K3o the favorite against T4s?\n\
             A: Yes\n\
             Q: Is T4s the favorite against K3o?\n\
             A: No\n\
             Q: Is A6s the favorite against A5s?\n\
             A:"
        );
        let items = list(&["Rome", "Oslo", "Bern", "Riga"], true);
        let prompts = build(StimulusSettings { item_set: items, n_items: 2, seed: 1, ..Default::default() }).prompts;
        assert_eq!(
            prompts[1].text,
            "Does the first rank above the second? Answer Yes or No.\n\
             Q: Does Oslo rank above Rome?\n\
             A: Yes\n\
             Q: Does Rome rank above Oslo?\n\
             A: No\n\
             Q: Does Bern rank above Riga?\n\
             A:"
        );
    }

    #[test]
    fn items_and_anchors_are_distinct_items_of_the_set() {
        for item_set in [ItemSet::Invented, ItemSet::MajorLeagueBaseball] {
            let known = item_set.items();
            for seed in 0..200 {
                let s = build(StimulusSettings { item_set: item_set.clone(), n_items: 20, seed, ..Default::default() });
                let mut all = s.hierarchy;
                all.extend([s.anchor_winner, s.anchor_loser]);
                assert!(all.iter().all(|item| known.contains(item)));
                all.sort();
                all.dedup();
                assert_eq!(all.len(), 22);
            }
        }
    }

    #[test]
    fn reversal_turns_the_hierarchy_upside_down_and_changes_nothing_else() {
        let settings = StimulusSettings { exceptions: vec![(5, 3)], seed: 11, ..Default::default() };
        let (up, down) = (build(settings.clone()), build(StimulusSettings { reverse: true, ..settings }));
        assert!(down.hierarchy.iter().eq(up.hierarchy.iter().rev()));
        assert_eq!((&up.anchor_winner, &up.anchor_loser), (&down.anchor_winner, &down.anchor_loser));
        assert_eq!(up.exceptions, down.exceptions);
        let text = |s: &Stimuli, a, b| s.prompts.iter().find(|p| (p.rank_a, p.rank_b) == (a, b)).unwrap().text.clone();
        assert_eq!(text(&up, 2, 7), text(&down, 6, 1));
        assert_ne!(text(&up, 2, 7), text(&down, 2, 7));
    }

    #[test]
    fn given_anchors_are_kept_and_never_drawn() {
        for seed in 0..50 {
            let anchor = anchor("Velmont Tinkers", "The Others");
            let s = build(StimulusSettings { n_items: 29, seed, anchor, ..Default::default() });
            assert_eq!((s.anchor_winner.as_str(), s.anchor_loser.as_str()), ("Velmont Tinkers", "The Others"));
            assert!(!s.hierarchy.contains(&s.anchor_winner));
        }
    }

    #[test]
    fn a_list_that_is_not_drawn_from_is_the_hierarchy() {
        let item_set = list(&["Rome", "Oslo", "Bern"], false);
        let settings = StimulusSettings { item_set, n_items: 3, anchor: anchor("Riga", "Nice"), ..Default::default() };
        assert_eq!(build(settings.clone()).hierarchy, ["Rome", "Oslo", "Bern"]);
        assert_eq!(build(StimulusSettings { seed: 9, ..settings.clone() }).hierarchy, ["Rome", "Oslo", "Bern"]);
        let reversed = build(StimulusSettings { reverse: true, ..settings.clone() });
        assert_eq!(reversed.hierarchy, ["Bern", "Oslo", "Rome"]);
        assert_eq!(settings.item_set.task_name(), "towns");
        assert!(refusal(StimulusSettings { anchor: None, ..settings.clone() }).contains("expected two to be named"));
        assert!(refusal(StimulusSettings { n_items: 2, ..settings.clone() }).contains("has 3 items, not 2"));
        let inside = StimulusSettings { anchor: anchor("Riga", "Rome"), ..settings };
        assert!(refusal(inside).contains("anchor \"Rome\" is an item of the hierarchy"));
    }

    #[test]
    fn settings_out_of_range_are_refused_with_what_would_be_right() {
        let with = |n_items| StimulusSettings { n_items, ..Default::default() };
        assert!(refusal(with(1)).contains("1 items: expected 2 to 200"));
        assert!(refusal(with(201)).contains("expected 2 to 200"));
        assert!(refusal(with(29)).contains("holds 30 items, 28 of them besides the anchors: expected at least 29"));
        assert!(
            refusal(StimulusSettings { seed: u64::MAX, ..Default::default() }).contains("expected at most 92233720")
        );
        assert!(refusal(StimulusSettings { exceptions: vec![(3, 5)], ..Default::default() }).contains("exception"));
        assert!(refusal(StimulusSettings { exceptions: vec![(9, 3)], ..Default::default() }).contains('9'));
        assert!(
            refusal(StimulusSettings { anchor: anchor("A", "A"), ..Default::default() })
                .contains("two different items")
        );
        assert!(
            refusal(StimulusSettings { anchor: anchor("A", ""), ..Default::default() }).contains("anchor is empty")
        );
    }

    #[test]
    fn a_template_of_the_users_own_is_used() {
        let source = "{{ anchor_winner }} > {{ anchor_loser }}; {{ item_a }} > {{ item_b }}? A:";
        let template = Some(PromptTemplate::new("own", source).unwrap());
        let item_set = list(&["Rome", "Oslo"], false);
        let anchor = anchor("Riga", "Nice");
        let s = build(StimulusSettings { item_set, n_items: 2, anchor, template, ..Default::default() });
        assert_eq!(s.prompts[0].text, "Riga > Nice; Rome > Oslo? A:");
    }
}
