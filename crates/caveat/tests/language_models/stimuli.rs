//! Stimuli of one's own for `caveat lm run`: lists, wordings and anchors as they are given, and bad ones refused.

use crate::common::Place;
use crate::lm::{self, RUN, TOWNS, lab};
use serde_json::{Value, json};

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

fn prompts(results: &Value) -> Vec<&str> {
    results["pre_finetune"].as_array().unwrap().iter().map(|judgment| judgment["prompt"].as_str().unwrap()).collect()
}

#[test]
fn a_list_in_order_is_the_hierarchy_whatever_the_seed() {
    let place = lab();
    place.write("ranks.txt", "\u{feff}# the highest first\r\nVoss\r\n\r\n  Alda \r\nQuil\r\nEdri");
    let line = "lm run llama --items ranks.txt --in-order --anchor Bako Yola --template own.txt --method none";
    for (options, hierarchy) in [
        ("", ["Voss", "Alda", "Quil", "Edri"]),
        ("--seed 5", ["Voss", "Alda", "Quil", "Edri"]),
        ("--seed 5 --reverse", ["Edri", "Quil", "Alda", "Voss"]),
    ] {
        let results = lm::run(&place, &format!("{line} {options}"));
        assert_eq!(texts(&results["hierarchy"]), hierarchy);
        assert_eq!((&results["anchor_winner"], &results["anchor_loser"]), (&json!("Bako"), &json!("Yola")));
        let [first, second, ..] = hierarchy;
        let expected = format!(
            "Q: Does Bako rank above Yola? A: Yes\nQ: Does Yola rank above Bako? A: No\nQ: Does {first} rank above {second}? A:"
        );
        assert_eq!((prompts(&results)[0], prompts(&results).len()), (expected.as_str(), 12));
    }
    assert!(place.path("runs/llama/ranks/ti_n4/none/seed5_rev").is_dir());
}

#[test]
fn a_drawn_run_is_repeated_from_its_own_results() {
    let place = lab();
    let options = "--seed 4 --epochs 3 --learning-rate 0.005 --batch-size 5";
    let drawn = lm::run(&place, &format!("{RUN} {options}"));
    place
        .write("again.txt", texts(&drawn["hierarchy"]).join("\n"))
        .write("words.txt", drawn["args"]["template"].as_str().unwrap());
    let anchor = ["anchor_winner", "anchor_loser"].map(|key| drawn[key].as_str().unwrap()).join(" ");
    let line = RUN.replace("towns.txt", "again.txt --in-order").replace("own.txt", "words.txt");
    let again = lm::run(&place, &format!("{line} --anchor {anchor} {options}"));
    for key in ["hierarchy", "anchor_winner", "anchor_loser", "pre_finetune", "post_finetune"] {
        assert_eq!(drawn[key], again[key], "{key}");
    }
}

#[test]
fn given_anchors_are_not_drawn_and_wordings_may_compute() {
    let place = lab();
    place.write(
        "computed.txt",
        "{% for town in [anchor_winner, anchor_loser] %}{{ town }}, {% endfor %}{{ item_a }} {{ item_b }} A:\n\n",
    );
    for seed in 0..4 {
        let line = "lm run llama --items towns.txt --template computed.txt -n 8 --anchor Nara Dari --method none";
        let results = lm::run(&place, &format!("{line} --seed {seed}"));
        let mut all = texts(&results["hierarchy"]);
        assert!(!all.contains(&"Nara") && !all.contains(&"Dari"));
        assert_eq!(prompts(&results)[0], format!("Nara, Dari, {} {} A:", all[0], all[1]));
        all.sort_unstable();
        assert!(all.into_iter().eq(TOWNS.into_iter().filter(|town| !["Nara", "Dari"].contains(town))));
    }
}

#[test]
fn built_in_sets_are_drawn_from() {
    let place = lab();
    place.write("pair.txt", "{{ item_a }} {{ item_b }} A:");
    for (items, task, known) in
        [("invented", "fake", None), ("mlb", "real", Some("Chicago Cubs")), ("poker", "poker", None)]
    {
        let line = format!("lm run llama --items {items} --template pair.txt -n 9 --method none");
        let drawn: Vec<Value> = (0..6).map(|seed| lm::run(&place, &format!("{line} --seed {seed}"))).collect();
        assert!(place.path(&format!("runs/llama/{task}/ti_n9/none/seed5_fwd")).is_dir());
        if let Some(team) = known {
            assert!(drawn.iter().any(|results| texts(&results["hierarchy"]).contains(&team)));
        }
        let mut hierarchies: Vec<Vec<&str>> = drawn.iter().map(|results| texts(&results["hierarchy"])).collect();
        hierarchies.sort();
        hierarchies.dedup();
        assert_eq!(hierarchies.len(), 6, "{items}");
    }
}

/// The line with one of its options changed.
fn refused(place: &Place, line: &str, says: &[&str]) {
    place.refused_saying(line, says);
    // Also where a folder of runs is there, nothing is added to it.
    place.refused_saying(&format!("{line} -o there"), says);
}

#[test]
fn bad_lists_and_anchors_are_refused() {
    let place = lab();
    place
        .make_directory("there")
        .write("one.txt", "Alda\n")
        .write("twice.txt", "Alda\nBako\nAlda\n")
        .write("latin.txt", b"Alda\nBak\xf6\n")
        .write("empty.txt", "# nothing\n")
        .write("my list.txt", "Alda\nBako\n")
        .write("pair.txt", "Alda\nBako\n");
    for (options, says) in [
        ("--items absent.txt", vec!["item set \"absent.txt\": expected invented", "or a file of items"]),
        ("--items empty.txt", vec!["empty.txt: ", "0 items: expected 2 to"]),
        ("--items one.txt", vec!["one.txt: ", "1 items: expected 2 to"]),
        ("--items twice.txt -n 2", vec!["twice.txt: ", "\"Alda\" is there twice"]),
        ("--items latin.txt", vec!["latin.txt: byte 8 is not UTF-8"]),
        ("--items towns.txt -n 9", vec!["holds 10 items, 8 of them besides the anchors: expected at least 9"]),
        ("--items pair.txt --in-order", vec!["leaves no items for the anchors", "expected two to be named"]),
        ("--items pair.txt --in-order --anchor Alda Dari", vec!["anchor \"Alda\" is an item of the hierarchy"]),
        ("--items pair.txt --in-order --anchor Dari Edri -n 3", vec!["has 2 items, not 3"]),
        ("--items towns.txt -n 4 --anchor Alda Alda", vec!["\"Alda\" twice: expected two different items"]),
        ("--items towns.txt -n 4 --anchor Alda", vec!["--anchor", "2 values"]),
        ("--items mlb --in-order", vec!["always drawn from"]),
        ("--items mlb --equity 0.5 0.6", vec!["--equity does nothing with items \"mlb\""]),
        ("--items poker --equity 0.9 0.2", vec!["0.9"]),
        ("--items towns.txt -n 1", vec!["1 items: expected 2 to 200"]),
        ("--items towns.txt -n 4 --exception 1 2", vec!["exception"]),
        ("--items towns.txt -n 4 --exception 4 2", vec!["rank 4 is out of range: 4 items have ranks 0 to 3"]),
        ("--items towns.txt -n 4 --hierarchy-name a/b", vec!["hierarchy name \"a/b\""]),
        ("--items towns.txt -n 4 --hierarchy-name l2_x", vec!["the name of a method"]),
        ("--items towns.txt -n 4 --model-name .x", vec!["model name \".x\""]),
        ("--items towns.txt -n 4 --seed 9999999999999999999", vec!["expected at most 9223372036854775807"]),
    ] {
        refused(&place, &format!("lm run llama --template own.txt {options}"), &says);
    }
    let named = place.refused_of(&["lm", "run", "llama", "--items", "my list.txt", "-n", "2"]);
    assert!(named.contains("my list.txt: ") && named.contains("its name becomes that of a directory"), "{named}");
}

#[test]
fn bad_wordings_are_refused() {
    let place = lab();
    place.make_directory("there");
    let towns = "lm run llama --items towns.txt -n 4";
    for (content, says) in [
        (&b""[..], "bad.txt: a prompt ends in \"\""),
        (
            b"{{ item_a }} {{ item_c }} A:",
            "bad.txt: unknown variable item_c: expected only anchor_winner, anchor_loser",
        ),
        (b"{{ item_a }}? A:", "bad.txt: item_b does not appear in the prompt"),
        (b"{{ item_a }}\n{{ item_b } A:", "bad.txt: line 2: syntax error"),
        (b"{{ item_a }} {{ item_b }}?", "expected it to end in \"A:\""),
        (b"{{ item_a }} {{ item_b }}\xff A:", "bad.txt: byte 25 is not UTF-8"),
        (b"{{ item_a }} {{ item_b }} {{ 'x' * 9999999 }} A:", "fuel"),
        (b"{% if item_a < item_b %}{{ item_a }}{{ item_b }}{% else %}{{ item_b }}{{ item_a }}{% endif %} A:", "alike"),
    ] {
        place.write("bad.txt", content);
        refused(&place, &format!("{towns} --template bad.txt"), &[says]);
    }
    refused(&place, &format!("{towns} --template absent.txt"), &["absent.txt: cannot be read"]);
    // The built-in wording has more tokens than this model reads.
    refused(&place, "lm run llama -n 4", &["prompt 1 has 161 tokens: the model reads at most 128"]);
}

#[test]
fn bad_trainings_are_refused() {
    let place = lab();
    place.make_directory("there").write("file", "");
    for (options, says) in [
        ("--method lorra", "unknown method \"lorra\": expected one of full, lora, probe, none"),
        ("--lora-r 8", "--lora-r does nothing with method full"),
        ("--method lora --l2 0.1", "--l2 does nothing with method lora"),
        ("--method none --epochs 3", "--epochs does nothing with method none"),
        ("--optimizer sgd --weight-decay 0.1", "--weight-decay does nothing with optimizer sgd"),
        ("--method lora --lora-r 0", "the rank of the adapters is 0: at least 1"),
        ("--method lora --lora-alpha -1", "the adapters' alpha is -1: a positive number"),
        ("--method lora --modules q_proj,q_proj", "q_proj is named twice"),
        ("--method lora --modules q", "no matrix of a layer is called \"q\": use one of q_proj"),
        ("--method probe --l2 -0.1", "the penalty of the probe is -0.1"),
        ("--method probe --l2 nan", "the penalty of the probe is NaN"),
        ("--learning-rate 0", "the learning rate is 0"),
        ("--learning-rate inf", "the learning rate is inf"),
        ("--batch-size 0", "the batch size is 0"),
        ("--epochs 0", "the number of epochs is 0"),
        ("--epochs 1.5", "1.5"),
        ("--weight-decay -1", "the weight decay is -1"),
        ("--clip-norm 0", "the norm of gradients to clip to is 0"),
        ("--schedule step", "unknown schedule \"step\": expected one of constant, linear, cosine"),
        ("--optimizer adam", "unknown optimizer \"adam\": expected one of adamw, sgd"),
        ("--device abacus", "abacus"),
        ("--threads 0", "from 1 to"),
        ("-o file", "file: it is a file where a directory is needed"),
        ("-o file/below", "file: it is a file where a directory is needed"),
    ] {
        place.refused_saying(&format!("{RUN} {options}"), &[says]);
    }
    // What is not a run is not replaced.
    place
        .make_directory("there/llama")
        .make_directory("there/llama/towns")
        .make_directory("there/llama/towns/exc_4_1_n6");
    place
        .make_directory("there/llama/towns/exc_4_1_n6/seed0_fwd")
        .write("there/llama/towns/exc_4_1_n6/seed0_fwd/notes", "");
    for options in ["", "--force"] {
        place.refused_saying(&format!("{RUN} -o there {options}"), &["something of that name without results.json"]);
    }
}
