"""What a worker was sent."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picloud.model import arguments
from picloud.model.context import Context
from picloud.wire import messages, payload
from picloud.worker.cargo import Items, Store, items_of


def values(items: Items) -> list[object]:
    return [items.load(items.blob[a:b]) for a, b in zip(items.offsets, items.offsets[1:], strict=False)]


@given(st.lists(st.lists(st.integers() | st.binary(max_size=40), max_size=4).map(tuple), max_size=20))
@settings(max_examples=500)
def test_plain_items(arrays: list[tuple[object, ...]]) -> None:
    assert values(items_of(arguments.encode_items([pickle.dumps(each) for each in arrays]), [], [])) == arrays


def test_plain_items_are_read_by_cs_unpickler_alone() -> None:
    assert items_of(arguments.encode_items([pickle.dumps((1,))]), [], []).load is pickle.loads


def test_text_that_looks_like_a_segment_is_still_text() -> None:
    record = arguments.encode_items([pickle.dumps((b"PCs1",)), pickle.dumps((2,))])
    assert values(items_of(record, [], [])) == [(b"PCs1",), (2,)]


def test_inline_buffers_and_segments(tmp_path: Path) -> None:
    inline = b"".join(payload.parts(pickle.dumps((1,)), [b"x" * 100]))
    path = tmp_path / "segment"
    payload.write_segment(str(path), pickle.dumps((2,)), [])
    with path.open("rb") as opened:
        items = items_of(
            arguments.encode_items([inline, arguments.SEGMENT_MARK + b"id", pickle.dumps((3,))]),
            ["id"],
            [opened.fileno()],
        )
        assert values(items) == [(1,), (2,), (3,)]


def test_items_that_share_the_buffers_of_a_segment_each_have_their_own_value(tmp_path: Path) -> None:
    buffers: list[pickle.PickleBuffer] = []
    rows = [pickle.dumps((bytearray(b"x" * 100), n), 5, buffer_callback=buffers.append) for n in range(2)]
    shared = pickle.dumps((pickle.PickleBuffer(bytearray(b"y" * 100)), 7), 5, buffer_callback=buffers.append)
    path = tmp_path / "segment"
    payload.write_segment(str(path), b"", [buffers[-1].raw()])
    record = arguments.encode_items([arguments.in_segment("id", shared), *rows, arguments.in_segment("id", shared)])
    with path.open("rb") as opened:
        first, *others, last = values(items_of(record, ["id"], [opened.fileno()]))
    assert others == [(bytearray(b"x" * 100), n) for n in range(2)]
    assert isinstance(first, tuple)
    assert isinstance(last, tuple)
    assert bytes(first[0]) == bytes(last[0]) == b"y" * 100
    first[0][:1] = b"z"
    assert bytes(last[0]) == b"y" * 100


def test_descriptors_without_names_are_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        items_of(arguments.encode_items([b"Sx"]), ["x"], [])


CONTEXT = Context("/python", "/", "3.11", "/cwd", ("/path",), 0o22, (("A", "b"),), "")


@pytest.mark.parametrize("how", ["body", "file", "segment"])
def test_content_comes_in_three_ways(tmp_path: Path, how: str) -> None:
    store = Store()
    path = tmp_path / "content"
    for kind, content in (("function", pickle.dumps([1])), ("context", CONTEXT.encode())):
        descriptors = []
        if how == "file":
            path.write_bytes(content)
        elif how == "segment":
            path.unlink(missing_ok=True)
            payload.write_segment(str(path), content, [])
        if how != "body":
            descriptors.append(os.open(path, os.O_RDONLY))
        store.keep(messages.Load(kind, kind, how != "body"), content if how == "body" else b"", descriptors)
        path.unlink(missing_ok=True)
    first, second = store.value("function"), store.value("function")
    assert first == second == [1]
    assert first is not second
    assert store.context("context") == CONTEXT
    assert store.context("context") is store.context("context")
    for kept in store._contents.values():
        if kept.descriptor >= 0:
            os.close(kept.descriptor)


def test_what_was_never_sent_is_not_there() -> None:
    with pytest.raises(KeyError):
        Store().value("unknown")
