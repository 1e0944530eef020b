//! Compares what a run's files say about it (records, adapter, items) with its path.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::folder_names::{Way, ways};
use super::records::{About, Said, is_on, number, plain};
use super::run_path::{Fact, RunPath};
use crate::hierarchy_name::{Contradiction, contradiction};
use crate::run_layout::{LAYOUT, RunSetting};

/// The items of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Items {
    /// The largest rank, from 0.
    pub(super) largest: usize,
    /// Winner and loser of pairs that are marked as exceptions or whose label says that the lower item wins.
    pub(super) exceptions: BTreeSet<(usize, usize)>,
}

/// How something that a file says relates to the path.
enum Verdict {
    Confirms(Fact),
    Contradicts { what: &'static str, of_path: String },
    Nothing,
}

/// Refuses a run whose files contradict its path or leave it in doubt, and fills in the order if only they tell it. A layout is
/// followed all the same; contradictions to it are returned.
pub(super) fn check(run: &mut RunPath, path: &Path, said: &[Said], items: &Items) -> Result<Vec<String>, String> {
    let (mut told, mut confirmed) = (Vec::new(), Vec::new());
    for said in said {
        if let (About::Reverse, None, Value::Bool(reverse)) = (said.about, run.reverse, &said.value) {
            run.reverse = Some(*reverse);
        }
        match verdict(run, said) {
            Verdict::Nothing => {}
            Verdict::Confirms(fact) => confirmed.push(fact),
            Verdict::Contradicts { what, of_path } => {
                let problem = format!("the path says {what} {of_path}, and the file says {said}");
                if !run.by_layout || what == SETTING && !run.setting_is_named {
                    return Err(format!(
                        "{problem}: expected the layout {LAYOUT}, or say what each folder is, as in \
                         ⟨layout=model/task/hier/setting/seed⟩"
                    ));
                }
                told.push(problem);
            }
        }
    }
    let of_adapter = check_adapter(run, path).err().map(|problem| (problem, run.setting_is_named));
    let of_items = check_items(run, items).err().map(|problem| (problem, true));
    for (problem, is_named) in of_adapter.into_iter().chain(of_items) {
        if !run.by_layout || !is_named {
            return Err(problem);
        }
        told.push(problem);
    }
    match run.in_doubt(&confirmed) {
        Some(problem) => Err(problem),
        None => Ok(told),
    }
}

const SETTING: &str = "setting";

fn verdict(run: &RunPath, said: &Said) -> Verdict {
    let Said { about, value, .. } = said;
    let text = match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(_) => Some(value.to_string()),
        _ => None,
    };
    let named = |fact: Fact, what: &'static str, of_path: &str, is_same: fn(&str, &str) -> bool| match &text {
        Some(text) if is_same(of_path, text) => Verdict::Confirms(fact),
        Some(_) => Verdict::Contradicts { what, of_path: of_path.to_owned() },
        None => Verdict::Nothing,
    };
    let contradicts = |what: &'static str, of_path: String| Verdict::Contradicts { what, of_path };
    let setting = || contradicts(SETTING, run.setting.name().to_owned());
    // A name from a layout that has nothing to do with training may stand for anything.
    let is_open = matches!(&run.setting, RunSetting::Other(name) if ways(name).next().is_none());
    let of_setting = |what: &'static str, of_path: Option<f64>| match (number(value), of_path) {
        (Some(found), Some(of_path)) if (of_path - found).abs() > 1e-9 * found.abs() => {
            contradicts(what, of_path.to_string())
        }
        (Some(found), None) if found != 0.0 && !matches!(run.setting, RunSetting::Other(_)) => setting(),
        _ => Verdict::Nothing,
    };
    match about {
        About::Model => named(Fact::Model, "model", &run.model, same_model),
        About::Task => named(Fact::Task, "task", &run.task, same_name),
        About::Hier => named(Fact::Hier, "hier", &run.hier, same_name),
        About::Seed => match number(value) {
            Some(seed) if seed != run.seed as f64 => contradicts("seed", run.seed.to_string()),
            _ => Verdict::Nothing,
        },
        About::Reverse => match (run.reverse, value) {
            (Some(of_path), Value::Bool(reverse)) if of_path != *reverse => contradicts("reverse", of_path.to_string()),
            _ => Verdict::Nothing,
        },
        _ if is_open => Verdict::Nothing,
        About::Method => text.map_or(Verdict::Nothing, |text| of_method(run, &text)),
        About::Hint => match text {
            Some(text) if ways(&text).any(|(_, way)| !way.fits(&run.setting)) => setting(),
            _ => Verdict::Nothing,
        },
        About::Adapter => match value {
            Value::String(text) if ways(text).next().is_some() => of_method(run, text),
            // A whole number is a rank, any other number is a score.
            Value::Number(n) if !n.is_u64() => Verdict::Nothing,
            value => {
                let has_one = match &run.setting {
                    RunSetting::Other(_) => None,
                    setting => Some(matches!(setting, RunSetting::Lora { .. })),
                };
                // An empty list or object does not deny an adapter.
                let denies = matches!(value, Value::Bool(false)) && has_one == Some(true);
                if denies || is_on(value) && has_one == Some(false) { setting() } else { Verdict::Nothing }
            }
        },
        About::Full => match value {
            Value::Bool(full) if *full != Way::Full.fits(&run.setting) => setting(),
            Value::Bool(true) => Verdict::Confirms(Fact::Setting),
            _ => Verdict::Nothing,
        },
        About::Other => {
            // Weights of 16 bits and more are not quantized.
            let is_off = !is_on(value) || number(value).is_some_and(|bits| bits >= 16.0);
            let is_known =
                matches!(&run.setting, RunSetting::Other(name) if ways(name).any(|(_, way)| way == Way::Other));
            if is_off || is_known { Verdict::Nothing } else { setting() }
        }
        About::LoraR => of_setting("lora_r", run.setting.lora_r()),
        About::LoraAlpha => of_setting("lora_alpha", run.setting.lora_alpha()),
        About::L2Reg => of_setting("l2_reg", run.setting.l2_reg()),
    }
}

/// How the name of a method relates to the setting; an unknown name contradicts it.
fn of_method(run: &RunPath, method: &str) -> Verdict {
    let found: Vec<(String, Way)> = ways(method).collect();
    let is_same = match &run.setting {
        RunSetting::Other(name) => {
            same_name(name, method)
                || !found.is_empty() && found.iter().all(|word| ways(name).any(|of_name| of_name == *word))
        }
        setting => !found.is_empty() && found.iter().all(|(_, way)| way.fits(setting)),
    };
    if !is_same {
        return Verdict::Contradicts { what: SETTING, of_path: run.setting.name().to_owned() };
    }
    // Words for tuning or adapters in general do not tell which.
    let tells = found.iter().any(|(_, way)| !matches!(way, Way::Tuned | Way::Adapted));
    if tells { Verdict::Confirms(Fact::Setting) } else { Verdict::Nothing }
}

/// Compares the adapter that was saved with a run with its path.
fn check_adapter(run: &RunPath, path: &Path) -> Result<(), String> {
    let Some((name, adapter)) = adapter_config(path) else { return Ok(()) };
    let RunSetting::Lora { r, alpha } = run.setting else {
        // A name from a layout may be that of an adapter.
        return match run.setting {
            RunSetting::Other(_) => Ok(()),
            _ => Err(format!(
                "the path says setting {}, and there is {name} beside it: expected a folder lora_rR_alphaA",
                run.setting.name()
            )),
        };
    };
    for (key, of_path) in [("r", r as f64), ("lora_alpha", alpha)] {
        if let Some(value) = adapter.get(key)
            && value.as_f64().is_some_and(|x| x != of_path)
        {
            return Err(format!("the path says {key} {of_path}, and {name} beside it says {value}: expected the same"));
        }
    }
    let kind = adapter.get("peft_type").filter(|kind| kind.as_str().is_some_and(|k| !k.eq_ignore_ascii_case("lora")));
    let variants = ["use_dora", "use_rslora"].map(|key| (key, adapter.get(key).filter(|value| is_on(value))));
    match [("peft_type", kind)].into_iter().chain(variants).find_map(|(key, value)| Some((key, value?))) {
        Some((key, value)) => {
            Err(format!("the path says setting lora, and {name} beside it says {key} {value}: expected plain LoRA"))
        }
        None => Ok(()),
    }
}

/// The configuration of an adapter that was saved with a run.
fn adapter_config(results: &Path) -> Option<(&'static str, Value)> {
    let folder = results.parent()?;
    ["adapter_config.json", "adapter/adapter_config.json"].into_iter().find_map(|name| {
        let bytes = fs::read(folder.join(name)).ok()?;
        // A file that is not JSON is still there.
        Some((name, serde_json::from_slice(&bytes).unwrap_or(Value::Null)))
    })
}

/// Compares the items of a run with the name of its hierarchy, if that tells about them.
fn check_items(run: &RunPath, items: &Items) -> Result<(), String> {
    let exceptions: Vec<(usize, usize)> = items.exceptions.iter().copied().collect();
    let hier = &run.hier;
    let what = match contradiction(hier, items.largest + 1, &exceptions) {
        None => return Ok(()),
        Some(Contradiction::Items { named, found }) => {
            format!("of {named} items, and the file holds {found}, ranks 0 to {}", items.largest)
        }
        Some(Contradiction::Exceptions { named, found }) => {
            format!("where there is {named}, and in the file there is {found}")
        }
    };
    Err(format!("the path says hier {hier}, {what}: expected the name of the hierarchy that was run"))
}

fn same_name(of_path: &str, recorded: &str) -> bool {
    plain(of_path) == plain(recorded)
}

/// Whether two names are of one model: the folder may lack the organization, capitals and signs, or shorten the name.
fn same_model(of_path: &str, recorded: &str) -> bool {
    const SHORTEST: usize = 3;
    let last = |text: &str| plain(text.trim_end_matches('/').rsplit('/').next().unwrap_or(text));
    let (a, b) = (last(of_path), last(recorded));
    a == b || a.len() >= SHORTEST && b.contains(&a) || b.len() >= SHORTEST && a.contains(&b)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::records;
    use super::*;

    fn checked(
        path: &str,
        layout: Option<&str>,
        record: &Value,
        items: &Items,
    ) -> Result<(RunPath, Vec<String>), String> {
        let layout = layout.map(|layout| layout.parse().unwrap());
        let mut run = RunPath::parse(Path::new(path), "given", layout.as_ref())?;
        let said = records::said(record.as_object().unwrap());
        check(&mut run, Path::new("/nowhere/results.json"), &said, items).map(|told| (run, told))
    }

    fn items(n: usize, exceptions: &[(usize, usize)]) -> Items {
        Items { largest: n - 1, exceptions: exceptions.iter().copied().collect() }
    }

    const FULL: &str = "smol-1b/fake/ti_n9/seed0_fwd/r";
    const LORA: &str = "smol-1b/fake/ti_n9/lora_r8_alpha16/seed0_rev/r";

    #[test]
    fn what_files_say_and_paths_agree_on_is_taken() {
        let all = json!({"args": {"model": "m", "task": "t", "hier": "custom", "method": "full"}});
        for (path, record) in [
            (FULL, json!({})),
            (
                FULL,
                json!({"args": {"model": "org/Smol-1B", "task": "fake", "hier": "ti_n9", "seed": 0, "reverse": false}}),
            ),
            (FULL, json!({"method": "full", "lora_r": null, "use_lora": false, "load_in_4bit": false, "peft": {}})),
            (FULL, json!({"training_args": {"method": "full fine-tuning", "quantization": "none", "bits": 16}})),
            (
                FULL,
                json!({"a": {"method": "SFT"}, "peft_config": null, "hierarchy": ["x", "y"], "metrics": {"lora": 0.5}}),
            ),
            (LORA, json!({"method": "lora", "lora_r": 8, "lora_alpha": 16.0, "use_lora": true})),
            (
                LORA,
                json!({"peft": {"peft_type": "LORA", "r": 8, "lora_alpha": 16, "use_dora": false}, "adapter": "lora"}),
            ),
            ("m/t/custom/seed0_fwd/r", json!({"args": {"hier": "custom"}})),
            ("above/m/t/custom/seed0_fwd/r", all.clone()),
            ("m/t/custom/seed0_fwd/r", all),
            ("lora-smol/real/ti_n9/seed0_fwd/r", json!({"model": "lora-smol", "method": "full"})),
        ] {
            let found = checked(path, None, &record, &items(9, &[]));
            assert!(found.as_ref().is_ok_and(|(_, told)| told.is_empty()), "{path} {record}: {found:?}");
        }
    }

    /// What the command's own runs record, whatever they are called.
    #[test]
    fn own_runs_contradict_nothing_and_settle_every_doubt() {
        for (folder, method, rank, alpha, l2) in [
            ("", "full", json!(null), json!(null), json!(null)),
            ("lora_r16_alpha0p5/", "lora", json!(16), json!(0.5), json!(null)),
            ("l2_1e-4/", "probe", json!(null), json!(null), json!(1e-4)),
            ("none/", "none", json!(null), json!(null), json!(null)),
        ] {
            for (model, task, hier) in
                [("llama", "fake", "exc_5_2_n9"), ("full", "lora", "lr1e-4"), ("poker", "llama", "smol")]
            {
                let modules = if method == "lora" { json!(["q_proj"]) } else { json!(null) };
                let record = json!({
                    "args": {
                        "model": model, "task": task, "hier": hier, "items": "fake", "item_list": null, "n_items": 9,
                        "exceptions": [[5, 2]], "seed": 3, "reverse": true, "anchor": null, "template": "{{ item_a }}",
                        "method": method, "lora_r": rank, "lora_alpha": alpha, "lora_modules": modules, "l2_reg": l2,
                        "optimizer": "adamw", "epochs": 3, "program": "caveat", "model_path": "/a/qlora/x.gguf",
                        "architecture": "llama", "device": "cpu", "answer_tokens": {"yes": [" Yes", 3]},
                        "losses": [0.5, 0.25], "seconds": {"load": 1.0, "train": 2.0},
                    },
                    "hierarchy": ["a", "b"], "anchor_winner": "c", "anchor_loser": "d",
                });
                for above in ["", "runs/lr1/"] {
                    let path = format!("{above}{model}/{task}/{hier}/{folder}seed3_rev/r");
                    let found = checked(&path, None, &record, &items(9, &[(5, 2)]));
                    assert!(found.as_ref().is_ok_and(|(_, told)| told.is_empty()), "{path}: {found:?}");
                }
            }
        }
    }

    #[test]
    fn contradictions_are_refused_with_key_and_value_wherever_they_stand() {
        for (path, record, says) in [
            (FULL, json!({"model": "llama"}), "the path says model smol-1b, and the file says model \"llama\""),
            (FULL, json!({"meta": {"model": {"name": "qwen"}}}), "meta.model.name \"qwen\""),
            (
                FULL,
                json!({"args": {"task": "poker"}}),
                "the path says task fake, and the file says args.task \"poker\"",
            ),
            (
                FULL,
                json!({"config": {"data": {"hier": "exc_mid_n9"}}}),
                "the path says hier ti_n9, and the file says config.data.hier",
            ),
            (FULL, json!({"seed": 3}), "the path says seed 0, and the file says seed 3"),
            (FULL, json!({"run": {"seed": "3"}}), "run.seed \"3\""),
            (FULL, json!({"reverse": true}), "the path says reverse false"),
            (FULL, json!({"method": "qlora"}), "the path says setting full, and the file says method \"qlora\""),
            (FULL, json!({"training_args": {"method": "qlora"}}), "training_args.method \"qlora\""),
            (FULL, json!({"hparams": {"lora_r": 16}}), "setting full, and the file says hparams.lora_r 16"),
            (FULL, json!({"config": {"peft": {"peft_type": "LORA", "r": 16}}}), "config.peft"),
            (FULL, json!({"metadata": {"lora_r": 8}}), "metadata.lora_r 8"),
            (FULL, json!({"a": [{"b": {"load_in_4bit": true}}]}), "a[0].b.load_in_4bit true"),
            (FULL, json!({"model_kwargs": {"quantization_config": {"bits": 4}}}), "quantization_config"),
            (FULL, json!({"use_lora": true}), "use_lora"),
            (FULL, json!({"adapter": "runs/adapter"}), "adapter"),
            (FULL, json!({"method": "mystery"}), "method \"mystery\""),
            (FULL, json!({"training": {"type": "lora"}}), "training.type \"lora\""),
            (FULL, json!({"model_args": {"dtype": "nf4"}}), "model_args.dtype \"nf4\""),
            (FULL, json!({"lora": 8}), "lora 8"),
            (FULL, json!({"method": "none"}), "method \"none\""),
            (LORA, json!({"load_in_4bit": true}), "setting lora"),
            (LORA, json!({"lora_r": 16}), "the path says lora_r 8, and the file says lora_r 16"),
            (
                LORA,
                json!({"peft": {"config": {"alpha": 8}}}),
                "the path says lora_alpha 16, and the file says peft.config.alpha 8",
            ),
            (LORA, json!({"method": "full"}), "setting lora"),
            (LORA, json!({"full_finetune": true}), "full_finetune true"),
            (LORA, json!({"use_dora": true}), "use_dora"),
            (LORA, json!({"use_peft": false}), "use_peft false"),
        ] {
            let problem = checked(path, None, &record, &items(9, &[])).unwrap_err();
            assert!(problem.contains(says) && problem.contains(LAYOUT) && problem.contains("⟨layout="), "{problem}");
        }
    }

    #[test]
    fn doubtful_paths_need_records_of_all_that_is_in_doubt() {
        let three = json!({"model": "m", "task": "t", "hier": "custom"});
        for (path, record, says) in [
            ("above/m/t/custom/seed0_fwd/r", json!({}), "above stands above what would be m/t/custom"),
            // The training of the folder above is not known.
            ("above/m/t/custom/seed0_fwd/r", three.clone(), "above stands above"),
            ("above/m/t/ti_n9/seed0_fwd/r", json!({"model": "m", "method": "full"}), "above stands above"),
            ("m/t/custom/seed0_fwd/r", json!({"model": "m"}), "\"custom\" stands for HIER, is not named"),
            ("smol/poker/lr1e-4/seed0_fwd/r", json!({"method": "full"}), "\"lr1e-4\" looks like a hyperparameter"),
            ("smol-4bit/poker/ti_n9/seed0_fwd/r", json!({"model": "smol-4bit"}), "looks like a way of training"),
        ] {
            let problem = checked(path, None, &record, &items(9, &[])).unwrap_err();
            assert!(problem.contains(says) && problem.contains(LAYOUT), "{problem}");
        }
        let lora = checked("above/m/t/custom/lora_r1_alpha1/seed0_fwd/r", None, &three, &items(9, &[]));
        assert!(lora.is_ok(), "{lora:?}");
    }

    #[test]
    fn items_and_exceptions_are_those_of_the_name() {
        for (hier, items) in [
            ("ti_n9", items(9, &[])),
            ("exc_mid_n9", items(9, &[(5, 3)])),
            ("exc_mid_n4", items(4, &[(3, 0)])),
            ("exc_9_7_4_2_n12", items(12, &[(4, 2), (9, 7)])),
        ] {
            let found = checked(&format!("m/t/{hier}/seed0_fwd/r"), None, &json!({}), &items);
            assert!(found.is_ok(), "{hier}: {found:?}");
        }
        for (hier, items, says) in [
            ("ti_n9", items(4, &[(3, 0)]), "the path says hier ti_n9, of 9 items, and the file holds 4, ranks 0 to 3"),
            ("ti_n3", items(4, &[]), "hier ti_n3, of 3 items, and the file holds 4"),
            ("ti_n4", items(4, &[(3, 0)]), "there is no exception, and in the file there is rank 3 beats 0"),
            ("exc_mid_n4", items(4, &[]), "there is an exception, and in the file there is no exception"),
            ("exc_mid_n9", items(9, &[(7, 3)]), "there is rank 5 beats 3, and in the file there is rank 7 beats 3"),
            ("exc_5_2_n9", items(9, &[(5, 2), (8, 6)]), "rank 5 beats 2, rank 8 beats 6"),
        ] {
            let problem = checked(&format!("m/t/{hier}/seed0_fwd/r"), None, &json!({}), &items).unwrap_err();
            assert!(problem.contains(says), "{problem}");
        }
    }

    #[test]
    fn what_a_layout_names_stands_and_contradictions_are_told() {
        let of = |layout: &str, path: &str, record: Value| checked(path, Some(layout), &record, &items(9, &[]));
        let (with, without) = ("setting/model/task/hier/seed", "model/task/hier/seed");
        let record = json!({"args": {"model": "llama", "seed": 7, "method": "qlora"}});
        let (run, told) = of(with, "lora/smol/poker/ti_n3/0/r", record.clone()).unwrap();
        assert_eq!((run.setting.name(), run.model.as_str(), run.seed), ("lora", "smol", 0));
        assert_eq!(
            told[..3],
            [
                "the path says model smol, and the file says args.model \"llama\"",
                "the path says seed 0, and the file says args.seed 7",
                "the path says setting lora, and the file says args.method \"qlora\"",
            ]
        );
        assert!(told.len() == 4 && told[3].contains("of 3 items"), "{told:?}");
        for (path, record) in [
            ("qlora_r16/smol/poker/ti_n9/0/r", json!({"method": "qlora", "load_in_4bit": true, "lora_r": 16})),
            ("exp7/smol/poker/ti_n9/0/r", json!({"method": "qlora", "load_in_4bit": true})),
            ("full/smol/lr1e-4/mine/0/r", json!({"method": "full"})),
        ] {
            assert_eq!(of(with, path, record).unwrap().1, Vec::<String>::new(), "{path}");
        }
        // What the layout does not name does not stand.
        let problem = of(without, "smol/poker/ti_n9/0/r", record).unwrap_err();
        assert!(problem.contains("setting full, and the file says args.method \"qlora\""), "{problem}");
        let (run, told) =
            of(without, "smol/poker/ti_n9/0/r", json!({"reverse": true, "a": {"reverse": false}})).unwrap();
        assert_eq!((run.reverse, told.len()), (Some(true), 1));
    }
}
