//! The contract of `caveat lm geometry`: a table of what runs kept of their hidden states, and a picture of it.

use crate::common::{is_picture, records};
use crate::lm::{self, RUN, lab};

#[test]
fn runs_are_drawn_and_tabulated() {
    let place = lab();
    for options in ["--method full --epochs 2", "--method full --epochs 2 --seed 1", "--method probe --epochs 2"] {
        lm::run(&place, &format!("{RUN} {options} --save-similarity"));
    }
    for name in ["a.svg", "a.pdf", "a.PNG"] {
        let table = place.ok(&format!("lm geometry runs --figure {name} --format csv"));
        assert_eq!(records(&table).len(), 1 + 3 * 5, "{table}");
        assert!(place.path(name).is_file() && (name == "a.PNG" || is_picture(&place.path(name))), "{name}");
    }
    let picture = place.text("a.svg");
    for words in ["full · towns · exc_4_1_n6", "2 runs", "probe l2 = 0 · towns", "1 run", "conjunctivity α", "R²"]
    {
        assert!(picture.contains(words), "{words}");
    }
    assert_eq!(place.ok("lm geometry runs --figure b.svg -o b.csv"), "");
    assert!(place.text("b.svg") == picture && place.path("b.csv").is_file());
    // What it printed as JSON stands for the runs.
    place.write("saved.json", place.ok("lm geometry runs --format json"));
    assert_eq!(
        place.ok("lm geometry saved.json --figure c.svg --format csv"),
        place.ok("lm geometry runs --format csv")
    );
    assert_eq!(place.text("c.svg"), picture);
    place.write("other.json", "{}");
    place.refused_saying("lm geometry other.json", &["other.json", "not a table of geometries"]);
}

#[test]
fn without_margins_the_states_before_training_are_drawn_alone() {
    let place = lab();
    place.ok(&format!("{RUN} --method none --save-similarity"));
    place.ok("lm geometry runs --figure a.svg");
    let picture = place.text("a.svg");
    assert!(picture.contains("states before training") && !picture.contains("R²"));
}

#[test]
fn other_extensions_and_places_that_are_not_there_are_refused() {
    let place = lab();
    place.make_directory("runs");
    for (options, says) in [
        ("--figure out.gif", "'out.gif' does not end in .svg, .pdf or .png"),
        ("--figure nowhere/out.svg", "its directory does not exist"),
        ("--figure out.svg -o out.txt", "a table ends in"),
        ("--figure out.svg", "has no geometry.json under it"),
    ] {
        place.refused_saying(&format!("lm geometry runs {options}"), &[says]);
    }
}
