"""The source bundle's stored form, and the lines that tracebacks quote."""

from __future__ import annotations

import linecache
import traceback
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picloud.model.bundle import Bundle, Source, quote, with_quotes

_TEXT = st.text(st.characters(exclude_categories=()), max_size=30)
_NAMES = st.lists(st.sampled_from(("a", "b", "c", "d")), min_size=1, max_size=4).map(".".join)
_BUNDLES = st.builds(
    Bundle,
    st.dictionaries(_NAMES, st.builds(Source, _TEXT, st.booleans(), _TEXT), max_size=6),
    st.dictionaries(_TEXT, _TEXT, max_size=3),
    st.dictionaries(_TEXT, st.binary(max_size=20), max_size=3),
    st.dictionaries(_TEXT, st.integers(0, 1 << 40), max_size=3),
)


@given(_BUNDLES)
@settings(max_examples=500)
def test_what_is_encoded_comes_back(bundle: Bundle) -> None:
    assert Bundle.decode(bundle.encode()) == bundle


@given(_BUNDLES)
@settings(max_examples=500)
def test_the_order_of_modules_changes_nothing(bundle: Bundle) -> None:
    parts = (bundle.modules, bundle.quoted, bundle.data, bundle.left)
    turned = Bundle(*(dict(reversed([*part.items()])) for part in parts))
    assert turned.encode() == bundle.encode()


@given(_BUNDLES)
@settings(max_examples=500)
def test_parents_are_what_imports_pass_and_no_bundle_holds(bundle: Bundle) -> None:
    parents = bundle.parents()
    assert not parents & bundle.modules.keys()
    for name in bundle.modules:
        while name := name.rpartition(".")[0]:
            assert name in parents or name in bundle.modules


def test_golden_bytes() -> None:
    bundle = Bundle(
        {"b.c": Source("/p/b/c.py", False, "x = 'é'\n"), "a": Source("/p/a/__init__.py", True, "")}, {"<in>": "1"}
    )
    assert bundle.encode() == (
        b'{"linecache": {"<in>": "1"}, "modules": {"a": ["/p/a/__init__.py", true, ""], '
        b'"b.c": ["/p/b/c.py", false, "x = \'\\u00e9\'\\n"]}}'
    )
    assert bundle.parents() == {"b"}
    data = Bundle(data={"/p/b/x": b"\n\0", "/p/a": b"1"}, left={"/p/z": 5})
    assert data.encode() == (
        b'{"data": [["/p/a", 1], ["/p/b/x", 2]], "left": {"/p/z": 5}, "linecache": {}, "modules": {}}\n1\n\0'
    )


def test_quoted_lines_are_shown_whatever_lies_on_the_disk() -> None:
    quote("<somewhere>", "def f():\n    return 1 / 0\n")
    space: dict[str, Any] = {}
    exec(compile("def f():\n    return 1 / 0\n", "<somewhere>", "exec"), space)
    try:
        linecache.checkcache()
        with pytest.raises(ZeroDivisionError) as raised:
            space["f"]()
        assert "return 1 / 0" in "".join(traceback.format_exception(raised.value))
    finally:
        linecache.cache.pop("<somewhere>", None)


def test_a_value_brings_its_lines_along() -> None:
    try:
        assert with_quotes(7, {"<left>": "a\nb\n"}) == 7
        assert linecache.getlines("<left>") == ["a\n", "b\n"]
    finally:
        linecache.cache.pop("<left>", None)
