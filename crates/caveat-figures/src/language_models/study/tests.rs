//! The figure of the study from tables that have everything, little, or something odd.

use caveat_results::{Table, Values};

use super::super::pairs::tests::{Spec, table};
use super::*;
use crate::canvas::Format;

const NEAR: &[(usize, usize)] = &[(5, 3)];
const MIDDLE: &[(usize, usize)] = &[(6, 4)];

/// Two models with every training on both exceptions and on none.
fn complete() -> Vec<Spec<'static>> {
    let mut specs = Vec::new();
    for model in ["gpt2", "qwen35-4b"] {
        for (n, exceptions) in [(9, &[][..]), (9, NEAR), (11, MIDDLE)] {
            specs.push(("full", model, "fake", n, exceptions, None));
            specs.push(("lora", model, "fake", n, exceptions, Some(32.0)));
            specs.extend([1e-4, 0.1, 10.0].map(|l| ("probe", model, "fake", n, exceptions, Some(l))));
        }
    }
    specs
}

fn numbers(specs: &[Spec<'_>]) -> (Figure, Table) {
    let figure = draw(&table(specs)).unwrap();
    assert!(!figure.canvas.render(Format::Svg).unwrap().is_empty());
    assert_eq!(figure.canvas.width(), DOUBLE_COLUMN);
    let numbers = figure.table.clone();
    (figure, numbers)
}

/// Rows per panel, in order.
fn rows(table: &Table) -> Vec<(String, usize)> {
    let Some(Values::Text(panels)) = table.column("panel") else {
        panic!("no column 'panel'");
    };
    panels.chunk_by(|a, b| a == b).map(|run| (run[0].clone(), run.len())).collect()
}

#[test]
fn a_complete_table_fills_every_panel() {
    let (figure, numbers) = numbers(&complete());
    // Pairs of the four classes: 6 + 3 + 2 + 9 = 20 for n = 9 and 8 + 3 + 6 + 16 = 33 for n = 11.
    let expected = [
        ("a", 2 * 36),
        ("b", 2 * 36),
        ("c", 3 * (2 * (20 + 33) + 4)),
        ("d", 3 * 3),
        ("e", 3 * 3),
        ("f", 36 + 55),
        ("g", 2 * 20 + 4 + 2 * 33 + 4),
    ];
    assert_eq!(rows(&numbers), expected.map(|(panel, n)| (panel.to_owned(), n)));
    let svg = figure.canvas.svg();
    assert!(!svg.contains("in these tables"), "nothing is missing");
    assert!(figure.caption.contains("probe of qwen35-4b"));
    let page = 9.5 * 72.0;
    assert!(figure.canvas.height() <= page, "{} points do not fit a page", figure.canvas.height());
}

#[test]
fn missing_trainings_leave_a_labeled_gap() {
    let specs: Vec<Spec<'_>> = complete().into_iter().filter(|s| s.0 == "full").collect();
    let (figure, numbers) = numbers(&specs);
    let svg = figure.canvas.svg();
    for words in ["no LoRA", "l2 = 1e-4", "two or more penalties"] {
        assert!(svg.contains(words), "{words}");
    }
    assert!(rows(&numbers).iter().all(|(panel, _)| panel != "d" && panel != "e"));
}

#[test]
fn a_single_condition_of_any_kind_is_drawn() {
    let odd: [Spec<'_>; 7] = [
        ("full", "gpt2", "fake", 9, NEAR, None),
        ("full", "gpt2", "fake", 9, &[], None),
        ("lora", "gpt2", "real", 11, &[(7, 3)], Some(8.0)),
        ("probe", "gpt2", "poker", 9, &[(8, 0)], Some(0.1)),
        ("scratch", "a model with a very long name that fits nowhere", "fake", 20, &[(6, 4), (15, 11)], None),
        ("full", "gpt2", "fake", 5, &[(3, 2)], None),
        ("full", "gpt2", "fake", 2, &[], None),
    ];
    for spec in odd {
        let n = spec.3;
        let (_, numbers) = numbers(&[spec]);
        let panel = if spec.4.is_empty() { "a" } else { "b" };
        assert_eq!(rows(&numbers)[0], (panel.to_owned(), n * (n - 1) / 2), "{spec:?}");
    }
}

#[test]
fn many_hierarchies_models_and_settings_stay_on_the_page() {
    let mut specs: Vec<Spec<'_>> = Vec::new();
    let exceptions: Vec<[(usize, usize); 1]> = (0..12).map(|k| [(k + 4, k + 2)]).collect();
    let models: Vec<String> = (0..5).map(|k| format!("model-{k}")).collect();
    for exception in &exceptions {
        for model in &models {
            specs.push(("full", model, "fake", 20, exception, None));
        }
        for setting in ["a", "b", "c", "d", "e", "f", "g"] {
            specs.push((setting, "model-0", "fake", 20, exception, None));
        }
    }
    let (figure, numbers) = numbers(&specs);
    assert_eq!(rows(&numbers).iter().find(|r| r.0 == "f").unwrap().1, MOST_GROUPS * 190);
    assert!(figure.caption.contains("the first 8 of 12"), "{}", figure.caption);
    let left_out = "Orders are shown of 2 of 5 models (model-0, model-1).";
    assert_eq!(figure.left_out.as_deref(), Some(left_out));
    assert!(figure.caption.ends_with(left_out), "{}", figure.caption);
    assert!(figure.canvas.height() < 1000.0);
}

#[test]
fn probabilities_that_are_missing_leave_white_cells_and_no_accuracy_leaves_no_violin() {
    let mut missing = table(&complete());
    for cell in &mut missing.cells {
        cell.prob_yes = f64::NAN;
        (cell.n_scored, cell.n_correct) = (0, 0);
    }
    let figure = draw(&missing).unwrap();
    assert!(!figure.canvas.render(Format::Png).unwrap().is_empty());
    let numbers = figure.table;
    let panels = rows(&numbers);
    assert!(panels.iter().all(|(panel, _)| panel != "c" && panel != "g"), "{panels:?}");
    let Some(Values::Float(values)) = numbers.column("value") else {
        panic!("no column 'value'");
    };
    assert!(values.iter().all(|v| v.is_nan()));
}

#[test]
fn an_empty_table_is_refused() {
    let mut empty = table(&[("full", "gpt2", "fake", 3, &[], None)]);
    empty.cells.clear();
    assert!(matches!(draw(&empty), Err(FigureError::Nothing { figure: "study", .. })));
}
