//! Summaries by columns, filters and threads against a plain pass over the rows, and against the study.

use super::*;

#[test]
fn summaries_are_those_of_a_plain_pass_over_the_rows() {
    let rows = rows();
    for name in ["t.parquet", "t.csv"] {
        let (_directory, paths) = written(name, &rows);
        for by in [
            &["hier"][..],
            &["hier", "class"],
            &["class", "hier"],
            &["setting", "model", "lora_r", "l2_reg"],
            &["seed", "reverse"],
            &["lora_r", "gap", "direction"],
            &["rank_higher", "rank_lower", "hier"],
            &["label", "ground_truth", "no_gt"],
            &["is_train", "is_exception", "paired_correct"],
            &["logit_diff", "seed"],
            &["margin", "correct"],
        ] {
            assert_same(&summary(&paths, by, &[]).unwrap().groups, &naive(&rows, by, is_post));
        }
        let by_phase = ["phase", "task", "rank_a"];
        assert_same(&summary(&paths, &by_phase, &[]).unwrap().groups, &naive(&rows, &by_phase, |_| true));
    }
}

#[test]
fn filters_keep_the_rows_that_fulfil_all_of_them() {
    let rows = rows();
    type Keep = fn(&Row) -> bool;
    let cases: [(&[&str], Keep); 15] = [
        (&["setting=full"], |r| is_post(r) && text(r, TrialColumn::Setting) == "full"),
        (&["setting!=full", "seed>=0"], |r| {
            is_post(r) && text(r, TrialColumn::Setting) != "full" && integer(r, TrialColumn::Seed) >= 0
        }),
        (&["hier=chain,wide"], |r| is_post(r) && text(r, TrialColumn::Hier) != "short"),
        (&["lora_r=32"], |r| is_post(r) && real(r, TrialColumn::LoraR) == 32.0),
        (&["l2_reg=1e-4"], |r| is_post(r) && real(r, TrialColumn::L2Reg) == 1e-4),
        (&["l2_reg="], |r| is_post(r) && real(r, TrialColumn::L2Reg).is_nan()),
        (&["lora_r!=none", "lora_r<10"], |r| is_post(r) && real(r, TrialColumn::LoraR) < 10.0),
        (&["phase=pre"], |r| !is_post(r)),
        (&["phase=pre,post", "reverse=false"], |r| r[at(TrialColumn::Reverse)] == GroupValue::Flag(false)),
        (&["class=cross_section"], |r| is_post(r) && row_class(r) == PairClass::CrossSection),
        (&["class!=premise,ambiguous"], |r| {
            is_post(r) && ![PairClass::Premise, PairClass::Ambiguous].contains(&row_class(r))
        }),
        // Without trained rows the classes still are those of all rows.
        (&["is_train=false", "gap>=2"], |r| is_post(r) && r[at(TrialColumn::IsTrain)] == GroupValue::Flag(false)),
        (&["label=", "margin=none"], |r| is_post(r) && text(r, TrialColumn::Label).is_empty()),
        (&["logit_diff>0", "prob_yes<0.9"], |r| {
            is_post(r) && real(r, TrialColumn::LogitDiff) > 0.0 && real(r, TrialColumn::ProbYes) < 0.9
        }),
        (&["direction=forward", "rank_a!=0,2"], |r| {
            let (a, b) = (integer(r, TrialColumn::RankA), integer(r, TrialColumn::RankB));
            is_post(r) && a < b && a != 0 && a != 2
        }),
    ];
    for name in ["t.parquet", "t.csv"] {
        let (_directory, paths) = written(name, &rows);
        for (filters, keep) in cases {
            let found = summary(&paths, &["model", "hier"], filters).unwrap();
            let expected = naive(&rows, &["model", "hier"], keep);
            assert!(!expected.is_empty(), "{filters:?}");
            assert_same(&found.groups, &expected);
        }
    }
}

#[test]
fn summaries_are_tables_with_typed_columns() {
    let (_directory, paths) = written("t.parquet", &rows());
    let by = ["hier", "lora_r", "seed", "reverse"];
    let table = summary(&paths, &by, &[]).unwrap().table().unwrap();
    let names: Vec<&str> = table.columns().map(|(name, _)| name).collect();
    let statistics = ["class", "accuracy", "n", "low", "high", "margin", "margin_se", "n_seeds"];
    assert_eq!(names, [&by[..], &statistics[..]].concat());
    assert!(matches!(table.column("lora_r"), Some(Values::Float(v)) if v[0].is_nan() && v.contains(&32.0)));
    assert!(matches!(table.column("seed"), Some(Values::Integer(v)) if v[0] == Some(-7)));
    assert!(matches!(table.column("reverse"), Some(Values::Flag(_))));
    // One seed in each group tells nothing about the spread.
    assert!(matches!(table.column("margin_se"), Some(Values::Float(v)) if v.iter().all(|x| x.is_nan())));

    let open = summary(&paths, &["class"], &["class=ambiguous"]).unwrap().table().unwrap();
    assert_eq!(open.columns().next().unwrap(), ("class", &Values::Text(vec!["ambiguous".to_owned()])));
    assert_eq!(open.column("n"), Some(&Values::Integer(vec![Some(0)])));
    for name in ["accuracy", "low", "high", "margin", "margin_se"] {
        assert!(matches!(open.column(name), Some(Values::Float(v)) if v[0].is_nan()), "{name}");
    }
    let margins = summary(&paths, &["margin"], &[]).unwrap().table().unwrap();
    assert_eq!(margins.columns().filter(|(name, _)| *name == "margin").count(), 1);
}

#[test]
fn nothing_to_count_and_columns_named_twice_are_refused() {
    let (_directory, paths) = written("t.parquet", &rows());
    let refusal = |by: &[&str], filters: &[&str]| summary(&paths, by, filters).unwrap_err().to_string();
    for filters in [&["setting=other"][..], &["gap>=50"], &["hier=chain", "class=cross_section"], &["seed=3"]] {
        let message = refusal(&["hier"], filters);
        assert!(message.contains(&format!("no rows with phase=post and {}", filters.join(" and "))), "{message}");
    }
    let message = refusal(&["phase"], &["setting=other"]);
    assert!(message.contains("no rows with setting=other: expected rows that pass"), "{message}");
    assert!(refusal(&["hier", "seed", "hier"], &[]).contains("column hier is named twice"));
}

#[test]
fn too_many_groups_are_refused_with_what_to_do() {
    let (_directory, paths) = written("t.parquet", &rows());
    let by = columns(&["hier"]);
    let inputs = [crate::Input::new(&paths[0])];
    let within =
        |max_words| super::summary::summarize_within(max_words, &inputs, &by, &selection(&[], &by), &|_, _| {});
    // Two, five and six classes of the three hierarchies in three seeds, and keys of three words: hierarchy, class, seed.
    let words = (2 + 5 + 6) * 3 * 3;
    assert_eq!(within(words).unwrap().groups.len(), 13);
    let message = within(words - 1).unwrap_err().to_string();
    assert!(message.contains("more than 38 groups and seeds: drop a column"), "{message}");
}

#[test]
fn conditions_spread_over_files_are_taken_together_on_any_number_of_threads() {
    let rows = rows();
    let directory = tempfile::tempdir().unwrap();
    let parts: Vec<Vec<Row>> =
        (0..5).map(|k| rows.iter().enumerate().filter(|(i, _)| i % 5 == k).map(|(_, r)| r.clone()).collect()).collect();
    for (k, part) in parts.iter().enumerate() {
        table(part).write(&directory.path().join(format!("{k}.parquet"))).unwrap();
    }
    let paths = [directory.path().to_owned()];
    let with = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let pairs = read_pair_table(&paths, Phase::Post, &|_, _| {}).unwrap();
            (summary(&paths, &["model", "gap"], &[]).unwrap(), pairs.cells)
        })
    };
    let (one, four) = (with(1), with(4));
    // NaN differs from itself, but not in print.
    assert_eq!(format!("{one:?}"), format!("{four:?}"));
    assert_same(&one.0.groups, &naive(&rows, &["model", "gap"], is_post));
}

#[test]
fn a_summary_reports_progress_over_both_of_its_passes() {
    use std::sync::Mutex;
    let rows = rows();
    let (_directory, paths) = written("t.parquet", &rows);
    let seen = Mutex::new(Vec::new());
    let by = columns(&["hier"]);
    summarize(&paths, &by, &selection(&[], &by), &|done, total| seen.lock().unwrap().push((done, total))).unwrap();
    let seen = seen.into_inner().unwrap();
    let all = 2 * rows.len() as u64;
    assert!(seen.is_sorted() && seen.iter().all(|s| s.1 == all));
    assert_eq!(seen.last(), Some(&(all, all)));
}

#[test]
fn the_published_accuracies_are_those_of_the_study() {
    let Some(directory) = std::env::var_os("CAVEAT_PUBLISHED_LM") else {
        println!("skipped: CAVEAT_PUBLISHED_LM is not set");
        return;
    };
    let paths = [Path::new(&directory).to_owned()];
    let accuracy = |filters: &[&str], class: &str| {
        let class = format!("class={class}");
        let found = summary(&paths, &["hier"], &[filters, &[&class]].concat()).unwrap();
        assert_eq!(found.groups.len(), 1);
        (found.groups[0].accuracy(), found.groups[0].n)
    };
    // Computed from the tables with pandas, from the definition of the classes.
    let full = ["setting=full", "hier=exc_mid_n9"];
    let (premise, cross) = (accuracy(&full, "premise"), accuracy(&full, "cross_section"));
    assert!((premise.0 - 0.975_417).abs() < 5e-7 && premise.1 == 7200, "{premise:?}");
    assert!((cross.0 - 0.791_759).abs() < 5e-7 && cross.1 == 10_800, "{cross:?}");
    let probe = accuracy(&["setting=probe", "l2_reg=1e-4", "hier=exc_mid_n11"], "within_section");
    assert!((probe.0 - 0.937_292).abs() < 5e-7, "{probe:?}");
    let lora = accuracy(&["setting=lora", "lora_r=32", "hier=exc_mid_n9"], "premise");
    assert!((lora.0 - 0.584_028).abs() < 5e-7, "{lora:?}");
}
