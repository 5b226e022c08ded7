"""The codec: every message survives it; what is no message is refused, however it is broken."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picloud.exceptions import ProtocolError
from picloud.wire import messages
from picloud.wire.messages.base import Message

RANGES = st.lists(st.tuples(st.integers(0), st.integers(0)).map(list), max_size=3)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
BY_HINT: dict[Any, st.SearchStrategy[Any]] = {
    int: st.integers(-(2**63), 2**63),
    str: st.text(),
    bool: st.booleans(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    int | None: st.none() | st.integers(),
    float | None: st.none() | st.floats(allow_nan=False, allow_infinity=False),
    str | None: st.none() | st.text(),
    list[int]: st.lists(st.integers()),
    list[str]: st.lists(st.text()),
    list[list[int]]: RANGES,
    list[list[int]] | None: st.none() | RANGES,
    dict[str, Any]: st.dictionaries(st.text(), JSON, max_size=3),
    dict[str, str]: st.dictionaries(st.text(), st.text(), max_size=3),
    list[dict[str, Any]]: st.lists(st.dictionaries(st.text(), JSON, max_size=3), max_size=2),
}


def _any_of(kind: type[Message]) -> st.SearchStrategy[Message]:
    hints = get_type_hints(kind)
    return st.builds(kind, **{field.name: BY_HINT[hints[field.name]] for field in fields(kind)})


@pytest.mark.parametrize("kind", messages.KINDS.values(), ids=messages.KINDS)
@settings(max_examples=50)
@given(data=st.data())
def test_every_message_survives(kind: type[Message], data: st.DataObject) -> None:
    message = data.draw(_any_of(kind))
    decoded = messages.decode(messages.encode(message))
    assert decoded == message
    assert type(decoded) is kind


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'"Wait"',
        b'["NoSuchMessage"]',
        b'["Message"]',
        b'["Accepted", 1]',
        b'["Wait", [[1, 2]], "all"]',
        b'["Wait", 1, "all", null]',
        b'["Kill", "everything"]',
        b'["Accepted"] trailing',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_what_is_no_message_is_refused(header: bytes) -> None:
    with pytest.raises(ProtocolError):
        messages.decode(header)


@settings(max_examples=1000)
@given(st.binary(max_size=100) | JSON.map(lambda value: json.dumps(value).encode()))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(ProtocolError):
        messages.decode(noise)


@settings(max_examples=500)
@given(st.sampled_from(sorted(messages.KINDS)), st.lists(JSON, max_size=12))
def test_fields_of_other_types_are_refused_or_of_the_right_ones(kind: str, values: list[Any]) -> None:
    try:
        message = messages.decode(json.dumps([kind, *values]).encode())
    except ProtocolError:
        return
    assert messages.decode(messages.encode(message)) == message


def test_an_expected_kind_is_given_back_and_another_is_an_error() -> None:
    assert messages.expect(messages.Accepted(), messages.Accepted) == messages.Accepted()
    with pytest.raises(ProtocolError, match="Expected a Welcome message, got Accepted"):
        messages.expect(messages.Accepted(), messages.Welcome)
