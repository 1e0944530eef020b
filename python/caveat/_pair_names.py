"""Reads names of ordered pairs, such as those of the patterns of an RDM, and the order of their items."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

#: An ordered pair of items' labels.
Pair = tuple[Any, Any]

#: Descriptors that name the two items of a pattern.
_BOTH_ITEMS = (
    ("first", "second"),
    ("rank_a", "rank_b"),
    ("item_a", "item_b"),
    ("item_1", "item_2"),
    ("item1", "item2"),
    ("first_item", "second_item"),
    ("item_first", "item_second"),
    ("item_one", "item_two"),
    ("left", "right"),
    ("left_item", "right_item"),
    ("item_left", "item_right"),
    ("model_a", "model_b"),
    ("option_a", "option_b"),
    ("stimulus_a", "stimulus_b"),
    ("player1", "player2"),
    ("a", "b"),
    ("i", "j"),
)

#: A function that gets the pairs read from some names and the number of names; None refuses the pairs.
Accept = Callable[[list[Any], int], list[Pair] | None]

#: What separates the two items in a name, the clearest first.
_SEPARATORS = (
    r"\s*->\s*",
    r"\s*[><→]\s*",
    r"\s+(?:vs\.?|versus|over|and|then)\s+",
    r"\s*,\s*",
    r"\s*[;:|/&]\s*",
    r"\s+",
    "__",
    "_",
    "-",
    r"\.",
    "x",
    "v",
)


def label(value: Any) -> Any:
    """A label for comparison: a number by its value, text without spaces around it."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    if isinstance(value, str):
        text = value.strip()
        # Python reads 1_0 as ten.
        if "_" in text:
            return text
        try:
            value = float(text)
        except ValueError:
            return text
        if not np.isfinite(value):
            return text
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def read_names(names: Sequence[Any], accept: Accept | None = None) -> list[Pair] | None:
    """The pairs that names such as 0_10, 3>5, (0, 10), item2_item7 or AB mean; by default all pairs of some items."""
    accept = accept or complete
    names = [name.item() if isinstance(name, np.generic) else name for name in names]
    if not all(isinstance(name, str) for name in names):
        parted = [
            tuple(name) if isinstance(name, (tuple, list, np.ndarray)) and len(name) == 2 else None for name in names
        ]
        return accept([(label(p[0]), label(p[1])) for p in parted if p is not None], len(names))
    texts = [name.strip() for name in names]
    letters = [tuple(text) for text in texts if len(text) == 2]
    return _two_numbers(texts, accept) or _two_parts(texts, accept) or accept(letters, len(texts))


def _two_numbers(names: list[str], accept: Accept) -> list[Pair] | None:
    """Reads names that differ only in two whole numbers."""
    frames = {re.sub(r"\d+", "#", name) for name in names}
    if len(frames) != 1:
        return None
    numbers = np.array([[int(number) for number in re.findall(r"\d+", name)] for name in names], dtype=object)
    varied = [k for k in range(numbers.shape[1]) if len(set(numbers[:, k])) > 1] if numbers.ndim == 2 else []
    if len(varied) != 2:
        return None
    # With a decimal point these would be other numbers.
    if any(re.search(r"\d\.\d", name) for name in names):
        return None
    return accept([(row[varied[0]], row[varied[1]]) for row in numbers], len(names))


def _two_parts(names: list[str], accept: Accept) -> list[Pair] | None:
    """Reads names of two labels with a separator in the middle."""
    names = [re.sub(r"^[(\[{<]\s*(.*?)\s*[)\]}>]$", r"\1", name) for name in names]
    for separator in _SEPARATORS:
        pairs = []
        for name in names:
            places = list(re.finditer(separator, name))
            if len(places) % 2 == 0:
                break
            middle = places[len(places) // 2]
            pairs.append((_unquoted(name[: middle.start()]), _unquoted(name[middle.end() :])))
        accepted = accept(pairs, len(names))
        if accepted is not None:
            return accepted
    return None


def _unquoted(text: str) -> Any:
    return label(text.strip().strip("'\""))


def complete(pairs: list[Any], count: int) -> list[Pair] | None:
    """The pairs, if they are all ordered pairs of some items, each once."""
    if len(pairs) != count:
        return None
    items = {item for pair in pairs for item in pair}
    whole = len(set(pairs)) == count == len(items) * (len(items) - 1) and all(a != b for a, b in pairs)
    return pairs if whole else None


def are_reversed(what: str, names: Sequence[Any]) -> bool:
    """Whether the names of two columns or levels say that the second items stand in front of the first."""
    one, two = (name.strip().casefold() if isinstance(name, str) else name for name in names)
    if (two, one) in _BOTH_ITEMS:
        return True
    # Letters alone have too many other meanings.
    told = [pair for pair in _BOTH_ITEMS if len(pair[0]) > 1]
    if one in [second for _, second in told] or two in [first for first, _ in told]:
        raise ValueError(
            f"{what}: the columns {names[0]!r} and {names[1]!r} don't tell which item is shown first: name them first "
            "and second, or give an array with the first items in front"
        )
    return False


def _both(descriptors: Mapping[str, Sequence[Any]]) -> tuple[str, str, list[Any]] | None:
    """Two descriptors that name both items, with the pairs that they give; None without them."""
    for first, second in _BOTH_ITEMS:
        if {first, second} <= set(descriptors):
            return first, second, [(label(a), label(b)) for a, b in zip(descriptors[first], descriptors[second])]
    return None


def read_both(descriptors: Mapping[str, Sequence[Any]], accept: Accept) -> list[Pair] | None:
    """The pairs that two descriptors give; None without them."""
    both = _both(descriptors)
    return None if both is None else accept(both[2], len(both[2]))


#: What to do about names that are not understood.
_ADVICE = "give pairs=[(first, second), …], the items of every pattern"


def read_descriptors(
    descriptors: Mapping[str, Sequence[Any]], named: str | None, *, what: str = "rdm", advice: str = _ADVICE
) -> tuple[list[Pair] | None, str]:
    """The pairs that pattern descriptors name, and which descriptors do; None if nothing names the patterns."""
    if named is not None:
        if named not in descriptors:
            raise ValueError(f"pairs: there is no pattern descriptor {named!r}: the RDM has {', '.join(descriptors)}")
        pairs = read_names(descriptors[named])
        if pairs is None:
            raise ValueError(not_pairs(what, named, descriptors[named], advice))
        return pairs, named
    both = _both(descriptors)
    if both is not None:
        first, second, given = both
        pairs = complete(given, len(given))
        if pairs is None:
            items = {item for pair in given for item in pair}
            raise ValueError(
                f"{what}: the descriptors {first} and {second} must name every ordered pair of n items once, got "
                f"{len(set(given))} different pairs of {len(items)} items in {len(given)} patterns"
            )
        return pairs, f"{first} and {second}"
    found: dict[str, list[Pair]] = {}
    unread: str | None = None
    for name, values in descriptors.items():
        if name == "index":
            continue
        pairs = read_names(values)
        if pairs is not None:
            found[name] = pairs
        elif len({str(value) for value in values}) == len(values):
            unread = name
    if len({tuple(pairs) for pairs in found.values()}) > 1:
        raise ValueError(
            f"{what}: the descriptors {' and '.join(found)} name the patterns differently: say which holds, "
            f"pairs={next(iter(found))!r}"
        )
    if found:
        name, pairs = next(iter(found.items()))
        return pairs, name
    if unread is not None:
        raise ValueError(not_pairs(what, unread, descriptors[unread], advice))
    return None, "index"


def not_pairs(what: str, name: str, values: Sequence[Any], advice: str) -> str:
    """The error text for a descriptor that does not name pairs."""
    shown = ", ".join(repr(label(value)) for value in list(values)[:3])
    return (
        f"{what}: the descriptor {name} names the patterns {shown}, …, which are not every ordered pair of n items "
        f"once, as 0_1, 0_2, … are: {advice}"
    )


def ordered(pairs: list[Pair], items: Sequence[Any] | None) -> list[Any]:
    """The items, the highest first: as given, or by their numbers."""
    known = list(dict.fromkeys(item for pair in pairs for item in pair))
    if items is not None:
        given = [label(item) for item in items]
        if len(given) != len(known) or set(given) != set(known):
            raise ValueError(
                f"items: expected the {len(known)} items of the patterns, {_listed(known)}, each once, got "
                f"{_listed(given)}"
            )
        return given
    if all(isinstance(item, (int, float)) for item in known):
        return sorted(known)
    parts = [re.fullmatch(r"(.*?)(\d+)", str(item)) for item in known]
    if len({part and part[1].casefold() for part in parts}) == 1 and parts[0] is not None:
        return sorted(known, key=lambda item: int(re.fullmatch(r"(.*?)(\d+)", str(item))[2]))  # type: ignore[index]
    raise ValueError(
        f"rdm: the items {_listed(known)} have names, which don't tell their order: give items=[…], the highest first"
    )


def _listed(items: Sequence[Any]) -> str:
    shown = ", ".join(repr(item) for item in list(items)[:6])
    return shown if len(items) <= 6 else f"{shown}, …"
