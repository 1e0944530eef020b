//! A command that was built without language models: it says so and how to build one, and all that needs none works.

use serde_json::Value;

use crate::common::Place;

#[test]
fn what_needs_language_models_says_how_to_build_them_whatever_the_arguments() {
    let place = Place::new();
    let lines = [
        "lm models",
        "lm models --format json",
        "lm fetch smollm2-135m --verify",
        "lm run smollm2-135m -n 9 --exception 5 3",
        "lm run --no-such-option",
        "lm sweep study.toml --dry-run",
        "lm score m prompts.jsonl --yes ' True'",
        "lm run",
    ];
    for line in lines {
        let message = place.refused(line);
        let name = line.split(' ').nth(1).unwrap();
        assert_eq!(
            message,
            format!(
                "error: caveat lm {name} computes language models, which this program was built without; \
                 in a clone of the project, this builds it with them: cargo install --path crates/caveat --features lm\n"
            ),
            "{line}"
        );
    }
    assert!(place.content().is_empty());
}

#[test]
fn help_is_there_and_says_it_too() {
    let place = Place::new();
    assert!(place.ok("lm run --help").contains("built without language models"));
    assert!(place.ok("lm --help").contains("built without language models"));
}

#[test]
fn geometries_of_runs_are_tabulated_and_drawn() {
    let place = Place::new();
    let geometry = concat!(env!("CARGO_MANIFEST_DIR"), "/results/geometry.json");
    let rows = place.json(&format!("lm geometry {geometry}"));
    let written: Value = serde_json::from_str(&std::fs::read_to_string(geometry).unwrap()).unwrap();
    assert_eq!(rows, written);
    place.ok(&format!("lm geometry {geometry} --figure geometry.svg"));
    assert!(place.text("geometry.svg").starts_with("<svg"));
}
