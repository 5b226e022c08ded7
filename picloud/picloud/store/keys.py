"""Tables and their keys: big endian, so that LMDB's order of bytes is the order of jids.

::

    arrays      first                   one submission
    open        first                   it has unfinished items: recovery reads these and no others
    finished    first                   every item ended: counts and time
    tombstones  first                   its deleted items
    arguments   first, start            arguments of a chunk of items
    ends        first, start            ends of a chunk of items
    attempts    first, start            starts that recovery must know of
    submissions client, sequence        first, so that a resend is recognised
    blobs       hash                    functions, contexts, bundles
    files       file, owner             who names a segment or a spool
                owner, file             the same, from the other side
    counters    name                    numbers that must not go back
    notes       name                    what the node writes to itself
    format      name                    what this store is
"""

from __future__ import annotations

import re
import struct
from enum import IntEnum, StrEnum


class Table(IntEnum):
    """The named databases; the database's name is the member's in lower case, its number is never stored."""

    FORMAT = 0
    """What this store is."""
    ARRAYS = 1
    """Job arrays by first jid."""
    OPEN = 2
    """Arrays with unfinished items, by first jid."""
    FINISHED = 3
    """Summaries of finished arrays, by first jid."""
    TOMBSTONES = 4
    """Deleted items of arrays that still have others."""
    ARGUMENTS = 5
    """Arguments records by first jid and index of their first item."""
    ENDS = 6
    """Ends records by first jid and index of their first item."""
    ATTEMPTS = 7
    """Attempt marks by first jid and index of their first item; never overlapping."""
    SUBMISSIONS = 8
    """First jids by client and sequence."""
    BLOBS = 9
    """Content-addressed bytes by hash."""
    FILES = 10
    """Files and their owners, both ways round."""
    COUNTERS = 11
    """Numbers by name."""
    NOTES = 12
    """Bytes by name."""


class FileKind(StrEnum):
    """The kinds of files that records name."""

    SEGMENT = "s"
    """A large payload under `segments/`."""
    SPOOL = "o"
    """Output of jobs under `spool/`."""


_JID = struct.Struct(">Q")
_ITEM = struct.Struct(">QI")
_NAME = re.compile(r"[0-9A-Za-z_-][0-9A-Za-z_.-]{0,127}")
_BY_FILE = b"f"
_BY_OWNER = b"o"
_ARRAY = b"a"
_BLOB = b"b"
MAX_KEY = 511
"""Longest key of LMDB in bytes."""
MAX_CLIENT = 200
"""Longest client id in bytes: LMDB's keys end at 511."""


def jid(first: int) -> bytes:
    """Return the key of what belongs to a whole array."""
    return _JID.pack(first)


def jid_of(key: bytes | memoryview) -> int:
    """Return the jid at the beginning of a key."""
    return int(_JID.unpack_from(key)[0])


def item(first: int, start: int) -> bytes:
    """Return the key of a record of items that begins at index `start`."""
    return _ITEM.pack(first, start)


def item_of(key: bytes | memoryview) -> tuple[int, int]:
    """Return the first jid and the index of an item key."""
    first, start = _ITEM.unpack(key)
    return first, start


def submission(client: str, sequence: int) -> bytes:
    """Return the key of a client's submission.

    Raises:
        ValueError: for a client id that is empty or too long.
    """
    name = client.encode()
    if not name or len(name) > MAX_CLIENT:
        raise ValueError(f"a client id has 1 to {MAX_CLIENT} bytes, not {len(name)}")
    return b"%b\0%b" % (name, _JID.pack(sequence))


def blob(hash_: str) -> bytes:
    """Return the key of a blob.

    Raises:
        ValueError: for a text that cannot be a hash.
    """
    if not _NAME.fullmatch(hash_):
        raise ValueError(f"{hash_!r} is not a hash")
    return hash_.encode()


def name(text: str) -> bytes:
    """Return the key of a note or a counter."""
    return text.encode()


def check_file_name(text: str) -> str:
    """Return the name of a file under segments or spool, if it can be one: it never leads out of its folder.

    Raises:
        ValueError: for anything else.
    """
    if not _NAME.fullmatch(text):
        raise ValueError(f"{text!r} cannot be the name of a segment or a spool")
    return text


def array_owner(first: int) -> bytes:
    """Return an array as an owner of files."""
    return _ARRAY + _JID.pack(first)


def blob_owner(hash_: str) -> bytes:
    """Return a blob as an owner of files."""
    return _BLOB + blob(hash_)


def file_prefix(kind: FileKind, file: str) -> bytes:
    """Return what the keys of all owners of one file begin with."""
    return b"%b%b%b\0" % (_BY_FILE, kind.encode(), check_file_name(file).encode())


def owner_prefix(owner: bytes) -> bytes:
    """Return what the keys of all files of one owner begin with."""
    return _BY_OWNER + owner + b"\0"


def file_keys(kind: FileKind, file: str, owner: bytes) -> tuple[bytes, bytes]:
    """Return both keys of one naming: by file and by owner."""
    return file_prefix(kind, file) + owner, owner_prefix(owner) + kind.encode() + file.encode()


def file_of(key: bytes | memoryview, prefix: bytes) -> tuple[FileKind, str]:
    """Return the file that a key behind `owner_prefix` names."""
    text = bytes(key[len(prefix) :]).decode()
    return FileKind(text[:1]), text[1:]


def named_file(key: bytes | memoryview) -> tuple[FileKind, str] | None:
    """Return the file of a by-file key, None for the other way round."""
    text = bytes(key)
    if text[:1] != _BY_FILE:
        return None
    return FileKind(text[1:2].decode()), text[2 : text.index(b"\0")].decode()


ALL_FILES = _BY_FILE
"""Prefix of all by-file keys."""


def describe(table: Table, key: bytes | memoryview) -> str:
    """Return a record's name for people, such as 'ends 17[400]'."""
    raw = bytes(key)
    label = table.name.lower()
    if table in (Table.ARRAYS, Table.OPEN, Table.FINISHED, Table.TOMBSTONES) and len(raw) == _JID.size:
        return f"{label} {jid_of(raw)}"
    if table in (Table.ARGUMENTS, Table.ENDS, Table.ATTEMPTS) and len(raw) == _ITEM.size:
        first, start = item_of(raw)
        return f"{label} {first}[{start}]"
    return f"{label} {raw.decode('ascii', 'backslashreplace')}"
