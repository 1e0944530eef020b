//! Counts choices by pair, by symbolic distance, and by clusters of subjects, sessions or conditions.

use std::collections::{BTreeMap, HashMap};

use caveat_theory::inference::ChoiceCount;

use super::{ChoiceRow, ChoiceTable, Grouping};
use crate::error::{Result, ResultsError};
use crate::interner::index_of;
use crate::statistics::wilson_interval;
use crate::table::Table;

/// The choices of one subject, session or condition, or of a combination of these.
#[derive(Debug, Clone, PartialEq)]
pub struct Cluster {
    /// Its name; for a combination, the names joined by " · "; for all choices together, "all".
    pub name: String,
    /// One entry per ordered pair met, by first and second item.
    pub choices: Vec<ChoiceCount>,
}

/// Choices of one unordered pair.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairSummary {
    /// The higher item, the smaller rank.
    pub higher: usize,
    /// The lower item.
    pub lower: usize,
    /// Number of trials in which the higher item was chosen.
    pub higher_chosen: f64,
    /// Number of trials.
    pub trials: f64,
    /// Wilson's 95 % interval of the proportion of choices of the higher item, as if trials were independent.
    pub interval: (f64, f64),
}

/// Choices over all pairs of one symbolic distance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DistanceSummary {
    /// Difference of the ranks.
    pub distance: usize,
    /// Number of trials in which the higher item was chosen.
    pub higher_chosen: f64,
    /// Number of trials.
    pub trials: f64,
    /// As in [`PairSummary`].
    pub interval: (f64, f64),
}

impl ChoiceTable {
    /// The choices of every unordered pair in the table, by higher and lower item.
    ///
    /// # Errors
    /// A table by distance, which has no pairs.
    pub fn pairs(&self) -> Result<Vec<PairSummary>> {
        self.need_pairs()?;
        let counts = added_up(self.rows.iter().map(ranked));
        let summary = |((higher, lower), (higher_chosen, trials))| {
            let interval = wilson_interval(higher_chosen, trials);
            PairSummary { higher, lower, higher_chosen, trials, interval }
        };
        Ok(counts.into_iter().map(summary).collect())
    }

    /// The choices of every symbolic distance, from the smallest, for either kind of table.
    pub fn distances(&self) -> Vec<DistanceSummary> {
        let pairs = self.rows.iter().map(ranked).map(|((higher, lower), count)| (lower - higher, count));
        let rows = self.distance_rows.iter().map(|row| (row.distance, (row.higher_chosen, row.trials)));
        let counts = added_up(pairs.chain(rows));
        let summary = |(distance, (higher_chosen, trials))| {
            let interval = wilson_interval(higher_chosen, trials);
            DistanceSummary { distance, higher_chosen, trials, interval }
        };
        counts.into_iter().map(summary).collect()
    }

    /// Splits the table by subject, session, condition or several of these, in order of appearance, each part with its name.
    ///
    /// If sessions of different subjects have the same names, group by both. Without a grouping there is one part, "all". Every part
    /// keeps all lists of names and the number of items.
    ///
    /// # Errors
    /// A grouping for which no column was named.
    pub fn split_by(&self, by: &[Grouping]) -> Result<Vec<(String, Self)>> {
        let (names, places) = self.places(by)?;
        let mut parts: Vec<(String, Self)> = names.into_iter().map(|name| (name, self.without_rows())).collect();
        for (row, &part) in self.rows.iter().zip(&places) {
            parts[part].1.rows.push(*row);
        }
        // A table has only one of the two kinds of rows.
        for (row, &part) in self.distance_rows.iter().zip(&places) {
            parts[part].1.distance_rows.push(*row);
        }
        Ok(parts)
    }

    /// The choices in clusters, as [`split_by`](Self::split_by) makes them, with rows of one ordered pair added up.
    ///
    /// # Errors
    /// A grouping for which no column was named, or a table by distance, which has no pairs.
    pub fn clusters_by(&self, by: &[Grouping]) -> Result<Vec<Cluster>> {
        self.need_pairs()?;
        let (names, places) = self.places(by)?;
        let mut clusters: Vec<Cluster> = names.into_iter().map(|name| Cluster { name, choices: Vec::new() }).collect();
        let rows = self.rows.iter().zip(places);
        let counts = added_up(rows.map(|(r, at)| ((at, r.first, r.second), (r.first_chosen, r.trials))));
        for ((cluster, first, second), (first_chosen, trials)) in counts {
            clusters[cluster].choices.push(ChoiceCount { first, second, first_chosen, trials });
        }
        Ok(clusters)
    }

    /// Names of the groups that a grouping makes, and the group of every row.
    pub(super) fn places(&self, by: &[Grouping]) -> Result<(Vec<String>, Vec<usize>)> {
        if let Some(absent) = by.iter().find(|g| self.names(**g).is_empty()) {
            let problem = format!("the choices have no {absent}: name its column as {absent}=COLUMN");
            return Err(ResultsError::BadTable(problem));
        }
        let (mut names, mut known) = (Vec::new(), HashMap::new());
        let groups = self.rows.iter().map(|r| r.groups).chain(self.distance_rows.iter().map(|r| r.groups));
        let places = groups.map(|groups| {
            let key = masked(groups, by);
            index_of(&mut known, &mut names, key, || {
                let words = by.iter().map(|&g| self.names(g)[key[g as usize] as usize].as_str());
                let words: Vec<&str> = words.collect();
                if by.is_empty() { "all".to_owned() } else { words.join(" · ") }
            })
        });
        let places = places.collect();
        Ok((names, places))
    }

    /// [`pairs`](Self::pairs) as a table: `higher`, `lower` (ranks from 0), their names, `distance`, `higher_chosen`, `trials`,
    /// `accuracy` (the proportion of choices of the higher item) and its interval `low`, `high`.
    ///
    /// # Errors
    /// A table by distance, which has no pairs.
    pub fn pairs_table(&self) -> Result<Table> {
        let pairs = self.pairs()?;
        let name = |item: usize| self.items[item].clone();
        let whole = |f: fn(&PairSummary) -> usize| pairs.iter().map(|p| i64::try_from(f(p)).ok()).collect::<Vec<_>>();
        let float = |f: fn(&PairSummary) -> f64| pairs.iter().map(f).collect::<Vec<_>>();
        Table::new()
            .integer("higher", whole(|p| p.higher))?
            .integer("lower", whole(|p| p.lower))?
            .text("higher_item", pairs.iter().map(|p| name(p.higher)))?
            .text("lower_item", pairs.iter().map(|p| name(p.lower)))?
            .integer("distance", whole(|p| p.lower - p.higher))?
            .float("higher_chosen", float(|p| p.higher_chosen))?
            .float("trials", float(|p| p.trials))?
            .float("accuracy", float(|p| p.higher_chosen / p.trials))?
            .float("low", float(|p| p.interval.0))?
            .float("high", float(|p| p.interval.1))
    }

    fn need_pairs(&self) -> Result<()> {
        if self.rows.is_empty() && !self.distance_rows.is_empty() {
            let problem =
                "the choices are known by symbolic distance only: expected a file that tells the items of each pair";
            return Err(ResultsError::BadTable(problem.to_owned()));
        }
        Ok(())
    }

    pub(super) fn without_rows(&self) -> Self {
        Self {
            n_items: self.n_items,
            items: self.items.clone(),
            labels: self.labels,
            rows: Vec::new(),
            distance_rows: Vec::new(),
            presentation_known: self.presentation_known,
            groups: self.groups.clone(),
            reconstruction: self.reconstruction.clone(),
            left_out: self.left_out.clone(),
        }
    }
}

/// The numbers of groups of some kinds; 0 for the others.
pub(super) fn masked(groups: [u32; 3], by: &[Grouping]) -> [u32; 3] {
    let mut key = [0; 3];
    by.iter().for_each(|&g| key[g as usize] = groups[g as usize]);
    key
}

/// (higher, lower), and the numbers of choices of the higher item and of trials.
fn ranked(row: &ChoiceRow) -> ((usize, usize), (f64, f64)) {
    let ChoiceRow { first, second, first_chosen, trials, .. } = *row;
    match first < second {
        true => ((first, second), (first_chosen, trials)),
        false => ((second, first), (trials - first_chosen, trials)),
    }
}

/// Adds up numbers of choices and of trials by key.
fn added_up<K: Ord>(counts: impl Iterator<Item = (K, (f64, f64))>) -> BTreeMap<K, (f64, f64)> {
    let mut sums = BTreeMap::new();
    for (key, (chosen, trials)) in counts {
        let sum: &mut (f64, f64) = sums.entry(key).or_default();
        *sum = (sum.0 + chosen, sum.1 + trials);
    }
    sums
}
