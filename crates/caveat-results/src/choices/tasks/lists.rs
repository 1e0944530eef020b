//! Declared tasks, and the list of items of every condition: found from the items shown, or declared and compared with them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use caveat_theory::TransitiveTask;

use super::super::summaries::masked;
use super::super::{ChoiceTable, Grouping, ItemLabels};
use crate::error::{Result, ResultsError, first_names};
use crate::interner::index_of;
use crate::labels::label_key;

/// Chance does not explain that a subject misses items below this probability, corrected for the number of subjects.
const IMPROBABLE: f64 = 1e-3;

/// Most groups or items that a message names; the others are counted.
const NAMED: usize = 3;

/// Tasks that a person declares for a file of choices.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DeclaredTasks {
    /// Tasks by the name of a condition, else of a subject, else of a session, else of a unit (names joined by commas). All names are
    /// of one kind.
    pub named: Vec<(String, TransitiveTask)>,
    /// The task of everything else.
    pub others: Option<TransitiveTask>,
    /// Exceptions (winner, loser) by rank from 0, for a file with one condition and no declared task.
    pub exceptions: Vec<(usize, usize)>,
    /// The number of items, if it was given for the whole file, also for reading it.
    pub n_items: Option<usize>,
}

/// Numbers of trials by pair (higher, lower); by distance alone, by (distance, distance).
pub(super) type Trials = BTreeMap<(usize, usize), f64>;

/// The trials of one subject, session and condition.
pub(super) struct Cell {
    pub(super) groups: [u32; 3],
    pub(super) trials: Trials,
}

/// Whether two texts are the same name.
pub(super) fn is_same(a: &str, b: &str) -> bool {
    label_key(a) == label_key(b)
}

/// A task with the items that it is about.
#[derive(Debug, Clone)]
pub(super) struct Listed {
    /// Items of the table, the highest first.
    pub(super) items: Vec<usize>,
    pub(super) task: TransitiveTask,
    /// The group whose task it is, and the kinds of it that count.
    pub(super) groups: [u32; 3],
    pub(super) of: Vec<Grouping>,
}

impl Listed {
    /// Ranks by item, if they differ.
    pub(super) fn ranks(&self) -> Option<HashMap<usize, usize>> {
        let ranks = || self.items.iter().enumerate().map(|(rank, &item)| (item, rank));
        ranks().any(|(item, rank)| item != rank).then(|| ranks().collect())
    }
}

/// The tasks of a table.
pub(super) struct Lists {
    pub(super) lists: Vec<Listed>,
    /// The list of every cell.
    pub(super) of_cell: Vec<usize>,
    pub(super) notes: Vec<String>,
}

/// Cells that share a task.
struct Owner {
    groups: [u32; 3],
    of: Vec<Grouping>,
    cells: Vec<usize>,
    declared: Option<TransitiveTask>,
}

impl Lists {
    /// Finds the task of every cell; `naming` are the kinds of groups that declared names are of.
    pub(super) fn find(
        table: &ChoiceTable,
        cells: &[Cell],
        naming: &[Grouping],
        declared: &DeclaredTasks,
    ) -> Result<Self> {
        let owners = owners(table, cells, naming, declared);
        let undeclared = owners.iter().filter(|o| o.declared.is_none()).count();
        if undeclared > 1 {
            one_condition_only(table, cells, &owners, declared)?;
        }
        let mut found = Self { lists: Vec::new(), of_cell: vec![0; cells.len()], notes: Vec::new() };
        found.notes.extend(assumed_first_rank(table, declared));
        let (mut unshown, mut by_chance) = (Vec::new(), Vec::new());
        for owner in &owners {
            let trials = total(owner.cells.iter().map(|&c| &cells[c].trials));
            let finder = Finder { table, owner, trials: &trials };
            let list = match &owner.declared {
                Some(task) => finder.declared(task)?,
                None => finder.shown(declared)?,
            };
            by_chance.extend(finder.parts(cells, &list, declared)?);
            found.notes.extend(finder.exceptions(&list));
            unshown.extend(finder.unshown(&list));
            owner.cells.iter().for_each(|&c| found.of_cell[c] = found.lists.len());
            found.lists.push(list);
        }
        found.notes.extend(differing(table, &owners, &found.lists));
        found.notes.extend(short_list(unshown));
        found.notes.extend(by_chance);
        Ok(found)
    }
}

/// Conditions, and within them groups with a declared task of their own.
fn owners(table: &ChoiceTable, cells: &[Cell], naming: &[Grouping], declared: &DeclaredTasks) -> Vec<Owner> {
    let level: Vec<Grouping> = [Grouping::Condition].into_iter().filter(|&g| table.has(g)).collect();
    let mut narrow = naming.to_vec();
    narrow.extend(level.iter().filter(|g| !naming.contains(g)));
    let (mut owners, mut known): (Vec<Owner>, _) = (Vec::new(), HashMap::new());
    for (at, cell) in cells.iter().enumerate() {
        let label = table.label(cell.groups, naming);
        let named = declared.named.iter().find(|(name, _)| is_same(name, &label)).map(|(_, task)| task);
        let of = if named.is_some() { &narrow } else { &level };
        let groups = masked(cell.groups, of);
        let owner = index_of(&mut known, &mut owners, (named.is_some(), groups), || {
            let declared = named.or(declared.others.as_ref()).cloned();
            Owner { groups, of: of.clone(), cells: Vec::new(), declared }
        });
        owners[owner].cells.push(at);
    }
    owners
}

/// Refuses exceptions or a number of items for the whole file if its conditions may differ in them.
fn one_condition_only(table: &ChoiceTable, cells: &[Cell], owners: &[Owner], declared: &DeclaredTasks) -> Result<()> {
    let conditions: Vec<String> = owners.iter().map(|o| table.label(o.groups, &o.of)).collect();
    if let Some((winner, loser)) = declared.exceptions.first() {
        // Before it is recommended to write it elsewhere.
        TransitiveTask::new(table.n_items, &[(*winner, *loser)]).or_else(|e| bad(e.to_string()))?;
        let last = conditions.last().map_or("", String::as_str);
        return bad(format!(
            "the exception {winner} {loser} is of one task, and the file has {} conditions ({}), each with a task of its own: say \
             which, as in ⟨tasks={last}={}:{winner}-{loser}⟩, or ⟨tasks={}:{winner}-{loser}⟩ if all had it",
            conditions.len(),
            first_few(&conditions),
            table.n_items,
            table.n_items
        ));
    }
    let Some(n) = declared.n_items else { return Ok(()) };
    let parts: Vec<Trials> = owners.iter().map(|o| total(o.cells.iter().map(|&c| &cells[c].trials))).collect();
    let all = total(parts.iter());
    let items = items_in(&all);
    for (part, name) in parts.iter().zip(&conditions) {
        let here = items_in(part);
        let missing = |pair: (usize, usize)| [pair.0, pair.1].iter().any(|k| !here.contains(k));
        if here.len() < items.len() && !chance_explains(&all, part, &missing, parts.len()) {
            return bad(format!(
                "{n} items were given for all, and the condition {name} shows only {} of the {} that the file shows: say how many it \
                 has, as in ⟨tasks={name}={}⟩, or ⟨tasks={n}⟩ if all have {n}",
                here.len(),
                items.len(),
                here.len()
            ));
        }
    }
    Ok(())
}

/// A note if the smallest rank in the file was taken for that of the highest item.
fn assumed_first_rank(table: &ChoiceTable, declared: &DeclaredTasks) -> Option<String> {
    let ItemLabels::Ranks { first: 1, is_given: false } = table.labels else { return None };
    // Given this number of items, ranks from 0 would end earlier.
    let largest = table.rows.iter().map(|r| r.first.max(r.second)).max().unwrap_or(0);
    if declared.n_items == Some(largest + 1) {
        return None;
    }
    Some(format!(
        "ranks run from 1 to {}: 1 is taken for the highest item (⟨first_rank=0⟩ if there is a rank 0 that is never shown)",
        largest + 1
    ))
}

/// A note if conditions show lists of different lengths.
fn differing(table: &ChoiceTable, owners: &[Owner], lists: &[Listed]) -> Option<String> {
    let shown: Vec<(String, usize)> = owners
        .iter()
        .zip(lists)
        .filter(|(owner, _)| owner.declared.is_none())
        .map(|(owner, list)| (table.label(owner.groups, &owner.of), list.items.len()))
        .collect();
    if shown.iter().all(|(_, n)| *n == shown[0].1) {
        return None;
    }
    let words: Vec<String> = shown.iter().map(|(name, n)| format!("{name} {n}")).collect();
    Some(format!(
        "items by condition, as each shows them: {} (⟨tasks=CONDITION=N⟩ where a list has items that were never shown)",
        first_few(&words)
    ))
}

/// Finds the list of one owner.
struct Finder<'a> {
    table: &'a ChoiceTable,
    owner: &'a Owner,
    trials: &'a Trials,
}

impl Finder<'_> {
    fn title(&self) -> String {
        self.table.title(self.owner.groups, &self.owner.of)
    }

    fn listed(&self, items: Vec<usize>, task: TransitiveTask) -> Listed {
        Listed { items, task, groups: self.owner.groups, of: self.owner.of.clone() }
    }

    fn by_distance(&self) -> bool {
        self.table.rows.is_empty()
    }

    /// The list of the items shown.
    fn shown(&self, declared: &DeclaredTasks) -> Result<Listed> {
        let shown = items_in(self.trials);
        let largest = shown.last().copied().unwrap_or(1);
        let title = self.title();
        let n = match declared.n_items {
            Some(n) => n,
            None if self.owner.of.is_empty() => self.table.n_items,
            None if self.by_distance() => largest + 1,
            None => {
                let gap = (0..=largest).find(|k| !shown.contains(k));
                let name = self.table.label(self.owner.groups, &self.owner.of);
                let list = || {
                    let names: Vec<String> = shown.iter().map(|&k| self.table.item_name(k)).collect();
                    if names.len() > 12 {
                        format!("{}, …, {}", names[..6].join(", "), names[names.len() - 1])
                    } else {
                        names.join(", ")
                    }
                };
                match self.table.labels {
                    ItemLabels::Ranks { first, .. } if gap == Some(0) => {
                        return bad(format!(
                            "{title} shows the ranks {}, which do not begin with {first}: say what its list is, ⟨tasks={name}={}⟩ (those \
                             shown) or ⟨tasks={name}={}⟩ (from rank {first} on), or ⟨tasks=N⟩ if all conditions have one of N items",
                            list(),
                            shown.len(),
                            largest + 1
                        ));
                    }
                    ItemLabels::Names if gap.is_some() => {
                        return bad(format!(
                            "{title} shows {} of the {} items in order ({}), and not the first ones: say what its list is, \
                             ⟨tasks={name}={}⟩ (those shown) or ⟨tasks={name}={}⟩ (all)",
                            shown.len(),
                            self.table.items.len(),
                            list(),
                            shown.len(),
                            self.table.items.len()
                        ));
                    }
                    _ => largest + 1,
                }
            }
        };
        let task = TransitiveTask::new(n, &declared.exceptions)
            .map_err(|source| ResultsError::Theory { context: format!("{title}, {n} items"), source })?;
        Ok(self.listed((0..n).collect(), task))
    }

    /// The list of a declared task.
    fn declared(&self, task: &TransitiveTask) -> Result<Listed> {
        let (n, shown) = (task.n_items(), items_in(self.trials));
        let largest = shown.last().copied().unwrap_or(0);
        let named = self.table.labels == ItemLabels::Names;
        if largest < n && !(named && n > self.table.items.len()) {
            return Ok(self.listed((0..n).collect(), task.clone()));
        }
        if self.by_distance() {
            return bad(format!(
                "{} shows the distance {largest}, which a list of {n} items does not have: declare at least {} items",
                self.title(),
                largest + 1
            ));
        }
        if shown.len() == n {
            return Ok(self.listed(shown.into_iter().collect(), task.clone()));
        }
        if named && n > self.table.items.len() {
            return bad(format!(
                "{} is declared to have {n} items, and only {} are named in order: name them all",
                self.title(),
                self.table.items.len()
            ));
        }
        let name = |k: usize| self.table.item_name(k);
        bad(format!(
            "{} is declared to have {n} items, and shows {}, from {} to {}: expected {n} different items, or only the {n} highest ({} to {})",
            self.title(),
            shown.len(),
            name(shown.first().copied().unwrap_or(0)),
            name(largest),
            name(0),
            name(n - 1)
        ))
    }

    /// Refuses subjects or sessions that show fewer items or no exception, unless chance explains it; then returns notes.
    fn parts(&self, cells: &[Cell], list: &Listed, declared: &DeclaredTasks) -> Result<Vec<String>> {
        let subject = [Grouping::Subject].into_iter().filter(|&g| self.table.has(g)).collect::<Vec<_>>();
        let session = [Grouping::Session].into_iter().filter(|&g| self.table.has(g));
        let session: Vec<Grouping> = session.flat_map(|g| subject.iter().copied().chain([g])).collect();
        let items = items_in(self.trials);
        let is_said = self.owner.declared.is_some() || declared.n_items.is_some();
        let mut notes = Vec::new();
        for kind in [subject, session] {
            let Some(unit) = kind.last() else { continue };
            let (mut parts, mut known) = (Vec::new(), HashMap::new());
            for &c in &self.owner.cells {
                let groups = masked(cells[c].groups, &kind);
                let at = index_of(&mut known, &mut parts, groups, || (groups, Trials::new()));
                cells[c].trials.iter().for_each(|(&pair, n)| *parts[at].1.entry(pair).or_default() += n);
            }
            let (mut few, mut fewer) = (Vec::new(), Vec::new());
            let mut untrained = Vec::new();
            for (groups, part) in &parts {
                let name = || self.table.label(*groups, &[*unit]);
                let here = items_in(part);
                let missing = |pair: (usize, usize)| [pair.0, pair.1].iter().any(|k| !here.contains(k));
                if here.len() < items.len() {
                    if is_said || chance_explains(self.trials, part, &missing, parts.len()) {
                        few.push(name());
                    } else {
                        fewer.push((name(), here.len()));
                    }
                }
                let exceptions = if self.by_distance() { &[] } else { list.task.exceptions() };
                let is_exception = |pair| exceptions.iter().any(|e| pair == (e.loser, e.winner));
                let shows = |trials: &Trials| trials.keys().any(|&pair| is_exception(pair));
                let is_missing = self.owner.declared.is_none() && shows(self.trials) && !shows(part);
                if is_missing && !chance_explains(self.trials, part, &is_exception, parts.len()) {
                    untrained.push(name());
                }
            }
            let n = list.items.len();
            if let Some((name, count)) = fewer.first() {
                let names: Vec<String> = fewer.iter().map(|(name, _)| name.clone()).collect();
                return bad(format!(
                    "{} of {} {unit}s show fewer items than the {} that {} shows, and not by chance ({}): say which list they have, as \
                     in ⟨tasks={name}={count}⟩, or ⟨tasks={n}⟩ if all have {n}",
                    fewer.len(),
                    parts.len(),
                    items.len(),
                    self.title(),
                    first_few(&names)
                ));
            }
            if let Some(name) = untrained.first() {
                return bad(format!(
                    "{} of {} {unit}s never show the pair of the exception, which others do, and not by chance ({}): say who was trained \
                     on what, as in ⟨tasks={name}={n}⟩, or ⟨tasks={}⟩ if all had the exception",
                    untrained.len(),
                    parts.len(),
                    first_few(&untrained),
                    list.task
                ));
            }
            if !few.is_empty() {
                let why = if is_said { "" } else { ", as may happen by chance" };
                notes.push(format!(
                    "{} of {} {unit}s never show some of the {n} items that {} shows{why} ({}): all are taken to have one list",
                    few.len(),
                    parts.len(),
                    self.title(),
                    first_few(&few)
                ));
            }
        }
        Ok(notes)
    }

    /// A note if the ranks of exceptions are not those in the file.
    fn exceptions(&self, list: &Listed) -> Option<String> {
        let ItemLabels::Ranks { first, .. } = self.table.labels else { return None };
        let e = list.task.exceptions().first()?;
        if first + list.items.first().copied().unwrap_or(0) == 0 || self.by_distance() {
            return None;
        }
        let [winner, loser] = [e.winner, e.loser].map(|rank| self.table.item_name(list.items[rank]));
        Some(format!(
            "{}: ranks of exceptions count from 0, so that in {} {winner} of the file beats {loser}",
            self.title(),
            list.task
        ))
    }

    /// A note if items of a task are never shown.
    fn unshown(&self, list: &Listed) -> Option<String> {
        let shown = items_in(self.trials);
        let (what, all): (_, Vec<usize>) = if self.by_distance() {
            ("distance", (1..list.items.len()).collect())
        } else {
            ("item", list.items.clone())
        };
        let name = |k: usize| if self.by_distance() { k.to_string() } else { self.table.item_name(k) };
        let missing: Vec<String> = all.into_iter().filter(|k| !shown.contains(k)).map(name).collect();
        if missing.is_empty() {
            return None;
        }
        let plural = if missing.len() > 1 { "s" } else { "" };
        Some(format!(
            "{} never shows the {what}{plural} {} of its {} items",
            self.title(),
            first_few(&missing),
            list.items.len()
        ))
    }
}

fn bad<T>(problem: String) -> Result<T> {
    Err(ResultsError::BadTable(problem))
}

fn total<'a>(all: impl Iterator<Item = &'a Trials>) -> Trials {
    let mut sum = Trials::new();
    all.flatten().for_each(|(&pair, n)| *sum.entry(pair).or_default() += n);
    sum
}

/// The items shown, or the distances.
fn items_in(trials: &Trials) -> BTreeSet<usize> {
    trials.keys().flat_map(|&(a, b)| [a, b]).collect()
}

/// Whether chance explains that a part has none of the pairs `missing`, if its trials are drawn like those of the rest.
fn chance_explains(whole: &Trials, part: &Trials, missing: &dyn Fn((usize, usize)) -> bool, parts: usize) -> bool {
    let (mut rest, mut touched) = (0.0, 0.0);
    for (&pair, n) in whole {
        let n = n - part.get(&pair).copied().unwrap_or(0.0);
        rest += n;
        touched += if missing(pair) { n } else { 0.0 };
    }
    let trials: f64 = part.values().sum();
    // A part that is the whole misses nothing.
    touched <= 0.0 || trials * (-touched / rest).ln_1p() + (parts as f64).ln() >= IMPROBABLE.ln()
}

/// The first few names, and how many more there are.
fn first_few(names: &[String]) -> String {
    first_names(names, NAMED)
}

/// The first few notes, and how many more there are.
fn short_list(mut notes: Vec<String>) -> Vec<String> {
    if notes.len() > NAMED {
        let more = notes.split_off(NAMED).len();
        notes.push(format!("so it is with {more} more"));
    }
    notes
}
