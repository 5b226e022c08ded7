"""Keys: their order is the order of jids, and names never lead out of their folders."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picloud.store import keys
from picloud.store.keys import FileKind, Table

JIDS = st.integers(0, 2**64 - 1)
INDEXES = st.integers(0, 2**32 - 1)
NAMES = st.from_regex(r"[0-9A-Za-z_-][0-9A-Za-z_.-]{0,40}", fullmatch=True)
OWNERS = st.one_of(JIDS.map(keys.array_owner), NAMES.map(keys.blob_owner))


@given(JIDS)
def test_jids_come_back(jid: int) -> None:
    assert keys.jid_of(keys.jid(jid)) == jid


@given(JIDS, INDEXES)
def test_items_come_back(first: int, start: int) -> None:
    key = keys.item(first, start)
    assert keys.item_of(key) == (first, start)
    assert key.startswith(keys.jid(first))


@given(st.tuples(JIDS, INDEXES), st.tuples(JIDS, INDEXES))
def test_the_order_of_bytes_is_the_order_of_items(one: tuple[int, int], other: tuple[int, int]) -> None:
    assert (keys.item(*one) < keys.item(*other)) == (one < other)


@given(st.text(min_size=1, max_size=20), JIDS, st.text(min_size=1, max_size=20), JIDS)
def test_submissions_differ_by_client_and_sequence(one: str, first: int, other: str, second: int) -> None:
    same = keys.submission(one, first) == keys.submission(other, second)
    assert same == ((one, first) == (other, second))


@pytest.mark.parametrize("client", ["", "x" * 201, "é" * 101])
def test_a_client_id_that_is_no_key_is_refused(client: str) -> None:
    with pytest.raises(ValueError, match="client id"):
        keys.submission(client, 1)


@given(st.sampled_from(FileKind), NAMES, OWNERS)
def test_files_come_back_from_both_keys(kind: FileKind, name: str, owner: bytes) -> None:
    by_file, by_owner = keys.file_keys(kind, name, owner)
    assert by_file.startswith(keys.file_prefix(kind, name))
    assert keys.named_file(by_file) == (kind, name)
    assert keys.named_file(by_owner) is None
    assert keys.file_of(by_owner, keys.owner_prefix(owner)) == (kind, name)
    assert max(len(by_file), len(by_owner)) <= 511


@given(NAMES, NAMES, OWNERS)
def test_one_files_keys_are_never_anothers(one: str, other: str, owner: bytes) -> None:
    key, _ = keys.file_keys(FileKind.SEGMENT, one, owner)
    assert key.startswith(keys.file_prefix(FileKind.SEGMENT, other)) == (one == other)


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "a\0b", ".hidden", "x" * 129, "ä"])
def test_a_name_that_could_leave_its_folder_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be the name"):
        keys.check_file_name(name)
    with pytest.raises(ValueError, match="is not a hash"):
        keys.blob(name)


@pytest.mark.parametrize(
    ("table", "key", "name"),
    [
        (Table.ARRAYS, keys.jid(7), "arrays 7"),
        (Table.ENDS, keys.item(7, 300), "ends 7[300]"),
        (Table.BLOBS, b"abc", "blobs abc"),
        (Table.NOTES, b"\xff", "notes \\xff"),
        (Table.ARRAYS, b"odd", "arrays odd"),
    ],
)
def test_records_have_names_for_people(table: Table, key: bytes, name: str) -> None:
    assert keys.describe(table, key) == name


def test_table_names_are_the_formats() -> None:
    """Names of databases are stored: a changed one loses what was stored under the old."""
    assert [table.name.lower() for table in Table] == [
        "format",
        "arrays",
        "open",
        "finished",
        "tombstones",
        "arguments",
        "ends",
        "attempts",
        "submissions",
        "blobs",
        "files",
        "counters",
        "notes",
    ]
