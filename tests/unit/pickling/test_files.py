"""Files as values: content, position and form, whatever was read before."""

from __future__ import annotations

import io
import pickle
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picloud.pickling.files import MemoryFile, standard_stream
from picloud.pickling.pickler import dumps
from picloud.pickling.refusals import Refused


def copied(file: Any) -> Any:
    return pickle.loads(dumps(file))


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=50),
    st.integers(0, 60),
    st.sampled_from(["utf-8", "utf-16", "utf-8-sig", "utf-7", "utf-32-le"]),
    st.sampled_from([None, ""]),
)
def test_the_rest_is_what_the_original_would_read(text: str, read: int, encoding: str, newline: str | None) -> None:
    with tempfile.NamedTemporaryFile() as raw:
        raw.write(text.encode(encoding))
        raw.flush()
        with open(raw.name, encoding=encoding, newline=newline) as file:
            file.read(read)
            copy = copied(file)
            assert copy.read() == file.read()
            copy.seek(0)
            file.seek(0)
            assert copy.read() == file.read()


@given(st.binary(max_size=50), st.integers(0, 60))
def test_bytes_at_any_position(content: bytes, read: int) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(read)
        copy = copied(file)
        assert copy.tell() == read
        assert copy.read() == content[read:]


def test_a_file_for_reading_cannot_be_written_to() -> None:
    file = MemoryFile(b"abc")
    assert not file.writable()
    with pytest.raises(io.UnsupportedOperation):
        file.write(b"d")
    file.mode = "rb+"
    assert file.write(b"d") == 1


def test_copies_of_copies(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("one\ntwo\n")
    with (tmp_path / "f").open() as file:
        file.readline()
        twice = copied(copied(file))
    assert twice.read() == "two\n"
    twice.close()
    assert copied(twice).closed


def test_streams_of_the_process_are_found_where_they_arrive() -> None:
    assert copied([sys.stdout, sys.stderr]) == [sys.stdout, sys.stderr]
    assert copied(sys.__stdout__) is sys.stdout
    assert standard_stream(io.StringIO()) is None


def test_what_reads_from_something_else_is_refused() -> None:
    file = io.TextIOWrapper(io.BufferedReader(io.BytesIO(b"abc")))
    with pytest.raises(Refused):
        dumps(file)
