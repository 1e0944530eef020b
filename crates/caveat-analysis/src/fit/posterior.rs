//! `posterior`: what choices say about the parameters of every person and of all people together, by draws.

use caveat_results::{Grouping, Table};
use caveat_theory::LearnerKind;
use caveat_theory::inference::posterior::{
    ChoicePosterior, Diagnostics, DrawSummary, Draws, PosteriorSettings, SamplerSettings, SessionChoices, sample,
    summarize,
};
use caveat_theory::inference::{ChoiceCount, UnitScale};

use super::choices::ChoiceUnit;
use super::report::{Head, head_columns, parameter_name};
use super::request::Job;
use crate::error::{AnalysisError, Result};

/// What was found of the posteriors of all groups.
pub(super) struct Posteriors {
    /// One row for each quantity.
    pub(super) table: Table,
    /// One row for each draw.
    pub(super) draws: Table,
    pub(super) notes: Vec<String>,
    pub(super) warnings: Vec<String>,
}

/// People that share a population.
struct Group<'a> {
    head: Head,
    people: Vec<String>,
    /// Person, name of the session, and choices.
    sessions: Vec<(usize, String, &'a ChoiceUnit)>,
}

/// Samples the posterior of every group of units: units that differ in subject or session only share a population.
pub(super) fn of_choices(units: &[ChoiceUnit], settings: &SamplerSettings, job: &Job<'_>) -> Result<Posteriors> {
    let groups = groups(units);
    let mut rows = Vec::new();
    let mut drawn = Vec::new();
    let (mut notes, mut warnings) = (Vec::new(), Vec::new());
    for group in &groups {
        let choices: Vec<Vec<ChoiceCount>> = group.sessions.iter().map(|(_, _, unit)| unit.clusters.concat()).collect();
        let sessions: Vec<SessionChoices<'_>> = group
            .sessions
            .iter()
            .zip(&choices)
            .map(|((person, _, unit), choices)| SessionChoices { person: *person, graph: &unit.graph, choices })
            .collect();
        let sessions_differ = sessions.len() > group.people.len();
        let in_place = |e| group.head.in_place(e);
        let settings_of_people = PosteriorSettings { sessions_differ, priors: Vec::new() };
        let posterior = ChoicePosterior::new(&job.spec, &sessions, &settings_of_people).map_err(in_place)?;
        let Some(draws) = watched(&posterior, settings, job).map_err(in_place)? else {
            return Err(AnalysisError::input("sampling was stopped"));
        };
        let quantities = quantities(group, &posterior, &draws, job.spec.learner);
        let name = if groups.len() > 1 { format!("{}: ", group.head.name()) } else { String::new() };
        notes.push(format!(
            "{name}{} chains of {} draws after {} steps of tuning, seed {}; {} trajectories diverged",
            settings.chains,
            settings.draws,
            settings.tune,
            settings.seed,
            draws.n_diverging()
        ));
        if group.sessions.iter().any(|(_, _, unit)| unit.cluster == "seed" && unit.clusters.len() > 1) {
            warnings.push(format!(
                "{name}the answers of all seeds are taken to be independent of each other: where seeds differ, these intervals are too short"
            ));
        }
        warnings.extend(doubts(&name, &quantities, &draws));
        rows.extend(quantities.iter().map(|q| (&group.head, q.clone())));
        drawn.push((&group.head, draws, quantities));
    }
    Ok(Posteriors { table: table(&rows)?, draws: table_of_draws(&drawn)?, notes, warnings })
}

/// Units by what they share besides subject and session, in the order of their first.
fn groups(units: &[ChoiceUnit]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for unit in units {
        let (head, person, session) = split_head(&unit.head);
        let at = groups.iter().position(|g| g.head == head).unwrap_or_else(|| {
            groups.push(Group { head, people: Vec::new(), sessions: Vec::new() });
            groups.len() - 1
        });
        let group = &mut groups[at];
        let person_at = group.people.iter().position(|p| *p == person).unwrap_or_else(|| {
            group.people.push(person);
            group.people.len() - 1
        });
        group.sessions.push((person_at, session, unit));
    }
    groups
}

/// What a unit shares with others, its person (subject, else session, else model) and its session.
fn split_head(head: &Head) -> (Head, String, String) {
    match head {
        Head::Condition(key) => {
            let shared = caveat_results::ConditionKey { model: String::new(), ..key.clone() };
            (Head::Condition(shared), key.model.clone(), String::new())
        }
        Head::Groups(groups) => {
            let find = |by: Grouping| groups.iter().find(|(g, _)| *g == by).map(|(_, name)| name.clone());
            let shared =
                groups.iter().filter(|(g, _)| !matches!(g, Grouping::Subject | Grouping::Session)).cloned().collect();
            let (person, session) = match (find(Grouping::Subject), find(Grouping::Session)) {
                (Some(subject), session) => (subject, session),
                (None, session) => (session.unwrap_or_default(), None),
            };
            (Head::Groups(shared), person, session.unwrap_or_default())
        }
    }
}

/// Draws, while the watch is told of every step and of divergences.
fn watched(
    posterior: &ChoicePosterior,
    settings: &SamplerSettings,
    job: &Job<'_>,
) -> caveat_theory::Result<Option<Draws>> {
    let steps = settings.chains * (settings.tune + settings.draws);
    let work = job.watch.begin(steps as u64, "sampling the posterior");
    let diverged = std::sync::atomic::AtomicUsize::new(0);
    sample(posterior, settings, &|step| {
        work.advance(1);
        if step.diverged {
            let so_far = 1 + diverged.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            work.remark(&format!("{so_far} diverged"));
        }
        true
    })
}

/// One quantity of a posterior.
#[derive(Clone)]
struct Quantity {
    parameter: &'static str,
    /// population, between, within, person or session.
    level: &'static str,
    person: String,
    session: String,
    scale: UnitScale,
    values: Vec<f64>,
    summary: DrawSummary,
}

impl Quantity {
    /// Its name as a column of draws: gain, gain_between, gain\[s1\], gain\[s1/2\].
    fn column(&self) -> String {
        match self.level {
            "population" => self.parameter.to_owned(),
            "person" if self.person.is_empty() => self.parameter.to_owned(),
            "person" => format!("{}[{}]", self.parameter, self.person),
            "session" => format!("{}[{}/{}]", self.parameter, self.person, self.session),
            level => format!("{}_{level}", self.parameter),
        }
    }
}

fn quantities(group: &Group<'_>, posterior: &ChoicePosterior, draws: &Draws, learner: LearnerKind) -> Vec<Quantity> {
    let parameters = posterior.parameters();
    let k = parameters.len();
    let chains = draws.settings.chains;
    let people: Vec<Vec<f64>> = draws.iter().map(|d| posterior.person_parameters(d)).collect();
    let sessions: Vec<Vec<f64>> = if posterior.sessions_differ() {
        draws.iter().map(|d| posterior.session_parameters(d)).collect()
    } else {
        Vec::new()
    };
    let mut found = Vec::new();
    for (p, &parameter) in parameters.iter().enumerate() {
        let scale = UnitScale::for_parameter(parameter);
        let mut add = |level, person: &str, session: &str, values: Vec<f64>| {
            let summary = summarize(&values, chains);
            let (person, session) = (person.to_owned(), session.to_owned());
            let parameter = parameter_name(parameter, learner);
            found.push(Quantity { parameter, level, person, session, scale, values, summary });
        };
        if posterior.has_population() {
            add("population", "", "", draws.map(|d| scale.invert(d[p])));
            add("between", "", "", draws.map(|d| d[k + p].exp()));
        }
        if posterior.sessions_differ() {
            let first = if posterior.has_population() { 2 * k } else { k };
            add("within", "", "", draws.map(|d| d[first + p].exp()));
        }
        for (at, person) in group.people.iter().enumerate() {
            add("person", person, "", people.iter().map(|theta| scale.invert(theta[at * k + p])).collect());
        }
        if posterior.sessions_differ() {
            for (at, (person, session, _)) in group.sessions.iter().enumerate() {
                let values = sessions.iter().map(|theta| scale.invert(theta[at * k + p])).collect();
                add("session", &group.people[*person], session, values);
            }
        }
    }
    found
}

/// What makes the draws doubtful.
fn doubts(name: &str, quantities: &[Quantity], draws: &Draws) -> Vec<String> {
    let mut doubts = Vec::new();
    let diverged = draws.n_diverging();
    if diverged > 0 {
        doubts.push(format!(
            "{name}{diverged} of {} trajectories diverged: the sampler did not follow the posterior there, and draws may miss a part of it. \
             ⟨target_accept=0.95⟩ takes smaller steps",
            draws.diverging.len()
        ));
    }
    let chains = draws.settings.chains;
    let bad: Vec<&Quantity> = quantities.iter().filter(|q| !q.summary.diagnostics.are_good(chains)).collect();
    if bad.is_empty() {
        return doubts;
    }
    // Where all draws are the same, or one is infinite, there is no R-hat: that is the worst.
    let r_hat =
        |q: &Quantity| if q.summary.diagnostics.r_hat.is_nan() { f64::INFINITY } else { q.summary.diagnostics.r_hat };
    let size = |q: &Quantity| q.summary.diagnostics.ess_bulk.min(q.summary.diagnostics.ess_tail);
    let least = Diagnostics::LEAST_ESS * chains as f64;
    let mut reasons = Vec::new();
    if let Some(worst) = bad.iter().max_by(|a, b| r_hat(a).total_cmp(&r_hat(b)))
        && r_hat(worst) > Diagnostics::LARGEST_R_HAT
    {
        let (found, limit) = (worst.summary.diagnostics.r_hat, Diagnostics::LARGEST_R_HAT);
        reasons.push(format!("R-hat is {found:.3} for {}, and should be {limit} at most", worst.column()));
    }
    if let Some(worst) = bad.iter().min_by(|a, b| size(a).total_cmp(&size(b)))
        && size(worst) < least
    {
        reasons.push(format!(
            "{} has {:.0} effective draws, and should have {least} at least",
            worst.column(),
            size(worst)
        ));
    }
    doubts.push(format!(
        "{name}{} of {} quantities are not known well enough: {}. ⟨draws⟩ and ⟨tune⟩ make the chains longer",
        bad.len(),
        quantities.len(),
        reasons.join("; ")
    ));
    doubts
}

fn table(rows: &[(&Head, Quantity)]) -> Result<Table> {
    let float = |f: fn(&DrawSummary) -> f64| rows.iter().map(move |(_, q)| f(&q.summary));
    let text = |f: fn(&Quantity) -> &str| rows.iter().map(move |(_, q)| f(q));
    Ok(head_columns(rows.iter().map(|(head, _)| *head))?
        .text("parameter", text(|q| q.parameter))?
        .text("level", text(|q| q.level))?
        .text("person", text(|q| &q.person))?
        .text("session", text(|q| &q.session))?
        .float("mean", float(|s| s.mean))?
        .float("sd", float(|s| s.sd))?
        .float("median", float(|s| s.median))?
        .float("low", float(|s| s.interval.low))?
        .float("high", float(|s| s.interval.high))?
        .float("r_hat", float(|s| s.diagnostics.r_hat))?
        .float("ess_bulk", float(|s| s.diagnostics.ess_bulk))?
        .float("ess_tail", float(|s| s.diagnostics.ess_tail))?
        .text("scale", rows.iter().map(|(_, q)| q.scale.name()))?)
}

/// Draws of all groups, one below the other; a quantity that a group lacks is missing there.
fn table_of_draws(groups: &[(&Head, Draws, Vec<Quantity>)]) -> Result<Table> {
    let mut columns: Vec<String> = Vec::new();
    for quantity in groups.iter().flat_map(|(_, _, quantities)| quantities) {
        let column = quantity.column();
        if !columns.contains(&column) {
            columns.push(column);
        }
    }
    let each =
        || groups.iter().flat_map(|(head, draws, _)| (0..draws.log_density.len()).map(move |k| (*head, draws, k)));
    let heads: Vec<&Head> = each().map(|(head, ..)| head).collect();
    let mut table = head_columns(heads.into_iter())?
        .count("chain", each().map(|(_, d, k)| k / d.settings.draws))?
        .count("draw", each().map(|(_, d, k)| k % d.settings.draws))?
        .float("log_density", each().map(|(_, d, k)| d.log_density[k]))?
        .count("diverging", each().map(|(_, d, k)| usize::from(d.diverging[k])))?
        .count("n_steps", each().map(|(_, d, k)| d.n_steps[k] as usize))?;
    for column in columns {
        let values: Vec<f64> = groups
            .iter()
            .flat_map(|(_, draws, quantities)| {
                let own = quantities.iter().find(|q| q.column() == column);
                own.map_or_else(|| vec![f64::NAN; draws.log_density.len()], |q| q.values.clone())
            })
            .collect();
        table = table.float(column, values)?;
    }
    Ok(table)
}
