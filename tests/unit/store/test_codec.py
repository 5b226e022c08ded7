"""MessagePack records: every field of an array survives, and the bytes of each version stay readable."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picloud.model.array import JobArray, JobOptions
from picloud.store import codec, records

TEXT = st.text(max_size=30)
JIDS = st.integers(0, 2**63 - 1)
TIMES = st.floats(allow_nan=False)
OPTIONS = st.builds(
    JobOptions,
    label=TEXT,
    priority=st.integers(-(2**31), 2**31),
    depends_on=st.lists(st.tuples(JIDS, JIDS), max_size=4).map(tuple),
    ignore_dependency_errors=st.booleans(),
    restartable=st.booleans(),
    kill_process=st.booleans(),
    max_runtime=st.none() | TIMES,
    core_type=TEXT,
    core_type_named=st.booleans(),
    cores=st.integers(1, 1000),
    fast_serialization=st.integers(0, 2),
    profile=st.booleans(),
)
ARRAYS = st.builds(
    JobArray,
    first=JIDS,
    count=st.integers(1, 2**32 - 1),
    client=TEXT,
    sequence=JIDS,
    function=TEXT,
    context=TEXT,
    name=TEXT,
    is_map=st.booleans(),
    created=TIMES,
    parent=st.none() | JIDS,
    hostname=TEXT,
    options=OPTIONS,
)


@settings(max_examples=500)
@given(ARRAYS)
def test_arrays_come_back(array: JobArray) -> None:
    assert codec.decode_array(array.first, codec.encode_array(array)) == array


def test_no_field_is_forgotten() -> None:
    """A field that the model gains must be stored, in a new version of the record."""
    assert len(fields(JobArray)) == 12
    assert len(fields(JobOptions)) == 12


def test_the_bytes_of_version_1() -> None:
    options = JobOptions("l", 5, ((1, 3),), True, False, True, 2.5, "c2", True, 2, 1, True)
    array = JobArray(7, 3, "c", 9, "f", "x", "m.f", True, 1.5, None, "h", options)
    stored = (
        "9b03a16309a166a178a36d2e66c3cb3ff8000000000000c0a1689ca16c0591920103c3c2c3cb4004000000000000a26332c30201c3"
    )
    assert records.SCHEMA == 1
    assert codec.encode_array(array).hex() == stored
    assert codec.decode_array(7, bytes.fromhex(stored)) == array


def test_the_format_record_comes_back() -> None:
    value = codec.Format("picloud", 1, "abc", 2.0)
    assert codec.decode_format(codec.encode_format(value)) == value


@pytest.mark.parametrize(
    "payload", [b"", b"\x90", b"\xff\xff", codec.encode_format(codec.Format("x", 1, "y", 0.0))[:-3]]
)
def test_another_shape_is_a_value_error(payload: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        codec.decode_array(1, payload)
    with pytest.raises(ValueError, match=r".+"):
        codec.decode_format(payload)


def test_a_small_record_is_small() -> None:
    array = JobArray(
        1, 1, "c" * 16, 1, "f" * 40, "x" * 40, "module.function at file.py:3", False, 1.7e9, None, "host", JobOptions()
    )
    assert len(codec.encode_array(array)) < 190
