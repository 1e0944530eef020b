//! The contract of `reproduce`: a self-contained page, with its figures and tables as files.

use std::collections::BTreeSet;

use crate::common::{Place, is_picture, parquet_shape, published};

/// Names of the files in a directory of the report.
fn names(place: &Place, directory: &str) -> BTreeSet<String> {
    std::fs::read_dir(place.path(directory)).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
}

/// Values of an attribute in the page.
fn attributes<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    page.split(&format!(" {name}=\"")).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

/// Checks a report as a whole: what the page links to is there, what is there is sound, and nothing is loaded.
fn check(place: &Place, report: &str) {
    let page = place.text(&format!("{report}/index.html"));
    assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
    assert!(!page.contains("<script") && !page.contains("<iframe") && !page.contains("@import"));
    assert!(attributes(&page, "src").iter().all(|source| source.starts_with("data:")));
    assert!(!page.contains("url(http") && !page.contains("url(//") && !page.contains("<link"));
    let (mut figures, mut tables) = (BTreeSet::new(), BTreeSet::new());
    for target in attributes(&page, "href").into_iter().chain(attributes(&page, "xlink:href")) {
        match target.split_once('/') {
            Some(("figures", name)) => drop(figures.insert(name.to_owned())),
            Some(("tables", name)) => drop(tables.insert(name.to_owned())),
            _ => assert!(target.starts_with('#') || target.starts_with("data:"), "the page refers to {target}"),
        }
    }
    assert_eq!(figures, names(place, &format!("{report}/figures")));
    assert_eq!(tables, names(place, &format!("{report}/tables")));
    for name in &figures {
        assert!(is_picture(&place.path(&format!("{report}/figures/{name}"))), "{name}");
    }
    for name in tables.iter().filter_map(|name| name.strip_suffix(".csv")) {
        let csv = place.text(&format!("{report}/tables/{name}.csv"));
        let (columns, n_rows) = parquet_shape(&place.path(&format!("{report}/tables/{name}.parquet")));
        assert!(n_rows > 0, "{name}");
        assert_eq!(csv.lines().next().unwrap(), columns.join(","), "{name}");
        assert_eq!(csv.lines().count() as i64, n_rows + 1, "{name}");
    }
}

#[test]
fn the_report_is_complete_and_a_second_run_makes_it_anew() {
    let place = Place::new();
    let summary = place.ok("reproduce -o deep/report");
    assert!(summary.contains("0.147155"), "{summary}");
    check(&place, "deep/report");
    for finding in ["LoRA r = 16 fake, exc_mid_n9, premise", "probe l2 = 1e-6 smollm2-135m-q4_1 fake exc_mid_n9"] {
        assert!(summary.contains(finding), "{finding}: {summary}");
    }
    let of = "LoRA r = 16 fake, exc_mid_n9, ";
    for states in ["states before training", "states after training", "fitted to the margins"] {
        assert!(summary.contains(&format!("{of}{states}")), "{states}: {summary}");
    }
    for kind in ["svg", "pdf"] {
        for name in ["task", "margins", "mechanism", "phase", "window", "conjunctivity"] {
            assert!(place.path(&format!("deep/report/figures/{name}.{kind}")).is_file(), "{name}.{kind}");
        }
    }
    assert_eq!(names(&place, "deep/report").into_iter().collect::<Vec<_>>(), ["figures", "index.html", "tables"]);
    let first = place.content();
    place.write("deep/report/index.html", "stale").write("deep/report/figures/task.svg", "stale");
    assert_eq!(place.ok("reproduce -o deep/report"), summary);
    let changed: Vec<_> =
        first.iter().zip(place.content()).filter(|(a, b)| *a != b).map(|(a, _)| a.0.clone()).collect();
    // PDF files may hold the time they were made at.
    assert!(changed.iter().all(|path| path.extension().is_some_and(|e| e == "pdf")), "{changed:?}");
    assert_eq!(place.content().len(), first.len());
}

#[test]
fn published_results_add_a_section_of_language_models() {
    let Some(directory) = published() else { return };
    let place = Place::new();
    let output = place.command_of(&["reproduce", "--published", &directory, "-o", "report"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    check(&place, "report");
    let page = place.text("report/index.html");
    assert!(page.contains("Fine-tuned language models") && page.contains("predicted from the other task"));
    for name in ["fits.parquet", "predictions.csv", "margins.csv"] {
        assert!(place.path(&format!("report/tables/{name}")).is_file(), "{name}");
    }
    for name in ["fitted-margins", "predicted-margins", "observed-margins", "model-conjunctivity"] {
        let found = names(&place, "report/figures").iter().any(|file| file.contains(name));
        assert!(found, "{name}: {:?}", names(&place, "report/figures"));
    }
}
