"""The fine-tuning study by caveat and by PyTorch with Transformers and PEFT, in one run on one machine.

    python language_models.py torch MODEL.gguf             their side: one JSON line per job
    python language_models.py compare BINARY MODEL.gguf    both sides: a table of ratios

A job evaluates every prompt, fine-tunes on those with `is_train`, and evaluates again, in a process of its own. The
prompts come from --stimuli, a JSONL file with the fields text, label ("Yes", "No" or null) and is_train; without it, 72
of our own are used.
"""

import argparse
import itertools
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# Heavy packages are imported in jobs only: a child's peak memory counts that of the process that started it.

BATCH = 16
SEED = 0
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "up_proj", "down_proj"]


@dataclass(frozen=True)
class Method:
    """What is trained and how. Learning rates change no time; they keep the losses falling."""

    epochs: int
    learning_rate: float
    # Rank and scale of the adapters.
    rank: int | None = None
    alpha: int | None = None
    # The weight of Σ (W − W₀)² in the loss of a trained readout W.
    l2: float | None = None
    # The frozen body's hidden states are computed once, not in every step.
    cached: bool = False


METHODS = {
    "full": Method(epochs=10, learning_rate=1e-5),
    "lora": Method(epochs=10, learning_rate=1e-4, rank=32, alpha=64),
    "probe": Method(epochs=50, learning_rate=1e-3, l2=0.01),
    "probe-cached": Method(epochs=50, learning_rate=1e-3, l2=0.01, cached=True),
}


@dataclass(frozen=True)
class Stimulus:
    """A prompt and the answer that is right after it, if one is."""

    text: str
    label: str | None
    is_train: bool


def own_stimuli() -> list[Stimulus]:
    """Every ordered pair of nine made-up teams, neighbors trained, about 48 tokens each."""
    teams = ["Brelka", "Tovin", "Quasp", "Mirelo", "Dunfeg", "Haskit", "Olwen", "Zemp", "Carvo"]
    question = "Question: Is {} ranked above {}?\nAnswer:"
    shots = question.format("Pell", "Idora") + " Yes\n\n" + question.format("Idora", "Pell") + " No\n\n"
    return [Stimulus(shots + question.format(teams[a], teams[b]), "Yes" if a < b else "No", abs(a - b) == 1)
            for a, b in itertools.permutations(range(len(teams)), 2)]


def read_stimuli(path: Path) -> list[Stimulus]:
    """One JSON object a line; further fields are for others."""
    records = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    return [Stimulus(record["text"], record["label"], record["is_train"]) for record in records]


def peak_bytes(usage: resource.struct_rusage) -> int:
    """Peak resident memory; the system counts KiB, macOS bytes."""
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


class Phases:
    """Seconds of every phase, and the peak memory up to its end."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.peak: dict[str, int] = {}

    @contextmanager
    def time(self, name: str) -> Iterator[None]:
        """Times what is inside."""
        start = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - start
        self.peak[name] = peak_bytes(resource.getrusage(resource.RUSAGE_SELF))
        print(f"{name}: {self.seconds[name]:.2f} s", file=sys.stderr, flush=True)


# Their side: PyTorch, Transformers and PEFT, in f32 on all cores.


def torch_job(name: str, model_path: Path, stimuli_path: Path, epochs: int | None) -> dict:
    """Evaluates, trains and evaluates once."""
    os.environ["TQDM_DISABLE"] = "1"
    import torch
    import transformers
    from torch.nn import functional

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    torch.manual_seed(SEED)
    method = METHODS[name]
    stimuli = read_stimuli(stimuli_path)
    phases = Phases()
    with phases.time("load"):
        tokenizer = transformers.AutoTokenizer.from_pretrained(model_path.parent, gguf_file=model_path.name)
        tokenizer.padding_side = "left"
        model = transformers.AutoModelForCausalLM.from_pretrained(
            model_path.parent, gguf_file=model_path.name, dtype=torch.float32)
    (yes,), (no,) = (tokenizer(f" {answer}", add_special_tokens=False)["input_ids"] for answer in ("Yes", "No"))
    texts = [stimulus.text for stimulus in stimuli]

    def last_logits(batch: list[str]) -> torch.Tensor:
        # The readout is asked for at the last position only.
        inputs = tokenizer(batch, return_tensors="pt", padding=True)
        return model(**inputs, use_cache=False, logits_to_keep=1).logits[:, -1]

    def evaluate(size: int) -> torch.Tensor:
        model.eval()
        with torch.inference_mode():
            logits = torch.cat([last_logits(texts[i:i + size]) for i in range(0, len(texts), size)])
        return logits[:, yes] - logits[:, no]

    def evaluate_both(suffix: str) -> list[float]:
        with phases.time(f"evaluate_one_by_one_{suffix}"):
            single = evaluate(1)
        with phases.time(f"evaluate_in_batches_{suffix}"):
            batched = evaluate(BATCH)
        assert torch.allclose(single, batched, atol=1e-2), (single - batched).abs().max()
        return single.tolist()

    before = evaluate_both("before")
    train_set = [(s.text, yes if s.label == "Yes" else no) for s in stimuli if s.is_train and s.label is not None]
    losses, steps = [], []
    with phases.time("train"):
        model, penalty = prepare(model, method)
        logits_of: Callable[[list[str]], torch.Tensor] = last_logits
        if method.cached:
            readout, hidden = model.get_output_embeddings(), {}
            body = model.model
            with torch.no_grad():
                for i in range(0, len(train_set), BATCH):
                    batch = [text for text, _ in train_set[i:i + BATCH]]
                    inputs = tokenizer(batch, return_tensors="pt", padding=True)
                    hidden |= dict(zip(batch, body(**inputs, use_cache=False).last_hidden_state[:, -1]))
            logits_of = lambda batch: readout(torch.stack([hidden[text] for text in batch]))  # noqa: E731
        optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=method.learning_rate)
        shuffled = random.Random(SEED)
        model.train()
        for _ in range(method.epochs if epochs is None else epochs):
            shuffled.shuffle(train_set)
            for i in range(0, len(train_set), BATCH):
                start = time.perf_counter()
                batch, targets = zip(*train_set[i:i + BATCH])
                optimizer.zero_grad()
                loss = functional.cross_entropy(logits_of(list(batch)), torch.tensor(targets))
                if penalty is not None:
                    loss = loss + penalty()
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
                steps.append(time.perf_counter() - start)
    after = evaluate_both("after")
    tokens = [len(ids) for ids in tokenizer(texts)["input_ids"]]
    return {"side": "torch", "method": name, "prompts": len(texts), "mean_tokens": statistics.mean(tokens),
            "seconds": phases.seconds, "steps": len(steps), "median_step_seconds": statistics.median(steps),
            "peak_bytes": phases.peak["evaluate_in_batches_after"], "peak_bytes_by_phase": phases.peak,
            "first_loss": losses[0], "last_loss": losses[-1], "logit_diff_before": before, "logit_diff_after": after,
            "versions": {"torch": torch.__version__, "transformers": transformers.__version__}}


def prepare(model, method: Method):
    """The model with its trained weights marked, and what the loss has added, if anything."""
    import torch

    if method.rank is not None:
        import peft

        config = peft.LoraConfig(r=method.rank, lora_alpha=method.alpha, target_modules=TARGETS, lora_dropout=0.0,
                                 task_type="CAUSAL_LM")
        return peft.get_peft_model(model, config), None
    if method.l2 is None:
        return model, None
    model.requires_grad_(False)
    start = model.get_output_embeddings().weight.detach()
    readout = torch.nn.Parameter(start.clone())
    model.get_output_embeddings().weight = readout
    return model, lambda: method.l2 * (readout - start).square().sum()


def run_torch(name: str, model: Path, stimuli: Path, epochs: int | None) -> dict:
    """A job of theirs in a process of its own."""
    command = [sys.executable, __file__, "job", name, model, stimuli]
    if epochs is not None:
        command += ["--epochs", epochs]
    out = subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(out.stdout)


# Our side.


def run_caveat(binary: Path, name: str, model: Path, stimuli: Path, epochs: int | None) -> dict:
    """The same job by `caveat lm run`: its JSON, with the peak memory that the system counted.

    Expected of the JSON are `seconds` with the keys load, evaluate_before, train and evaluate_after,
    `median_step_seconds`, and `logit_diff_before` and `logit_diff_after` in the order of the prompts.
    """
    method = METHODS[name]
    command = [binary, "lm", "run", "--model", model, "--stimuli", stimuli, "--method", name.removesuffix("-cached"),
               "--epochs", method.epochs if epochs is None else epochs, "--batch-size", BATCH,
               "--learning-rate", method.learning_rate, "--seed", SEED, "--format", "json"]
    if method.rank is not None:
        command += ["--lora-rank", method.rank, "--lora-alpha", method.alpha, "--lora-targets", ",".join(TARGETS)]
    if method.l2 is not None:
        command += ["--l2", method.l2]
    with tempfile.TemporaryFile("w+") as out:
        child = subprocess.Popen(list(map(str, command)), stdout=out)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            sys.exit(f"{binary} lm run failed for {name}: exit code {child.returncode}")
        out.seek(0)
        result = json.load(out)
    return result | {"side": "caveat", "method": name, "peak_bytes": peak_bytes(usage)}


# Both.


def their_evaluation(seconds: dict[str, float]) -> tuple[float, str]:
    """The faster of their two manners, before and after training together."""
    manners = {manner: sum(seconds[f"evaluate_{key}_{moment}"] for moment in ("before", "after"))
               for manner, key in (("one by one", "one_by_one"), (f"in batches of {BATCH}", "in_batches"))}
    fastest = min(manners, key=manners.__getitem__)
    slower = max(manners, key=manners.__getitem__)
    return manners[fastest], f"theirs {fastest}; {slower} {manners[slower]:.3g} s"


def rows(name: str, ours: list[dict], theirs: list[dict]) -> Iterator[tuple[str, ...]]:
    """Rows of the table for one method: medians over the repetitions."""

    def median(results: list[dict], value: Callable[[dict], float]) -> float:
        return statistics.median(value(result) for result in results)

    def row(part: str, our: float, their: float, unit: str, note: str) -> tuple[str, ...]:
        return f"{name}: {part}", f"{our:.3g} {unit}", f"{their:.3g} {unit}", f"{their / our:,.1f}×", note

    def our_evaluation(result: dict) -> float:
        return result["seconds"]["evaluate_before"] + result["seconds"]["evaluate_after"]

    def their_total(result: dict) -> float:
        seconds = result["seconds"]
        return seconds["load"] + their_evaluation(seconds)[0] + seconds["train"]

    example = theirs[0]
    deviation = max(abs(a - b) for a, b in zip(ours[0]["logit_diff_before"], example["logit_diff_before"], strict=True))
    yield row("load", median(ours, lambda r: r["seconds"]["load"]),
              median(theirs, lambda r: r["seconds"]["load"]), "s", "")
    yield row(f"evaluate {example['prompts']} prompts twice", median(ours, our_evaluation),
              median(theirs, lambda r: their_evaluation(r["seconds"])[0]), "s",
              f"{their_evaluation(example['seconds'])[1]}; logit differences before training within {deviation:.1e}")
    yield row(f"train, {example['steps']} steps", median(ours, lambda r: r["seconds"]["train"]),
              median(theirs, lambda r: r["seconds"]["train"]), "s",
              f"a step {median(ours, lambda r: r['median_step_seconds']):.3g} s "
              f"against {median(theirs, lambda r: r['median_step_seconds']):.3g} s")
    yield row("whole job", median(ours, lambda r: sum(r["seconds"].values())), median(theirs, their_total), "s", "")
    yield row("peak memory", median(ours, lambda r: r["peak_bytes"] / 2**30),
              median(theirs, lambda r: r["peak_bytes"] / 2**30), "GiB", "")


def compare(binary: Path, model: Path, stimuli: Path, methods: list[str], epochs: int | None, repetitions: int) -> None:
    """Runs the sides in turn and prints the table."""
    print("| job | caveat | PyTorch | ratio | note |\n|---|--:|--:|--:|---|")
    for name in methods:
        ours, theirs = [], []
        for _ in range(repetitions):
            theirs.append(run_torch(name, model, stimuli, epochs))
            ours.append(run_caveat(binary, name, model, stimuli, epochs))
        for cells in rows(name, ours, theirs):
            print("| " + " | ".join(cells) + " |", flush=True)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    modes = parser.add_subparsers(dest="mode", required=True)
    theirs = modes.add_parser("torch", help="PyTorch's side alone")
    both = modes.add_parser("compare", help="both sides and their ratios")
    both.add_argument("binary", type=Path, help="the caveat command")
    both.add_argument("--repetitions", type=int, default=3)
    for mode in (theirs, both):
        mode.add_argument("model", type=Path, help="a GGUF file")
        mode.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS), help="default: all")
        mode.add_argument("--stimuli", type=Path, help="JSONL with text, label and is_train")
        mode.add_argument("--epochs", type=int, help="instead of every method's own")
    job = modes.add_parser("job", help="one job in this process, as the others start it")
    job.add_argument("method", choices=METHODS)
    job.add_argument("model", type=Path)
    job.add_argument("stimuli", type=Path)
    job.add_argument("--epochs", type=int)
    return parser.parse_args()


def main() -> None:
    """Both sides read one file of prompts."""
    arguments = parse()
    if arguments.mode == "job":
        print(json.dumps(torch_job(arguments.method, arguments.model, arguments.stimuli, arguments.epochs)))
        return
    with tempfile.TemporaryDirectory() as folder:
        stimuli = arguments.stimuli
        if stimuli is None:
            stimuli = Path(folder) / "stimuli.jsonl"
            stimuli.write_text("".join(json.dumps(vars(stimulus)) + "\n" for stimulus in own_stimuli()))
        if arguments.mode == "torch":
            for name in arguments.methods:
                print(json.dumps(run_torch(name, arguments.model, stimuli, arguments.epochs)), flush=True)
        else:
            compare(arguments.binary, arguments.model, stimuli, arguments.methods, arguments.epochs,
                    arguments.repetitions)


if __name__ == "__main__":
    main()
