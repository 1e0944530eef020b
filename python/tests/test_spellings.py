"""Readers take one table to be the same however it is written, and say what a file is that is no table."""

from __future__ import annotations

import bz2
import gzip
import io
import os
import pickle
import re
import sqlite3
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

import caveat

KERNEL = caveat.ExchangeableKernel(0.2)
#: Setting, hierarchy, task and rank of the adapter of every condition, in the order of their folders.
CONDITIONS: list[tuple[str, str, caveat.TransitiveTask, float]] = [
    ("full", "exc_mid_n6", caveat.TransitiveTask(6, [(4, 2)]), float("nan")),
    ("lora", "ti_n5", caveat.TransitiveTask(5), 16.0),
]


def trials() -> pd.DataFrame:
    """A trial table of two conditions, before and after training, of two seeds; only one has a hyperparameter."""
    rows = []
    for setting, hier, task, lora_r in CONDITIONS:
        margins = 5 * caveat.solve(task, KERNEL, c=10.0).margins
        for seed, reverse in [(0, False), (0, True), (1, False), (1, True)]:
            for phase in ("pre", "post"):
                for a, b in [(a, b) for a in range(task.n_items) for b in range(task.n_items) if a != b]:
                    pair = (max(a, b), min(a, b))
                    exception = pair in task.exceptions
                    truth = 1.0 if (a < b) != exception else -1.0
                    logit = 0.25 + (margins[a, b] + 0.01 * seed * (a - b) if phase == "post" else 0.0)
                    yes = 1 / (1 + np.exp(-logit))
                    rows.append(
                        {
                            "setting": setting, "model": "made", "task": "made", "hier": hier, "seed": seed,
                            "reverse": reverse, "phase": phase, "rank_a": a, "rank_b": b, "rank_higher": pair[1],
                            "rank_lower": pair[0], "gap": pair[0] - pair[1], "is_train": exception or abs(a - b) == 1,
                            "is_exception": exception, "no_gt": False, "direction": "forward" if a < b else "backward",
                            "label": "Yes" if truth > 0 else "No", "logit_diff": logit, "prob_yes": yes,
                            "ground_truth": truth, "margin": logit * truth, "correct": float((yes > 0.5) == (truth > 0)),
                            "paired_correct": float((logit - 0.25) * truth > 0), "lora_r": lora_r, "l2_reg": float("nan"),
                        }
                    )  # fmt: skip
    return pd.DataFrame(rows)


def choices() -> pd.DataFrame:
    """Choices of four items by two subjects: how often the first won, of some trials, and how long it took."""
    margins = 3 * caveat.solve(caveat.TransitiveTask(4), KERNEL, c=6.0).margins
    rows = []
    for k, (a, b) in enumerate((a, b) for a in range(4) for b in range(4) if a != b):
        count = 32 * (1 + k % 3)
        won = round(count / (1 + np.exp(-margins[a, b])))
        rows.append(
            {
                "winner": a,
                "loser": b,
                "accuracy": won / count,
                "count": count,
                "subject": f"s{k % 2}",
                "rt": 300.5 + 10 * k,
            }
        )
    return pd.DataFrame(rows)


def responses(*, missed: bool) -> pd.DataFrame:
    """Single trials of four items, shown in both orders; in the missed ones nobody responded, or an item was not noted."""
    rows = []
    for k, (a, b) in enumerate((a, b) for _ in range(3) for a in range(4) for b in range(4) if a != b):
        rows.append({"s1": a + 1, "s2": b + 1, "chose_s1": (a < b) != (k % 5 == 0), "rt": 300.5 + 10 * k})
    frame = pd.DataFrame(rows)
    if missed:
        frame["chose_s1"] = frame["chose_s1"].astype(object)
        frame.loc[[3, 7], "chose_s1"] = None
        frame["s2"] = frame["s2"].astype("Int64")
        frame.loc[11, "s2"] = pd.NA
    return frame


#: Rows of responses that lack something.
MISSED = [3, 7, 11]


def contents(thing: Any) -> Any:
    """What a result holds, in plain terms."""
    if isinstance(thing, caveat.Table):
        return {name: (column.dtype.kind, column.tolist()) for name, column in thing.to_dict().items()}
    if isinstance(thing, caveat.FileFit):
        return contents(thing.table), thing.notes
    if isinstance(thing, caveat.Condition):
        return thing.key, thing.seeds, thing.exceptions, thing.seed_margins.tolist(), contents(thing.graph.pairs())
    return [contents(element) for element in thing]


Reader = Callable[..., Any]

#: Readers of trial tables, with as much of the table as they take.
OF_TRIALS: dict[str, Reader] = {
    "read_trials": lambda path: caveat.read_trials(path, trials().columns.tolist()),
    "read_conditions": caveat.read_conditions,
    "fit_trials": lambda path: caveat.fit_trials(path, bootstrap=0),
    "summarize_trials": lambda path: caveat.summarize_trials(path, ["setting", "hier", "lora_r", "phase"]),
    "placements": caveat.placements,
    "check_trials": caveat.check_trials,
}

#: Readers of choices.
OF_CHOICES: dict[str, Reader] = {
    "read_choices": lambda path, **told: caveat.read_choices(path, **told),
    "fit_choice_file": lambda path, **told: caveat.fit_choice_file(path, bootstrap=0, **told),
}

#: How responses are read.
ROLES: dict[str, Any] = {"columns": {"winner": "s1", "loser": "s2", "accuracy": "chose_s1"}, "trials": 1}


def is_missing(value: Any) -> bool:
    return value is None or value is pd.NA or value != value


def field(value: Any, missing: str = "") -> str:
    """A value as Python writes it."""
    return missing if is_missing(value) else str(value)


def text_of(
    frame: pd.DataFrame, separator: str = ",", write: Callable[[Any], str] = field, name: Callable[[str], str] = str
) -> str:
    """A table as text."""
    rows = [[name(column) for column in frame.columns], *[[write(value) for value in row] for row in plain_rows(frame)]]
    return "".join(separator.join(row) + "\n" for row in rows)


def plain_rows(frame: pd.DataFrame) -> list[list[Any]]:
    return list(map(list, zip(*(frame[name].tolist() for name in frame.columns))))


def of_r(value: Any) -> str:
    """A value as R writes it."""
    if isinstance(value, bool):
        return str(value).upper()
    return f'"{value}"' if isinstance(value, str) else field(value, "NA")


def with_row_names(text: str) -> str:
    return "".join(f'"{k or ""}",{line}\n' for k, line in enumerate(text.splitlines()))


def whole_floats(value: Any) -> str:
    """A value as pandas writes it of columns that once held a missing one."""
    return str(float(value)) if isinstance(value, (bool, int)) else field(value, "nan")


def decimal_comma(value: Any) -> str:
    return field(value).replace(".", ",") if isinstance(value, float) else field(value)


#: Ways to write a table as text.
TEXTS: dict[str, Callable[[pd.DataFrame], bytes]] = {
    "with a byte-order mark": lambda f: text_of(f).encode("utf-8-sig"),
    "in UTF-16": lambda f: text_of(f).encode("utf-16"),
    "with the ends of lines of Windows": lambda f: text_of(f).replace("\n", "\r\n").encode(),
    "packed with gzip": lambda f: gzip.compress(text_of(f).encode()),
    "packed with zstd": lambda f: pa.compress(text_of(f).encode(), codec="zstd", asbytes=True),
    "with tabs": lambda f: text_of(f, "\t").encode(),
    "with semicolons": lambda f: text_of(f, ";").encode(),
    "with decimal commas": lambda f: text_of(f, ";", decimal_comma).encode(),
    "with tabs and decimal commas": lambda f: text_of(f, "\t", decimal_comma).encode(),
    "with NA": lambda f: text_of(f, write=lambda value: field(value, "NA")).encode(),
    "as R does": lambda f: with_row_names(text_of(f, write=of_r, name=of_r)).encode(),
    "with TRUE and FALSE": lambda f: text_of(
        f, write=lambda value: str(value).upper() if isinstance(value, bool) else field(value)
    ).encode(),
    "with whole numbers as floats": lambda f: text_of(f, write=whole_floats).encode(),
    "in capitals": lambda f: text_of(f, name=str.upper).encode(),
    "by pandas": lambda f: f.to_csv(index=False).encode(),
    "by polars": lambda f: pl.from_pandas(f).write_csv().encode(),
}


def parquet(frame: pd.DataFrame, codec: str) -> bytes:
    if codec != "none" and not pa.Codec.is_available(codec):
        pytest.skip(f"pyarrow here is built without {codec}")
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), file, compression=codec)
    return file.getvalue()


def polars_parquet(frame: pd.DataFrame, codec: Any) -> bytes:
    file = io.BytesIO()
    pl.from_pandas(frame).write_parquet(file, compression=codec)
    return file.getvalue()


def other_types(frame: pd.DataFrame) -> pd.DataFrame:
    """The same values in columns of other types: categories, flags as numbers, integers as floats."""
    columns = {}
    for name, column in frame.items():
        kind = pd.api.types.infer_dtype(column, skipna=True)
        if kind == "boolean":
            columns[name] = column.astype("boolean").astype("Int8")
        else:
            columns[name] = column.astype({"integer": "Float64", "floating": "float64"}.get(kind, "category"))
    return pd.DataFrame(columns)


#: Ways to write a table as Parquet.
PARQUETS: dict[str, Callable[[pd.DataFrame], bytes]] = {
    **{
        f"by pyarrow with {codec}": partial(parquet, codec=codec)
        for codec in ("none", "snappy", "gzip", "zstd", "lz4", "brotli")
    },
    **{
        f"by polars with {codec}": partial(polars_parquet, codec=codec)
        for codec in ("uncompressed", "snappy", "gzip", "zstd", "lz4", "brotli")
    },
    "in other types": lambda f: parquet(other_types(f), "snappy"),
    "in nullable types": lambda f: parquet(f.convert_dtypes(), "snappy"),
    "packed once more": lambda f: gzip.compress(parquet(f, "zstd")),
}


SPELLINGS = {**TEXTS, **PARQUETS}


def agree(reader: Reader, path: Any, plain: Path, **told: Any) -> None:
    """Holds a reader to one result for a table and for what it is written as plainly."""
    np.testing.assert_equal(contents(reader(path, **told)), contents(reader(plain, **told)))


def write(path: Path, table: pd.DataFrame) -> Path:
    """A table written plainly."""
    path.write_text(text_of(table))
    return path


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("name", OF_TRIALS)
def test_a_trial_table_is_the_same_in_every_spelling(name: str, spelling: str, tmp_path: Path) -> None:
    plain = write(tmp_path / "plain.csv", trials())
    # The name of a file says nothing of what it holds.
    other = tmp_path / ("table.parquet" if spelling in TEXTS else "table.csv")
    other.write_bytes(SPELLINGS[spelling](trials()))
    agree(OF_TRIALS[name], other, plain)


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("name", OF_CHOICES)
def test_choices_are_the_same_in_every_spelling(name: str, spelling: str, tmp_path: Path) -> None:
    plain, other = write(tmp_path / "plain.csv", choices()), tmp_path / "table"
    other.write_bytes(SPELLINGS[spelling](choices()))
    agree(OF_CHOICES[name], other, plain)


def test_the_plain_table_has_no_problems_and_says_what_it_was_made_of(tmp_path: Path) -> None:
    plain = write(tmp_path / "plain.csv", trials())
    assert len(caveat.check_trials(plain)) == 0
    for condition, (setting, hier, task, lora_r) in zip(caveat.read_conditions(plain), CONDITIONS, strict=True):
        assert (condition.key["setting"], condition.key["hier"], condition.task) == (setting, hier, task)
        assert condition.key.get("lora_r", lora_r) == pytest.approx(lora_r, nan_ok=True)
    assert caveat.fit_trials(plain, bootstrap=0).table["conjunctivity"] == pytest.approx([0.2, 0.2], abs=0.01)
    plain = write(tmp_path / "plain.csv", choices())
    assert caveat.fit_choice_file(plain, bootstrap=0).table["conjunctivity"] == pytest.approx([0.2], abs=0.02)


@pytest.mark.parametrize("name", OF_TRIALS)
def test_folders_named_for_values_give_columns(name: str, tmp_path: Path) -> None:
    table = trials()
    plain, one = write(tmp_path / "plain.csv", table), write(tmp_path / "one.csv", table[table["setting"] == "full"])
    partitions = ["setting", "hier"]
    whole = pa.Table.from_pandas(table, preserve_index=False)
    pq.write_to_dataset(whole, tmp_path / "parquet", partition_cols=partitions, use_threads=False)
    for (setting, hier), part in table.groupby(partitions):
        # Folders have what paths may not hold by its code.
        folder = tmp_path / "csv" / f"setting={setting}" / f"hier={hier.replace('_', '%5F')}"
        folder.mkdir(parents=True)
        write(folder / "part.csv", part.drop(columns=partitions))
    for root in ("parquet", "csv"):
        agree(OF_TRIALS[name], tmp_path / root, plain)
        agree(OF_TRIALS[name], [tmp_path / root / "setting=full", tmp_path / root / "setting=lora"], plain)
        agree(OF_TRIALS[name], tmp_path / root / "setting=full", one)
    agree(OF_TRIALS[name], tmp_path / "csv/setting=full/hier=exc%5Fmid%5Fn6/part.csv", one)


@contextmanager
def named_pipe(data: bytes, folder: Path) -> Iterator[Path]:
    """A named pipe with data in it, for one reader."""
    path = folder / "pipe"
    os.mkfifo(path)

    def fill() -> None:
        with suppress(BrokenPipeError), open(path, "wb") as pipe:
            pipe.write(data)

    writer = threading.Thread(target=fill)
    writer.start()
    try:
        yield path
    finally:
        # Lets go of a writer that nobody has read from.
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
        writer.join()
        path.unlink()


@contextmanager
def open_pipe(data: bytes, _: Path) -> Iterator[str]:
    """A pipe as a shell hands it to a command, by its number."""
    end, start = os.pipe()

    def fill() -> None:
        with suppress(BrokenPipeError), open(start, "wb") as pipe:
            pipe.write(data)

    writer = threading.Thread(target=fill)
    writer.start()
    try:
        yield f"/dev/fd/{end}"
    finally:
        os.close(end)
        writer.join()


@pytest.mark.parametrize("pipe", [named_pipe, open_pipe])
@pytest.mark.parametrize("name", [*OF_TRIALS, *OF_CHOICES])
def test_pipes_are_read_as_files_are(name: str, pipe: Any, tmp_path: Path) -> None:
    reader, table = (OF_TRIALS[name], trials()) if name in OF_TRIALS else (OF_CHOICES[name], choices())
    plain = write(tmp_path / "plain.csv", table)
    for data in (plain.read_bytes(), gzip.compress(plain.read_bytes()), parquet(table, "zstd")):
        with pipe(data, tmp_path) as path:
            agree(reader, path, plain)


def test_standard_input_is_read_as_a_file(tmp_path: Path) -> None:
    for table, call in [
        (trials(), "caveat.summarize_trials(sys.argv[1], ['setting', 'hier'])"),
        (choices(), "caveat.fit_choice_file(sys.argv[1], bootstrap=0).table"),
    ]:
        plain = write(tmp_path / "plain.csv", table)
        script = [sys.executable, "-c", f"import sys, caveat; print({call}.to_dict())"]
        told = [
            subprocess.run([*script, path], input=plain.read_bytes(), capture_output=True, check=True).stdout
            for path in (str(plain), "-", "/dev/stdin")
        ]
        assert told[0] == told[1] == told[2] and b"array" in told[0]


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("name", OF_CHOICES)
@pytest.mark.filterwarnings("ignore:.*rows left out")
def test_rows_without_a_value_are_refused_or_left_out_in_every_spelling(
    name: str, spelling: str, tmp_path: Path
) -> None:
    reader, missed = OF_CHOICES[name], tmp_path / "table"
    plain = write(tmp_path / "plain.csv", responses(missed=False).drop(index=MISSED))
    missed.write_bytes(SPELLINGS[spelling](responses(missed=True)))
    with pytest.raises(ValueError, match=r"(line 5|row 3 .*): the accuracy is "):
        reader(missed, **ROLES)
    found, expected = reader(missed, skip_missing=True, **ROLES), reader(plain, **ROLES)
    if isinstance(found, caveat.FileFit):
        assert any("3 of 36 rows left out" in note for note in found.notes)
        found, expected = found.table, expected.table
    else:
        with pytest.warns(UserWarning, match="3 of 36 rows left out .*: no loser in 1, no accuracy in 2"):
            reader(missed, skip_missing=True, **ROLES)
    np.testing.assert_equal(contents(found), contents(expected))


@pytest.mark.parametrize("name", OF_CHOICES)
@pytest.mark.filterwarnings("ignore:.*rows left out")
def test_choices_are_read_where_conditions_hold(name: str, tmp_path: Path) -> None:
    reader, table = OF_CHOICES[name], responses(missed=True)
    path = tmp_path / "table"
    # Rows that lack something may be left out by a condition, too, on any column of the file.
    kept = write(tmp_path / "kept.csv", table[(table["rt"] < 500) & table["chose_s1"].notna() & table["s2"].notna()])
    for spelling in ("with decimal commas", "as R does", "in capitals", "by polars with zstd"):
        path.write_bytes(SPELLINGS[spelling](table))
        for where in ("rt<500 & chose_s1!= & s2!=", ["rt<500", "chose_s1!=", "S2!="]):
            found, expected = reader(path, where=where, **ROLES), reader(kept, **ROLES)
            if isinstance(found, caveat.FileFit):
                found, expected = found.table, expected.table
            np.testing.assert_equal(contents(found), contents(expected))
        with pytest.raises(ValueError, match='column "color", which color=red is about, is missing'):
            reader(path, where="color=red", **ROLES)


def test_trial_tables_are_read_where_conditions_hold(tmp_path: Path) -> None:
    table = trials()
    one = write(tmp_path / "one.csv", table[table["setting"] == "lora"])
    path = tmp_path / "table"
    readers: list[Reader] = [
        lambda path, **told: caveat.fit_trials(path, bootstrap=0, **told),
        lambda path, **told: caveat.summarize_trials(path, ["hier", "lora_r"], **told),
        caveat.placements,
    ]
    for spelling in ("with decimal commas", "as R does", "in capitals", "by polars with zstd"):
        path.write_bytes(SPELLINGS[spelling](table))
        for reader in readers:
            for where in (
                ["setting=lora"],
                ["lora_r>8"],
                ["setting=lora & lora_r=16"],
                ["hier!=exc_mid_n6", "seed>=0"],
            ):
                np.testing.assert_equal(contents(reader(path, where=where)), contents(reader(one)))


def archive(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        for name in names:
            packed.writestr(name, "<a/>")
    return file.getvalue()


def database(path: Path) -> bytes:
    connection = sqlite3.connect(path)
    connection.execute("create table trials (rank_a integer)")
    connection.commit()
    connection.close()
    return path.read_bytes()


def saved(save: Callable[[io.BytesIO], Any]) -> bytes:
    file = io.BytesIO()
    save(file)
    return file.getvalue()


def tar(file: io.BytesIO) -> None:
    with tarfile.open(fileobj=file, mode="w") as packed:
        packed.addfile(tarfile.TarInfo("trials.csv"))


#: Files that are no tables, what they are called, and what is said to help.
KINDS: dict[str, tuple[Callable[[Path], bytes], str, str]] = {
    "xlsx": (lambda _: archive("[Content_Types].xml", "xl/workbook.xml"), "an Excel workbook", "save the sheet as CSV"),
    "ods": (
        lambda _: archive("mimetypeapplication/vnd.oasis.opendocument.spreadsheet"),
        "an OpenDocument spreadsheet",
        "save the sheet as CSV",
    ),
    "git-lfs": (
        lambda _: b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1234\n",
        "a pointer of git-lfs",
        "run git lfs pull",
    ),
    "html": (
        lambda _: b"<!DOCTYPE html>\n<html><body>Not found</body></html>\n",
        "a page in HTML",
        "download the file itself",
    ),
    "feather": (
        lambda _: saved(lambda file: pyarrow.feather.write_feather(pa.table({"rank_a": [1]}), file)),
        "an Arrow file",
        "save it as Parquet",
    ),
    "pickle": (lambda _: pickle.dumps(trials()), "a Python pickle", "save it with to_csv or to_parquet"),
    "npy": (lambda _: saved(lambda file: np.save(file, np.ones(3))), "a NumPy array", "as CSV or Parquet"),
    "sqlite": (database, "an SQLite database", "export the table as CSV"),
    "json": (lambda _: trials().to_json(orient="records").encode(), "JSON", "save it as CSV"),
    "bzip2": (lambda _: bz2.compress(text_of(trials()).encode()), "packed with bzip2", "unpack it first"),
    "tar": (lambda _: saved(tar), "a tar archive", "unpack it first"),
    "pdf": (lambda _: b"%PDF-1.7\n", "a PDF document", "use the table behind it"),
    "nothing": (lambda _: b"", "the file is empty", "expected a table|expected a trial table"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [*OF_TRIALS, *OF_CHOICES])
def test_files_of_other_kinds_are_named(name: str, kind: str, tmp_path: Path) -> None:
    make, what, remedy = KINDS[kind]
    path = tmp_path / "table.csv"
    path.write_bytes(make(tmp_path / "made"))
    if name == "check_trials":
        problems = caveat.check_trials(path)["problem"]
        assert len(problems) == 1 and what in problems[0] and re.search(remedy, problems[0])
        return
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: {what}.*({remedy})"):
        {**OF_TRIALS, **OF_CHOICES}[name](path)


@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_pages_that_contradict_their_checksums_are_refused(tmp_path: Path, compression: str) -> None:
    path = tmp_path / "choices.parquet"
    pairs = [(a, b) for a in "ABCDE" for b in "ABCDE" if a < b]
    frame = pd.DataFrame(pairs, columns=["winner", "loser"]).assign(count=np.arange(10.0, 20.0))
    options: Any = {"compression": compression, "use_dictionary": False, "write_page_checksum": True}
    pq.write_table(pa.Table.from_pandas(frame), path, **options)
    expected = caveat.read_choices(path, items=list("ABCDE"))["trials"].tolist()
    assert sorted(expected) == frame["count"].tolist()
    column = pq.ParquetFile(path).metadata.row_group(0).column(2)
    data = bytearray(path.read_bytes())
    # The lowest bits of the last count.
    data[column.data_page_offset + column.total_compressed_size - 7] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"choices\.parquet.*(checksum|damaged)"):
        caveat.read_choices(path, items=list("ABCDE"))
