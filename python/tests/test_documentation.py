"""Every public name is documented, and every example in the documentation says what happens."""

from __future__ import annotations

import doctest
import importlib
import inspect
import types
from pathlib import Path

import pytest

import caveat
from caveat import _lib

MODULES = ["caveat", "caveat.figures", "caveat.sklearn", "caveat.rsa"]


def documented() -> list[tuple[str, object]]:
    """All public functions, classes and methods, and the modules."""
    found: list[tuple[str, object]] = []
    for name in MODULES:
        module = importlib.import_module(name)
        found.append((name, module))
        for member in getattr(module, "__all__", [n for n in vars(module) if not n.startswith("_")]):
            value = getattr(module, member)
            if (
                isinstance(value, types.ModuleType)
                or not callable(value)
                or getattr(value, "__module__", "") == "typing"
            ):
                continue
            found.append((f"{name}.{member}", value))
            if inspect.isclass(value):
                own = [
                    (n, v)
                    for n, v in vars(value).items()
                    if not n.startswith("_")
                    and (callable(v) or isinstance(v, (property, classmethod, types.GetSetDescriptorType)))
                ]
                found += [(f"{name}.{member}.{n}", getattr(v, "__func__", v)) for n, v in own]
    return found


# Sorted, so that all processes that share the tests have them in one order.
CASES = dict(sorted(documented(), key=lambda case: case[0]))


@pytest.mark.parametrize("name", CASES)
def test_it_is_documented_and_its_examples_hold(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Examples on files name those of a checkout.
    monkeypatch.chdir(Path(__file__).parents[2])
    text = inspect.getdoc(CASES[name])
    assert text, f"{name} has no documentation"
    is_whole = inspect.isclass(CASES[name]) or name.rsplit(".", 1)[0] in MODULES or name in MODULES
    assert ">>>" in text or not is_whole, f"{name} has no example"
    test = doctest.DocTestParser().get_doctest(text, {"caveat": caveat}, name, name, 0)
    if name.startswith(("caveat.rsa", "caveat.sklearn")):
        module = importlib.import_module(".".join(name.split(".")[:2]))
        test.globs.update(vars(module))
    out: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    runner.run(test, out=out.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(out)


def test_all_that_is_public_of_the_compiled_part_is_in_the_package() -> None:
    internal = {
        "phase_grid",
        "command",
        "conjunctivity_figure",
        "fit_files",
        "geometry_of_runs",
        "is_missing_label",
        "label_key",
        "margins_figure",
        "merge_labels",
    }
    internal |= {
        "may_be_stage",
        "may_count",
        "mechanism_figure",
        "phase_axes",
        "phase_figure",
        "restore",
        "trials_figure",
        "task_figure",
        "window_figure",
    }
    compiled = {name for name in dir(_lib) if not name.startswith("_")}
    assert compiled - set(caveat.__all__) == internal


@pytest.mark.parametrize("name", ["README.md", "python/README.md"])
def test_the_examples_of_the_readmes_run(name: str) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    text = (Path(__file__).parents[2] / name).read_text()
    example = text.split("```python\n")[1].split("```")[0]
    lines = [line for line in example.splitlines() if line.strip()]
    assert len(lines) == 6 and lines[0] == "import caveat"
    exec(compile(example, name, "exec"), {})
