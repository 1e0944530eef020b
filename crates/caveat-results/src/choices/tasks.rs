//! Finds the task of every condition, on the items that it shows or that are declared, and splits a table by task.

mod lists;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use caveat_theory::TransitiveTask;

use super::summaries::masked;
use super::{ChoiceRow, ChoiceTable, Grouping, ItemLabels};
use crate::error::{Result, ResultsError, name_list};
use crate::interner::index_of;
pub use lists::DeclaredTasks;
use lists::{Cell, Listed, Lists, Trials, is_same};

/// Choices that are fitted together, with the task of their learners.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskUnit {
    /// Its name in every grouping.
    pub values: Vec<String>,
    /// What was trained.
    pub task: TransitiveTask,
    /// Its choices between items of the task, by rank from 0.
    pub table: ChoiceTable,
}

/// The units of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct TaskUnits {
    /// In order of appearance.
    pub units: Vec<TaskUnit>,
    /// Notes on what was assumed, a line each.
    pub notes: Vec<String>,
}

impl ChoiceTable {
    /// Splits the table by subject, session, condition or several of these (or none, for one unit), and finds the task of each unit.
    ///
    /// Tasks belong to conditions; a file without conditions is one condition. If its task is not declared, its items are those
    /// shown by all its subjects and sessions together: ranks from the highest to the lowest shown; or of named items all of them,
    /// in a condition the first ones without a gap. A subject or session that shows fewer items has the task of its condition if
    /// chance explains that.
    ///
    /// A declared task is about the highest ranks if these include all items shown; otherwise about the items shown, if there are as
    /// many as declared.
    ///
    /// # Errors
    /// A grouping without a column, a name that the file does not have, a declared task that does not fit the items shown or is not
    /// a task; conditions whose items do not begin with the highest; exceptions or a number of items for several conditions that may
    /// differ in them; subjects or sessions whose missing items chance does not explain; a unit with different tasks.
    pub fn units(&self, by: &[Grouping], declared: &DeclaredTasks) -> Result<TaskUnits> {
        let (_, places) = self.places(by)?;
        let cells = self.cells();
        let naming = self.naming(by, declared, &cells)?;
        let Lists { lists, of_cell, notes } = Lists::find(self, &cells, &naming, declared)?;
        let index: HashMap<[u32; 3], usize> = cells.iter().map(|c| c.groups).zip(of_cell.iter().copied()).collect();
        let mut units: Vec<TaskUnit> = Vec::new();
        let mut of_unit: HashMap<[u32; 3], (usize, usize)> = HashMap::new();
        for (cell, &list) in cells.iter().zip(&of_cell) {
            let key = masked(cell.groups, by);
            match of_unit.get(&key) {
                None => {
                    of_unit.insert(key, (units.len(), list));
                    let values = by.iter().map(|&g| self.name_of(g, cell.groups)).collect();
                    units.push(TaskUnit { values, task: lists[list].task.clone(), table: self.part(&lists[list]) });
                }
                Some(&(_, other)) => self.check_together(&lists[other], &lists[list], by)?,
            }
        }
        let ranks: Vec<Option<HashMap<usize, usize>>> = lists.iter().map(Listed::ranks).collect();
        // Consecutive rows are mostly of one group.
        let mut last: Option<([u32; 3], usize)> = None;
        // Units and places have the same order, by first appearance.
        for (row, &unit) in self.rows.iter().zip(&places) {
            let list = match last {
                Some((same, list)) if same == row.groups => list,
                _ => index.get(&row.groups).copied().unwrap_or_default(),
            };
            last = Some((row.groups, list));
            let rank = |item: usize| ranks[list].as_ref().and_then(|ranks| ranks.get(&item).copied()).unwrap_or(item);
            let (first, second) = (rank(row.first), rank(row.second));
            units[unit].table.rows.push(ChoiceRow { first, second, ..*row });
        }
        for (row, &unit) in self.distance_rows.iter().zip(&places) {
            units[unit].table.distance_rows.push(*row);
        }
        Ok(TaskUnits { units, notes })
    }

    /// Trials by pair for every subject, session and condition, in order of appearance.
    fn cells(&self) -> Vec<Cell> {
        let (mut cells, mut known): (Vec<Cell>, _) = (Vec::new(), HashMap::new());
        // Consecutive rows are mostly of one group.
        let mut last: Option<([u32; 3], usize)> = None;
        let pairs = self.rows.iter().map(|r| (r.groups, (r.first.min(r.second), r.first.max(r.second)), r.trials));
        let distances = self.distance_rows.iter().map(|r| (r.groups, (r.distance, r.distance), r.trials));
        for (groups, pair, trials) in pairs.chain(distances) {
            let at = match last {
                Some((same, at)) if same == groups => at,
                _ => index_of(&mut known, &mut cells, groups, || Cell { groups, trials: Trials::new() }),
            };
            last = Some((groups, at));
            *cells[at].trials.entry(pair).or_default() += trials;
        }
        cells
    }

    /// Whether the file has groups of this kind.
    fn has(&self, by: Grouping) -> bool {
        !self.names(by).is_empty()
    }

    fn name_of(&self, by: Grouping, groups: [u32; 3]) -> String {
        self.names(by).get(groups[by as usize] as usize).cloned().unwrap_or_default()
    }

    /// The names of groups as in a declaration, joined by commas.
    fn label(&self, groups: [u32; 3], by: &[Grouping]) -> String {
        by.iter().map(|&g| self.name_of(g, groups)).collect::<Vec<_>>().join(",")
    }

    /// A group in a message: "condition short", or "the file".
    fn title(&self, groups: [u32; 3], by: &[Grouping]) -> String {
        if by.is_empty() {
            return "the file".to_owned();
        }
        by.iter().map(|&g| format!("{g} {}", self.name_of(g, groups))).collect::<Vec<_>>().join(", ")
    }

    /// The kinds of groups that the names of declared tasks are of.
    fn naming(&self, by: &[Grouping], declared: &DeclaredTasks, cells: &[Cell]) -> Result<Vec<Grouping>> {
        let bad = |problem: String| Err(ResultsError::BadTable(problem));
        if declared.named.is_empty() {
            return Ok(Vec::new());
        }
        for (k, (name, _)) in declared.named.iter().enumerate() {
            if declared.named[..k].iter().any(|(other, _)| is_same(other, name)) {
                return bad(format!("two tasks are declared for {name:?}: declare one"));
            }
        }
        let mut kinds: Vec<Vec<Grouping>> = vec![vec![Grouping::Condition]];
        // Subjects or sessions come first if the table is split by them.
        let mut others = [Grouping::Subject, Grouping::Session];
        others.sort_by_key(|g| !by.contains(g));
        kinds.extend(others.map(|g| vec![g]));
        if by.len() > 1 {
            kinds.push(by.to_vec());
        }
        kinds.retain(|kind| kind.iter().all(|&g| self.has(g)));
        let labels = |kind: &[Grouping]| {
            let mut labels: Vec<String> = Vec::new();
            for cell in cells {
                let label = self.label(cell.groups, kind);
                if !labels.contains(&label) {
                    labels.push(label);
                }
            }
            labels
        };
        let Some(first) = kinds.first() else {
            let problem = "the file tells no condition, subject or session that a task could be declared for by name: name the column \
                           (condition=COLUMN), or declare one task for all (⟨tasks=9:5-3⟩)";
            return bad(problem.to_owned());
        };
        let known: Vec<Vec<String>> = kinds.iter().map(|kind| labels(kind)).collect();
        let is_known = |labels: &[String], name: &str| labels.iter().any(|label| is_same(label, name));
        let all_known = |labels: &[String]| declared.named.iter().all(|(name, _)| is_known(labels, name));
        if let Some(at) = known.iter().position(|labels| all_known(labels)) {
            return Ok(kinds[at].clone());
        }
        let unknown = declared.named.iter().find(|(name, _)| !is_known(&known[0], name)).map_or("", |(name, _)| name);
        let what = first.iter().map(|g| g.name()).collect::<Vec<_>>().join(",");
        bad(format!(
            "a task is declared for {unknown:?}, and there is no such {what}: the file has {}",
            name_list(&known[0])
        ))
    }

    /// Refuses to fit choices on different tasks together.
    fn check_together(&self, a: &Listed, b: &Listed, by: &[Grouping]) -> Result<()> {
        if a.task.graph() == b.task.graph() {
            return Ok(());
        }
        let whose = Grouping::ALL.into_iter().filter(|g| a.of.contains(g) || b.of.contains(g));
        let missing: Vec<&str> = whose.filter(|g| !by.contains(g)).map(Grouping::name).collect();
        Err(ResultsError::BadTable(format!(
            "{} has the task {} and {} has the task {}, which cannot be fitted together: add {} to ⟨by⟩ (or, if all had one task, \
             declare it: ⟨tasks=N:W-L⟩)",
            self.title(a.groups, &a.of),
            a.task,
            self.title(b.groups, &b.of),
            b.task,
            missing.join(",")
        )))
    }

    /// An empty table with the items of one list.
    fn part(&self, list: &Listed) -> Self {
        Self {
            n_items: list.items.len(),
            items: list.items.iter().map(|&item| self.item_name(item)).collect(),
            ..self.without_rows()
        }
    }

    /// The name of an item in the file, whether it occurs or not.
    fn item_name(&self, item: usize) -> String {
        let first = match self.labels {
            ItemLabels::Names => 0,
            ItemLabels::Ranks { first, .. } => first,
        };
        self.items.get(item).cloned().unwrap_or_else(|| (item + first).to_string())
    }
}
