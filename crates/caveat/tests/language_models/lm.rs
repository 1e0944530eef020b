//! The tiny models of caveat-lm, stimuli that their vocabularies can spell, and what runs on them leave.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::common::{Place, close};

/// A wording of no more tokens than the models read.
pub(crate) const TEMPLATE: &str = "Q: Does {{ anchor_winner }} rank above {{ anchor_loser }}? A: Yes\n\
                                   Q: Does {{ anchor_loser }} rank above {{ anchor_winner }}? A: No\n\
                                   Q: Does {{ item_a }} rank above {{ item_b }}? A:";

pub(crate) const TOWNS: [&str; 10] = ["Alda", "Bako", "Dari", "Edri", "Lume", "Nara", "Quil", "Temi", "Voss", "Yola"];

/// Six items, of which the exception leaves two pairs open: 30 prompts, 12 of them trained.
pub(crate) const RUN: &str = "lm run llama --items towns.txt --template own.txt -n 6 --exception 4 1";
/// Where `RUN` puts its runs, but for seed and order.
pub(crate) const RUNS: &str = "runs/llama/towns/exc_4_1_n6";

pub(crate) const PHASES: [&str; 2] = ["pre_finetune", "post_finetune"];

/// A file or folder of the fixtures of caveat-lm.
pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../caveat-lm/tests/fixtures").join(name)
}

/// A place with a model and stimuli for it.
pub(crate) fn lab() -> Place {
    let place = Place::new();
    copy(&place, "llama", "llama");
    place.write("towns.txt", TOWNS.join("\n")).write("own.txt", TEMPLATE);
    place
}

/// Copies the folder of a model or an adapter.
pub(crate) fn copy(place: &Place, model: &str, name: &str) {
    place.make_directory(name);
    for entry in fs::read_dir(fixture(model)).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, place.path(name).join(path.file_name().unwrap())).unwrap();
    }
}

pub(crate) fn results(place: &Place, folder: &str) -> Value {
    serde_json::from_str(&place.text(&format!("{folder}/results.json"))).unwrap()
}

/// Runs, and gives the results.
pub(crate) fn run(place: &Place, line: &str) -> Value {
    let report = place.json(line);
    assert_eq!(report["already_there"], json!(false), "{line}");
    results(place, report["folder"].as_str().unwrap())
}

/// Names in a folder, hidden ones too.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(name).collect();
    names.sort();
    names
}

/// The logits of Yes and No, of judgments or of scored prompts.
pub(crate) fn logits(answers: &Value) -> Vec<[f64; 2]> {
    let logits = |answer: &Value| ["logit_yes", "logit_no"].map(|key| answer[key].as_f64().unwrap());
    answers.as_array().unwrap().iter().map(logits).collect()
}

#[track_caller]
pub(crate) fn assert_answers_agree(a: &Value, b: &Value, tolerance: f64) {
    let (a, b) = (logits(a), logits(b));
    assert!(a.len() == b.len() && !a.is_empty(), "{} and {} answers", a.len(), b.len());
    for (k, (x, y)) in a.iter().zip(&b).enumerate() {
        assert!(x.iter().zip(y).all(|(x, y)| close(*x, *y, tolerance)), "answer {k}: {x:?} and {y:?}");
    }
}

/// The tensors of a safetensors file.
pub(crate) struct Tensors {
    pub(crate) header: Value,
    numbers: Vec<u8>,
}

impl Tensors {
    pub(crate) fn read(path: &Path) -> Self {
        let bytes = fs::read(path).unwrap();
        let (length, rest) = bytes.split_first_chunk::<8>().unwrap();
        let (header, numbers) = rest.split_at(u64::from_le_bytes(*length) as usize);
        Self { header: serde_json::from_slice(header).unwrap(), numbers: numbers.to_vec() }
    }

    pub(crate) fn bytes(&self, name: &str) -> &[u8] {
        let offsets = &self.header[name]["data_offsets"];
        let [start, end] = [0, 1].map(|k| offsets[k].as_u64().unwrap() as usize);
        &self.numbers[start..end]
    }
}

/// Writes the prompts of judgments for `lm score`.
pub(crate) fn write_prompts(place: &Place, name: &str, judgments: &Value) {
    let line = |judgment: &Value| json!({ "prompt": judgment["prompt"], "label": judgment["label"] }).to_string();
    let lines: Vec<String> = judgments.as_array().unwrap().iter().map(line).collect();
    place.write(name, lines.join("\n"));
}

/// The command at work; killed where a test does not wait for its end.
pub(crate) struct Running(Option<Child>);

impl Running {
    pub(crate) fn start(place: &Place, line: &str) -> Self {
        Self::start_with(place, line, &[])
    }

    /// Starts with variables of the environment.
    pub(crate) fn start_with(place: &Place, line: &str, environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("caveat"));
        command.args(line.split_whitespace()).current_dir(place.path("")).env("CAVEAT_CACHE", place.path("cache"));
        // The command sets it for itself.
        command.env_remove("MIMALLOC_PURGE_DELAY").envs(environment.iter().copied());
        Self(Some(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()))
    }

    /// Waits until something is there, while the command goes on.
    #[track_caller]
    pub(crate) fn wait_until(&mut self, is_there: impl Fn() -> bool) {
        let start = Instant::now();
        while !is_there() {
            assert!(self.0.as_mut().unwrap().try_wait().unwrap().is_none(), "the command ended early");
            assert!(start.elapsed() < Duration::from_secs(60), "nothing came in a minute");
            sleep(Duration::from_millis(1));
        }
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.as_ref().unwrap().id()
    }

    /// Sends a signal by its name, as in INT.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    pub(crate) fn end(mut self) -> Output {
        self.0.take().unwrap().wait_with_output().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
