//! What a run's own files say of it, held against what its path says: its recorded arguments, its adapter, its items.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

use super::run_path::{LAYOUT, RunPath, Setting, is_hierarchy, n_items};

/// Keys under which training is recorded as a word.
const METHODS: [&str; 7] =
    ["method", "setting", "finetuning_type", "finetune_method", "finetuning_method", "tuning", "train_type"];
/// Keys of quantized training, for which there is no setting.
const QUANTIZED: [&str; 7] =
    ["qlora", "use_qlora", "load_in_4bit", "load_in_8bit", "quantization", "quantization_bit", "bnb_4bit_quant_type"];
/// Keys that say that there is an adapter.
const ADAPTERS: [&str; 4] = ["lora", "use_lora", "use_peft", "peft"];

/// Refuses a run whose files contradict its path, and fills in the order where only they tell it; `largest` is its largest rank.
pub(super) fn check(
    run: &mut RunPath,
    path: &Path,
    records: &[&Map<String, Value>],
    largest: usize,
) -> Result<(), String> {
    let find = |keys: &[&'static str]| {
        let in_one = |record: &&Map<String, Value>| {
            keys.iter().find_map(|key| record.get(*key).filter(|v| !v.is_null()).map(|v| (*key, v.clone())))
        };
        records.iter().find_map(in_one)
    };
    let says = |what: &str, of_path: &str, key: &str, value: &Value| {
        format!(
            "the path says {what} {of_path}, and the file says {key} {value}: expected the layout {LAYOUT}, or say what each folder \
             is with --layout"
        )
    };
    let names = [("model", &run.model), ("task", &run.task), ("hier", &run.hier)];
    let mut confirmed = 0;
    for (key, of_path) in names {
        let Some((_, value)) = find(&[key]) else { continue };
        let Some(text) = value.as_str() else { continue };
        let same = if key == "model" { same_model(of_path, text) } else { of_path == text };
        if !same {
            return Err(says(key, of_path, key, &value));
        }
        confirmed += 1;
    }
    if let Some((key, value)) = find(&["seed"])
        && value.as_f64().is_some_and(|seed| seed != run.seed as f64)
    {
        return Err(says("seed", &run.seed.to_string(), key, &value));
    }
    if let Some(Value::Bool(reverse)) = find(&["reverse"]).map(|(_, value)| value) {
        match run.reverse {
            Some(of_path) if of_path != reverse => {
                return Err(says("reverse", &of_path.to_string(), "reverse", &Value::Bool(reverse)));
            }
            _ => run.reverse = Some(reverse),
        }
    }
    check_setting(run, path, &find, &says)?;

    if let Some(n) = n_items(&run.hier).filter(|n| largest >= *n) {
        return Err(format!(
            "the path says hier {}, of {n} items, and the file holds rank {largest}: expected ranks below {n}",
            run.hier
        ));
    }
    if !run.above.is_empty() && confirmed < names.len() && !is_hierarchy(&run.hier) {
        return Err(format!(
            "{} stands above what would be {}/{}/{}: expected {LAYOUT} below the directory given, or say what each folder is, \
             as in --layout model/task/hier/setting/seed",
            run.above.join("/"),
            run.model,
            run.task,
            run.hier
        ));
    }
    Ok(())
}

/// Looks for the first of some names in what a run says of itself.
type Find<'a> = dyn Fn(&[&'static str]) -> Option<(&'static str, Value)> + 'a;

fn check_setting(
    run: &RunPath,
    path: &Path,
    find: &Find<'_>,
    says: &dyn Fn(&str, &str, &str, &Value) -> String,
) -> Result<(), String> {
    let of_path = run.setting_name();
    let contradicts = |key: &str, value: &Value| Err(says("setting", of_path, key, value));
    // A name that a layout gave stands for whatever was done.
    if matches!(run.setting, Setting::Other(_)) {
        return Ok(());
    }
    if let Some((key, value)) = find(&METHODS)
        && let Some(method) = value.as_str()
        && !method.eq_ignore_ascii_case(of_path)
        && !(of_path == "full" && method.to_lowercase().starts_with("full"))
    {
        return contradicts(key, &value);
    }
    let is_on = |value: &Value| match value {
        Value::Bool(on) => *on,
        Value::Number(n) => n.as_f64() != Some(0.0),
        Value::String(text) => !matches!(text.to_lowercase().as_str(), "" | "none" | "false" | "no"),
        Value::Array(_) | Value::Object(_) => true,
        Value::Null => false,
    };
    if let Some((key, value)) = find(&QUANTIZED).filter(|(_, value)| is_on(value)) {
        return contradicts(key, &value);
    }
    let is_lora = matches!(run.setting, Setting::Lora { .. });
    if let Some((key, value)) = find(&ADAPTERS).filter(|(_, value)| is_on(value) != is_lora && value.is_boolean()) {
        return contradicts(key, &value);
    }
    let numbers: [(&[&'static str], Option<f64>); 3] =
        [(&["lora_r", "lora_rank"], run.lora_r()), (&["lora_alpha"], run.lora_alpha()), (&["l2_reg"], run.l2_reg())];
    for (keys, of_path) in numbers {
        let Some((key, value)) = find(keys) else { continue };
        let Some(number) = value.as_f64() else { continue };
        let same = match of_path {
            Some(of_path) => (of_path - number).abs() <= 1e-9 * number.abs(),
            None => number == 0.0,
        };
        if !same {
            let shown = of_path.map_or(format!("none (setting {})", run.setting_name()), |x| x.to_string());
            return Err(says(key, &shown, key, &value));
        }
    }
    let Some((name, adapter)) = adapter_config(path) else { return Ok(()) };
    if !is_lora {
        return Err(format!(
            "the path says setting {of_path}, and there is {name} beside it: expected a folder lora_rR_alphaA"
        ));
    }
    for (key, of_path) in [("r", run.lora_r()), ("lora_alpha", run.lora_alpha())] {
        if let Some(value) = adapter.get(key)
            && value.as_f64().is_some_and(|x| Some(x) != of_path)
        {
            let shown = of_path.unwrap_or(f64::NAN);
            return Err(format!("the path says {key} {shown}, and {name} beside it says {value}: expected the same"));
        }
    }
    Ok(())
}

/// The configuration of an adapter that was saved with a run.
fn adapter_config(results: &Path) -> Option<(&'static str, Value)> {
    let folder = results.parent()?;
    ["adapter_config.json", "adapter/adapter_config.json"].into_iter().find_map(|name| {
        let bytes = fs::read(folder.join(name)).ok()?;
        // What is no JSON still is beside the run.
        Some((name, serde_json::from_slice(&bytes).unwrap_or(Value::Null)))
    })
}

/// Whether two names are of one model: the folder may lack the organization, capitals and signs of the other.
fn same_model(of_path: &str, recorded: &str) -> bool {
    let plain = |text: &str| -> String {
        let last = text.trim_end_matches('/').rsplit('/').next().unwrap_or(text);
        last.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let (a, b) = (plain(of_path), plain(recorded));
    a == b || !a.is_empty() && b.contains(&a) || !b.is_empty() && a.contains(&b)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn checked(path: &str, args: &Value, largest: usize) -> Result<RunPath, String> {
        let mut run = RunPath::parse(Path::new(path), None).unwrap();
        check(&mut run, Path::new("/nowhere/results.json"), &[args.as_object().unwrap()], largest).map(|()| run)
    }

    #[test]
    fn files_and_paths_must_not_contradict_each_other() {
        let (full, lora) = ("smol-1b/fake/ti_n9/seed0_fwd/r", "smol-1b/fake/ti_n9/lora_r8_alpha16/seed0_rev/r");
        for (path, args) in [
            (full, json!({})),
            (full, json!({"model": "org/Smol-1B", "task": "fake", "hier": "ti_n9", "seed": 0, "reverse": false})),
            (full, json!({"method": "full", "lora_r": null, "use_lora": false, "load_in_4bit": false})),
            (lora, json!({"method": "lora", "lora_r": 8, "lora_alpha": 16.0, "use_lora": true})),
            ("above/m/t/custom/seed0_fwd/r", json!({"model": "m", "task": "t", "hier": "custom"})),
        ] {
            assert!(checked(path, &args, 8).is_ok(), "{path} {args}");
        }
        for (path, args, says) in [
            (full, json!({"model": "llama"}), "the path says model smol-1b, and the file says model \"llama\""),
            (full, json!({"task": "poker"}), "task"),
            (full, json!({"seed": 3}), "the path says seed 0, and the file says seed 3"),
            (full, json!({"reverse": true}), "reverse"),
            (full, json!({"method": "qlora"}), "the path says setting full, and the file says method \"qlora\""),
            (full, json!({"lora_r": 16}), "lora_r"),
            (full, json!({"load_in_4bit": true}), "load_in_4bit"),
            (full, json!({"use_lora": true}), "use_lora"),
            (lora, json!({"load_in_4bit": true}), "setting lora"),
            (lora, json!({"lora_r": 16}), "the path says lora_r 8, and the file says lora_r 16"),
            (lora, json!({"method": "full"}), "setting lora"),
            ("above/m/t/custom/seed0_fwd/r", json!({}), "above stands above what would be m/t/custom"),
        ] {
            let problem = checked(path, &args, 8).unwrap_err();
            assert!(problem.contains(says), "{problem}");
        }
        assert!(checked(full, &json!({}), 9).unwrap_err().contains("ranks below 9"));
    }
}
