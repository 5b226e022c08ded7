"""The journal on a real disk: whatever happens to its end, its beginning counts, and nothing else is ever taken for an entry."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from picloud.exceptions import StoreCorruptError, StoreForeignError
from picloud.store import journal as journals
from picloud.store.journal import LARGEST, SIZE, Journal, open_journal, path_of

OWNER = "ab" * 16
CONTENTS = st.lists(st.binary(max_size=300), max_size=8)
Open = Callable[..., Journal]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "store").mkdir()
    return tmp_path


@pytest.fixture
def opened(home: Path) -> Iterator[Open]:
    made: list[Journal] = []

    def open_one(*, synced: bool = False, number: int = 0) -> Journal:
        made.append(open_journal(home, OWNER, synced=synced))
        made[-1].begin_anew(number)
        return made[-1]

    yield open_one
    for one in made:
        one.close()


def _contents(journal: Journal, after: int = 0) -> list[bytes]:
    return [entry.content for entry in journal.entries(after)]


def _change(home: Path, at: int, content: bytes) -> None:
    descriptor = os.open(path_of(home), os.O_WRONLY)
    os.pwrite(descriptor, content, at)
    os.close(descriptor)


def _wipe(home: Path) -> None:
    """Forget the entries of an earlier example: the numbers of a store's entries never begin again."""
    if path_of(home).exists():
        _change(home, 4096, bytes(1 << 14))


def _fill(journal: Journal, contents: Sequence[bytes], number: int = 0) -> list[int]:
    """Begin anew behind a number and append; return where each entry ends."""
    journal.begin_anew(number)
    ends = []
    for content in contents:
        journal.append(content)
        ends.append(journal._at)
    return ends


@pytest.mark.parametrize("synced", [False, True])
def test_entries_are_there_for_the_next_one_who_opens_it(opened: Open, *, synced: bool) -> None:
    _fill(opened(synced=synced), [b"one", b"", b"x" * 5000])
    entries = opened().entries(0)
    assert [entry.number for entry in entries] == [1, 2, 3]
    assert [entry.content for entry in entries] == [b"one", b"", b"x" * 5000]


def test_what_lmdb_has_noted_does_not_count(opened: Open) -> None:
    _fill(opened(), [b"one", b"two", b"three"])
    assert _contents(opened(), 2) == [b"three"]
    assert _contents(opened(), 3) == []


def test_it_begins_anew_over_older_entries(opened: Open) -> None:
    journal = opened()
    _fill(journal, [b"one", b"two", b"three"])
    _fill(journal, [b"four"], number=3)
    assert _contents(opened(), 3) == [b"four"]
    assert _contents(opened(), 4) == []


def test_entries_that_do_not_follow_what_lmdb_has_do_not_count(opened: Open) -> None:
    """Under `process` a power cut may take LMDB further back than the journal reaches."""
    _fill(opened(), [b"seven", b"eight"], number=6)
    assert _contents(opened(), 4) == []
    assert _contents(opened(), 6) == [b"seven", b"eight"]


def test_an_erased_one_holds_nothing(opened: Open) -> None:
    _fill(opened(), [b"seven", b"eight"], number=6)
    opened(number=4).erase()
    assert _contents(opened(), 6) == []
    _fill(opened(), [b"five"], number=4)
    assert _contents(opened(), 4) == [b"five"]


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CONTENTS, st.data())
def test_an_append_that_was_torn_takes_nothing_along(
    home: Path, opened: Open, contents: list[bytes], data: st.DataObject
) -> None:
    """Any part of the last entry may be missing, in blocks or bytes: what was there before it is read."""
    _wipe(home)
    journal = opened(synced=True)
    ends = _fill(journal, [*contents, data.draw(st.binary(min_size=1, max_size=300))])
    begin = ends[-2] if len(ends) > 1 else 4096
    low = data.draw(st.integers(begin, ends[-1] - 1))
    high = data.draw(st.integers(low + 1, ends[-1]))
    before = path_of(home).read_bytes()[low:high]
    _change(home, low, bytes(high - low))
    found = _contents(opened())
    assert found[: len(contents)] == contents
    assert len(found) == len(contents) or not any(before)


@settings(max_examples=500, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CONTENTS.filter(bool), st.data())
def test_a_flipped_bit_never_gives_another_entry(
    home: Path, opened: Open, contents: list[bytes], data: st.DataObject
) -> None:
    _wipe(home)
    ends = _fill(opened(synced=True), contents)
    at = data.draw(st.integers(4096, ends[-1] - 1))
    byte = path_of(home).read_bytes()[at]
    _change(home, at, bytes((byte ^ data.draw(st.sampled_from([1 << bit for bit in range(8)])),)))
    hit = next(index for index, end in enumerate(ends) if at < end)
    try:
        found = _contents(opened())
    except StoreCorruptError:
        assert hit < len(contents) - 1
        return
    padding = found == contents
    assert padding or (found == contents[:-1] and hit == len(contents) - 1)


def test_without_a_sync_entries_may_be_missing_in_any_order(home: Path, opened: Open) -> None:
    ends = _fill(opened(), [b"one", b"two", b"three"])
    _change(home, ends[0], bytes(ends[1] - ends[0]))
    assert _contents(opened()) == [b"one"]


def test_it_has_room_for_so_much_and_no_more(opened: Open) -> None:
    journal = opened()
    assert not journal.fits(LARGEST + 1)
    count = 0
    while journal.fits(LARGEST):
        journal.append(bytes(LARGEST))
        count += 1
    assert (SIZE - 4096) // (LARGEST + 64) == count
    assert len(_contents(opened())) == count


def test_it_is_private_and_has_one_owner(home: Path, opened: Open) -> None:
    opened()
    assert stat.S_IMODE(path_of(home).stat().st_mode) == 0o600
    assert path_of(home).stat().st_size == SIZE
    with pytest.raises(StoreForeignError, match="not this store's journal"):
        open_journal(home, "cd" * 16, synced=False)
    _change(home, 0, b"else")
    with pytest.raises(StoreForeignError, match="not this store's journal"):
        open_journal(home, OWNER, synced=False)


@pytest.mark.parametrize("size", [0, 4096, SIZE - 1, SIZE + 1])
def test_one_of_another_length_is_damaged(home: Path, opened: Open, size: int) -> None:
    opened()
    os.truncate(path_of(home), size)
    with pytest.raises(StoreCorruptError, match="journal"):
        open_journal(home, OWNER, synced=False)


def test_a_crash_while_it_is_made_leaves_nothing_that_counts(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(_descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", crash)
    with pytest.raises(KeyboardInterrupt):
        open_journal(home, OWNER, synced=False)
    monkeypatch.undo()
    assert not path_of(home).exists()
    open_journal(home, OWNER, synced=False).close()
    assert sorted(path.name for path in (home / "store").iterdir()) == ["journal"]
    assert journals.path_of(home).exists()
