"""Tables leave through Arrow, to files and as arrays, with the same numbers everywhere."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import caveat

# The pair 0 1 has no answer, so that the label is missing there: its two presentations contradict each other.
TABLE = caveat.ComparisonGraph([("a", "b"), ("b", "a"), ("b", "c")]).pairs()


def test_pandas_polars_and_pyarrow_take_a_table() -> None:
    names = ["first", "second", "class", "label", "trained"]
    arrow = pa.table(TABLE)
    assert arrow.column_names == names
    assert [str(t) for t in arrow.schema.types] == ["int64", "int64", "string", "int64", "bool"]
    assert arrow.column("label").null_count == np.isnan(TABLE["label"]).sum() > 0
    polars = pl.DataFrame(TABLE)
    assert polars.columns == names and polars["label"].null_count() == arrow.column("label").null_count
    assert pa.schema(TABLE) == arrow.schema
    assert polars["class"].to_list() == list(TABLE["class"]) == arrow.column("class").to_pylist()
    pandas = TABLE.to_pandas()
    assert list(pandas.columns) == names
    if hasattr(pd.DataFrame, "from_arrow"):
        assert pd.DataFrame.from_arrow(TABLE)["second"].tolist() == pandas["second"].tolist()
    # A stream may be asked for again.
    assert pa.table(TABLE) == arrow


def test_columns_are_arrays_of_their_kind() -> None:
    assert TABLE["first"].dtype == np.int64 and TABLE["trained"].dtype == bool
    assert TABLE["label"].dtype == np.float64 and TABLE["class"].dtype == object
    assert len(TABLE) == 3 and list(TABLE.to_dict()) == TABLE.column_names
    with pytest.raises(KeyError, match="no column 'x': the table has first, second, class, label, trained"):
        TABLE["x"]


@pytest.mark.parametrize("extension", ["parquet", "csv", "json"])
def test_files_hold_what_the_table_holds(tmp_path: Path, extension: str) -> None:
    path = tmp_path / f"pairs.{extension}"
    TABLE.write(path)
    if extension == "json":
        rows = json.loads(path.read_text())
        assert [row["class"] for row in rows] == list(TABLE["class"])
    else:
        read = pd.read_parquet(path) if extension == "parquet" else pd.read_csv(path)
        pd.testing.assert_frame_equal(read, TABLE.to_pandas(), check_dtype=False)
    with pytest.raises(ValueError, match=r"unknown extension \.xls"):
        TABLE.write(tmp_path / "pairs.xls")
    with pytest.raises(OSError, match="cannot be written"):
        TABLE.write(tmp_path / "nowhere" / "pairs.csv")
    assert sorted(p.name for p in tmp_path.iterdir()) == [path.name]


def test_a_table_shows_itself() -> None:
    assert repr(TABLE).splitlines()[0].split() == TABLE.column_names
    html = TABLE._repr_html_()
    assert html.count("<tr>") == 4 and "premise" in html
    long = caveat.TransitiveTask(40).pairs()
    assert repr(long).splitlines()[-1] == "… 780 rows"
    assert "20 of 780 rows" in long._repr_html_()
