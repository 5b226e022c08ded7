"""Contexts: one form for equal ones, and keys that tell apart what needs another process."""

from __future__ import annotations

import dataclasses
import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picloud.model.context import Context, content_hash

CONTEXT = Context(
    executable="/v/bin/python",
    prefix="/v",
    python="3.11",
    cwd="/work",
    path=("/work", ""),
    umask=0o22,
    environment=(("A", "1"), ("HOME", "/home/ann")),
    bundle="",
)
TEXT = st.text(max_size=8)
CONTEXTS = st.builds(
    Context,
    executable=TEXT,
    prefix=TEXT,
    python=TEXT,
    cwd=TEXT,
    path=st.lists(TEXT).map(tuple),
    umask=st.integers(0, 0o777),
    environment=st.dictionaries(TEXT, TEXT).map(lambda names: tuple(sorted(names.items()))),
    bundle=TEXT,
)


@settings(max_examples=500)
@given(CONTEXTS)
def test_round_trip(context: Context) -> None:
    assert Context.decode(context.encode()) == context
    assert Context.decode(memoryview(context.encode())).encode() == context.encode()


def _with(**variables: str) -> Context:
    environment = dict(CONTEXT.environment) | variables
    return dataclasses.replace(CONTEXT, environment=tuple(sorted(environment.items())))


@pytest.mark.parametrize("name", ["LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHASHSEED"])
def test_what_is_read_at_exec_needs_another_supervisor(name: str) -> None:
    assert _with(**{name: "x"}).exec_key() != CONTEXT.exec_key()
    assert _with(**{name: "x"}).pool_key("local", "c1", 1) != CONTEXT.pool_key("local", "c1", 1)


@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "TZ", "MKL_NUM_THREADS"])
def test_what_libraries_read_once_needs_another_worker(name: str) -> None:
    assert _with(**{name: "2"}).exec_key() == CONTEXT.exec_key()
    assert _with(**{name: "2"}).pool_key("local", "c1", 1) != CONTEXT.pool_key("local", "c1", 1)


def test_what_a_worker_can_reset_shares_workers() -> None:
    other = dataclasses.replace(_with(B="2"), cwd="/other", umask=0, path=("/other",))
    assert other.pool_key("local", "c1", 1) == CONTEXT.pool_key("local", "c1", 1)


def test_place_type_cores_interpreter_and_modules_tell_pools_apart() -> None:
    keys = [
        CONTEXT.pool_key("local", "c1", 1),
        CONTEXT.pool_key("moon", "c1", 1),
        CONTEXT.pool_key("local", "c2", 1),
        CONTEXT.pool_key("local", "c2", 2),
        dataclasses.replace(CONTEXT, prefix="/w").pool_key("local", "c1", 1),
        dataclasses.replace(CONTEXT, executable="/v/bin/python3").pool_key("local", "c1", 1),
        dataclasses.replace(CONTEXT, bundle="abc").pool_key("local", "c1", 1),
    ]
    assert len(set(keys)) == len(keys)


def test_the_name_of_content() -> None:
    assert content_hash(b"abc") == hashlib.blake2b(b"abc", digest_size=20).hexdigest()
    assert content_hash(memoryview(b"abc")) == content_hash(b"abc")
