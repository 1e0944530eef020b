//! Tables of pairs, placements and choices by seed against a plain pass over the rows.

use super::*;

#[test]
fn pair_tables_are_those_of_a_plain_pass_over_the_rows() {
    let rows = rows();
    let mut naive: BTreeMap<(String, i64, i64), Vec<&Row>> = BTreeMap::new();
    for row in rows.iter().filter(|r| is_post(r)) {
        let condition = condition(row);
        naive
            .entry((condition, integer(row, TrialColumn::RankA), integer(row, TrialColumn::RankB)))
            .or_default()
            .push(row);
    }
    for name in ["t.parquet", "t.csv"] {
        let (_directory, paths) = written(name, &rows);
        let pairs = read_pair_table(&paths, Phase::Post, &|_, _| {}).unwrap();
        assert_eq!(pairs.conditions.len(), 7);
        assert!(pairs.conditions.is_sorted_by(|a, b| a.total_cmp(b).is_lt()));
        let names: Vec<&str> = pairs.hierarchies.iter().map(|h| h.name.as_str()).collect();
        assert_eq!(names, ["chain", "short", "wide"]);
        for (h, (_, n, exception)) in pairs.hierarchies.iter().zip(HIERARCHIES) {
            let exception: Vec<(usize, usize)> = exception.iter().map(|(w, l)| (*w as usize, *l as usize)).collect();
            let task = caveat_theory::TransitiveTask::new(n as usize, &exception).unwrap();
            assert_eq!((&h.graph, h.n_items, &h.exceptions), (task.graph(), n as usize, &exception));
        }
        assert!(pairs.cells.is_sorted_by_key(|c| (c.condition, c.rank_a, c.rank_b)));
        assert_eq!(pairs.cells.len(), naive.len());
        for cell in &pairs.cells {
            let key = &pairs.conditions[cell.condition];
            let members = &naive[&(key.to_string(), cell.rank_a as i64, cell.rank_b as i64)];
            let all = |column| members.iter().map(move |r| real(r, column)).filter(|x| !x.is_nan());
            let count = |n: usize| n as u64;
            assert_eq!(pairs.hierarchies[cell.hierarchy].name, key.hier);
            assert_eq!(cell.class, row_class(members[0]));
            assert_eq!(cell.n, count(members.len()));
            assert_eq!(cell.n_scored, count(all(TrialColumn::Correct).count()));
            assert_eq!(cell.n_correct, count(all(TrialColumn::Correct).filter(|x| *x == 1.0).count()));
            assert_eq!(cell.n_yes, count(all(TrialColumn::ProbYes).filter(|x| *x > 0.5).count()));
            let mean = |column| all(column).sum::<f64>() / all(column).count() as f64;
            assert!(same(cell.prob_yes, mean(TrialColumn::ProbYes), 1e-15 * members.len() as f64));
            assert!(same(cell.margin, mean(TrialColumn::Margin), 0.0));
        }
    }
}

/// The condition of a row as conditions print themselves.
fn condition(row: &Row) -> String {
    let names = [TrialColumn::Setting, TrialColumn::Model, TrialColumn::Task, TrialColumn::Hier];
    let mut condition = names.map(|c| text(row, c)).join(" ");
    for column in [TrialColumn::LoraR, TrialColumn::L2Reg] {
        let x = real(row, column);
        if !x.is_nan() {
            condition.push_str(&format!(" {column}={x}"));
        }
    }
    condition
}

#[test]
fn placements_average_the_orders_of_presentation() {
    let rows = rows();
    let (_directory, paths) = written("t.parquet", &rows);
    let pairs = read_pair_table(&paths, Phase::Post, &|_, _| {}).unwrap();
    for (k, key) in pairs.conditions.iter().enumerate() {
        let found = pairs.placed_above(k);
        let members: Vec<&Row> = rows.iter().filter(|r| is_post(r) && condition(r) == key.to_string()).collect();
        for (a, b) in (0..found.n.len()).flat_map(|a| (0..found.n.len()).map(move |b| (a, b))) {
            let shown = |x: usize, y: usize| -> Vec<f64> {
                let is_it = |r: &&&Row| {
                    (integer(r, TrialColumn::RankA), integer(r, TrialColumn::RankB)) == (x as i64, y as i64)
                };
                members.iter().filter(is_it).map(|r| real(r, TrialColumn::ProbYes)).collect()
            };
            let (forward, backward) = (shown(a, b), shown(b, a));
            assert_eq!(found.n[a][b], (forward.len() + backward.len()) as u64);
            if a == b {
                assert!(found.probability[a][b].is_nan() && found.share[a][b].is_nan());
                continue;
            }
            let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
            let probability = (mean(&forward) + 1.0 - mean(&backward)) / 2.0;
            assert!(same(found.probability[a][b], probability, 1e-13));
            assert!(same(found.probability[a][b] + found.probability[b][a], 1.0, 0.0));
            if a < b {
                let chosen =
                    forward.iter().filter(|p| **p > 0.5).count() + backward.iter().filter(|p| **p <= 0.5).count();
                assert!(same(found.share[a][b], chosen as f64 / found.n[a][b] as f64, 1e-15));
                assert!(same(found.share[a][b] + found.share[b][a], 1.0, 1e-15));
            }
        }
    }
}

#[test]
fn one_order_of_presentation_places_items_alone() {
    let (_directory, paths) = written("t.csv", &rows());
    let forward = selection(&["direction=forward", "hier=short", "class=cross_section"], &[]);
    let pairs = read_pair_table(&paths, forward.clone(), &|_, _| {}).unwrap();
    assert!(pairs.cells.iter().all(|c| c.rank_a < c.rank_b && c.class == PairClass::CrossSection));
    let (cell, placed) = (&pairs.cells[0], pairs.placed_above(0));
    assert_eq!(placed.probability[cell.rank_a][cell.rank_b], cell.prob_yes);
    assert_eq!(placed.share[cell.rank_a][cell.rank_b], cell.n_yes as f64 / cell.n as f64);
    assert!(placed.probability[0][1].is_nan() && placed.n[0][1] == 0);
    // All rows of chain are left out, and so are its conditions.
    assert!(pairs.conditions.iter().all(|c| c.hier == "short"));
}

#[test]
fn choices_by_seed_add_up_to_the_pair_table() {
    let rows = rows();
    let (_directory, paths) = written("t.parquet", &rows);
    let choices = read_choices_by_pair(&paths, Phase::Post, &|_, _| {}).unwrap();
    let pairs = read_pair_table(&paths, Phase::Post, &|_, _| {}).unwrap();
    assert_eq!(choices.seeds.len(), 7 * 3);
    for (k, condition_key) in pairs.conditions.iter().enumerate() {
        let mut total: BTreeMap<(usize, usize), (u64, u64)> = BTreeMap::new();
        let seeds: Vec<&SeedChoices> = choices.seeds.iter().filter(|s| s.condition == *condition_key).collect();
        assert_eq!(seeds.iter().map(|s| s.seed).collect::<Vec<_>>(), [-7, 0, 12]);
        for (a, b, n, n_yes) in seeds.iter().flat_map(|s| s.counts.iter().copied()) {
            let sum = total.entry((a, b)).or_default();
            *sum = (sum.0 + n, sum.1 + n_yes);
        }
        let cells = pairs.cells_of(k).iter().map(|c| ((c.rank_a, c.rank_b), (c.n, c.n_yes)));
        assert_eq!(total.into_iter().collect::<Vec<_>>(), cells.collect::<Vec<_>>());
    }
    let first = &choices.seeds[0];
    let of_seed = |r: &&Row| {
        is_post(r) && condition(r) == first.condition.to_string() && integer(r, TrialColumn::Seed) == first.seed
    };
    assert_eq!(first.counts.iter().map(|c| c.2).sum::<u64>(), rows.iter().filter(of_seed).count() as u64);
    assert_eq!(choices.hierarchies[first.hierarchy].name, first.condition.hier);
}
