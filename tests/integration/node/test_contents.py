"""Content on its way to workers: what was put is found, committed or not; what is least used leaves memory first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from picloud.exceptions import StoreCorruptError
from picloud.model.context import content_hash
from picloud.model.settings import Durability
from picloud.node import contents
from picloud.node.contents import Contents
from picloud.store.batch import Batch
from picloud.store.environment import Environment
from picloud.store.tables import Tables
from picloud.store.writer import Writer

from .conftest import context


class Store:
    """A real store, and a fresh cache in front of it."""

    def __init__(self, home: Path) -> None:
        self.environment = Environment.open(home, Durability.PROCESS)
        self.writer = Writer(self.environment)
        self.tables = Tables(self.environment)
        self.contents = Contents(self.tables)

    def keep(self, content: bytes) -> str:
        """Store content; return its hash."""
        batch = Batch()
        batch.put_blob(content_hash(content), content)
        self.writer.commit(batch)
        return content_hash(content)

    def close(self) -> None:
        """Close everything."""
        self.writer.close()
        self.environment.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path)
    yield made
    made.close()


def test_fresh_content_is_there_before_it_is_stored(store: Store) -> None:
    hash_ = content_hash(b"fresh")
    assert not store.contents.known(hash_)
    store.contents.put(hash_, b"fresh")
    assert store.contents.known(hash_)
    assert store.contents.get(hash_) == b"fresh"


def test_stored_content_is_read_and_kept(store: Store) -> None:
    hash_ = store.keep(b"stored")
    assert store.contents.known(hash_)
    assert store.contents.get(hash_) == b"stored"
    assert store.contents.get(hash_) is store.contents.get(hash_)


def test_content_in_a_segment_is_given_by_its_name(store: Store) -> None:
    batch = Batch()
    batch.put_blob_segment("ab" * 20, "segment-1")
    store.writer.commit(batch)
    assert store.contents.get("ab" * 20) == "segment-1"


def test_content_that_is_nowhere_is_an_error_that_names_it(store: Store) -> None:
    with pytest.raises(StoreCorruptError, match="cd" * 20):
        store.contents.get("cd" * 20)


@pytest.mark.parametrize("text", ["", "..", "a/b", "\0", "\ud800", "x" * 1000])
def test_what_cannot_be_a_hash_names_nothing(store: Store, text: str) -> None:
    assert not store.contents.known(text)


def test_forgotten_content_is_asked_of_the_store_again(store: Store) -> None:
    hash_ = content_hash(b"gone")
    store.contents.put(hash_, b"gone")
    store.contents.forget([hash_, "ef" * 20])
    assert not store.contents.known(hash_)


def test_contexts_are_decoded_once(store: Store) -> None:
    made = context(cwd="/somewhere")
    hash_ = store.keep(made.encode())
    assert store.contents.context(hash_) == made
    assert store.contents.context(hash_) is store.contents.context(hash_)
    store.contents.put("in-a-segment", "segment-2")
    with pytest.raises(StoreCorruptError, match="segment"):
        store.contents.context("in-a-segment")


STEPS = st.tuples(st.sampled_from(("put", "get", "forget")), st.integers(0, 9))


@given(steps=st.lists(STEPS, max_size=40), limit=st.integers(0, 60))
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_memory_is_bounded_and_nothing_stored_is_ever_missed(
    store: Store, steps: list[tuple[str, int]], limit: int
) -> None:
    """Contents 0 to 4 are stored, the others are in memory alone, where the longest unused leave first."""
    everything = [bytes([number]) * (5 + number) for number in range(10)]
    hashes = [content_hash(content) for content in everything]
    for content in everything[:5]:
        if not store.tables.has_blob(content_hash(content)):
            store.keep(content)
    cache = Contents(store.tables)
    model: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(contents, "LIMIT", limit)
        for action, number in steps:
            if action == "forget":
                cache.forget([hashes[number]])
                model = [each for each in model if each != number]
            elif action == "put" or number < 5 or number in model:
                if action == "put":
                    cache.put(hashes[number], everything[number])
                else:
                    assert cache.get(hashes[number]) == everything[number]
                if number not in model:
                    model.append(number)
                    while len(model) > 1 and sum(len(everything[each]) for each in model) > limit:
                        model.pop(0)
                elif action == "get":
                    model = [*(each for each in model if each != number), number]
            assert [cache.known(hash_) for hash_ in hashes] == [each < 5 or each in model for each in range(10)]
            assert list(cache._kept) == [hashes[each] for each in model]
