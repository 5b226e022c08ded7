"""Pickles as parts: every byte is some part's, types and names are as they were pickled, and nothing is run."""

from __future__ import annotations

import collections
import pickle
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picloud.client.anatomy import Part, anatomy
from picloud.pickling.pickler import ValuePickler

_ATOMS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.complex_numbers()
_KEYS = st.text() | st.integers() | st.tuples(st.integers(), st.text())
_VALUES: st.SearchStrategy[Any] = st.recursive(
    _ATOMS,
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(_KEYS, inner)
        | st.frozensets(st.integers())
        | st.sets(st.text())
        | st.builds(lambda value: [value, value], inner)
        | st.builds(collections.deque, st.lists(inner))
    ),
    max_leaves=8,
)


class Made:
    """Has attributes, and one of them is itself."""

    def __init__(self, value: object) -> None:
        self.value = value
        self.me = self


def named(part: Part) -> dict[str, Part]:
    return {inner.name: inner for inner in part.parts}


def everything(root: Part) -> list[Part]:
    found, pending = [], [root]
    while pending:
        found.append(pending.pop())
        pending += found[-1].parts
    return found


@settings(max_examples=1000)
@given(_VALUES, st.sampled_from(range(pickle.HIGHEST_PROTOCOL + 1)))
def test_every_byte_belongs_to_a_part(value: Any, protocol: int) -> None:
    pickled = pickle.dumps(value, protocol)
    assert anatomy(pickled).size == len(pickled)


@settings(max_examples=1000)
@given(st.binary(max_size=60) | st.builds(lambda value, at: pickle.dumps(value)[at:], _VALUES, st.integers(0, 20)))
def test_what_is_no_pickle_is_refused(content: bytes) -> None:
    with warnings.catch_warnings():
        # Some begin with escapes that Python's own reader warns of.
        warnings.simplefilter("ignore")
        try:
            assert isinstance(anatomy(content), Part)
        except ValueError:
            return


def test_types_and_names_are_told() -> None:
    pickled, buffers = ValuePickler().pickled(
        {"list": [1, 2.5, None, b"x"], "made": Made((True,)), "table": np.zeros(5000), 7: {1, 2}}
    )
    sizes = list(map(len, buffers))
    assert sizes == [40_000]
    root = anatomy(pickled, sizes)
    parts = named(root)
    assert (root.kind, list(parts)) == ("dict", ["list", "made", "table", "int"])
    assert [part.kind for part in parts["list"].parts] == ["int", "float", "None", "bytes"]
    assert parts["int"].kind == "set"
    assert parts["made"].kind.endswith("test_anatomy.Made")
    assert {name: part.kind for name, part in named(parts["made"]).items()} == {"value": "tuple", "me": "again"}
    assert "frombuffer" in parts["table"].kind
    assert parts["table"].size > 40_000
    assert root.size == len(pickled) + 40_000


def test_what_a_function_takes_along_is_among_its_parts() -> None:
    table = list(range(1000))
    pickled, _ = ValuePickler().pickled(lambda x: table[x])
    root = anatomy(pickled)
    assert root.size == len(pickled)
    assert any(part.kind == "list" and len(part.parts) == 1000 for part in everything(root))
    assert any(part.name == "__closure__" for part in everything(root))


def test_old_pickles_of_instances_are_read() -> None:
    pickled = b"(icollections\nOrderedDict\np0\n."
    assert anatomy(pickled).kind == "collections.OrderedDict"
    pickled = b"(ccollections\nOrderedDict\no."
    assert anatomy(pickled).kind == "collections.OrderedDict"


def test_a_chain_of_any_depth_is_read() -> None:
    pickled = b"\x80\x04" + b"(" * 50_000 + b"N" + b"t" * 50_000 + b"."
    assert anatomy(pickled).size == len(pickled)


def test_nothing_is_run() -> None:
    assert anatomy(b"cos\nsystem\n(S'exit 1'\ntR.").kind == "os.system"


@pytest.mark.parametrize("content", [b"", b"N", b"R.", b"\x80\x05\x97.", b"h\x05.", b"t."])
def test_an_impossible_pickle_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"pickle|opcode|exhausted"):
        anatomy(content)
