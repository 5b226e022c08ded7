"""A pool is what workers may share: interpreter, variables read at start, modules; and nothing else."""

from __future__ import annotations

from dataclasses import replace

from picloud.model.context import Context
from picloud.node.pools import pool_of

CONTEXT = Context(
    executable="/usr/bin/python3",
    prefix="/usr",
    python="3.11",
    cwd="/tmp",
    path=("/tmp",),
    umask=0o22,
    environment=(("HOME", "/root"), ("OMP_NUM_THREADS", "2")),
    bundle="",
)


def _key(context: Context) -> str:
    return pool_of(context, "local", "c1", 1).key


def test_folder_umask_and_plain_variables_do_not_divide_pools() -> None:
    other = replace(CONTEXT, cwd="/", umask=0, environment=(("HOME", "/home"), ("OMP_NUM_THREADS", "2")))
    assert _key(other) == _key(CONTEXT)


def test_variables_read_at_start_and_modules_divide_workers_but_not_supervisors() -> None:
    for other in (replace(CONTEXT, environment=(("OMP_NUM_THREADS", "4"),)), replace(CONTEXT, bundle="ab")):
        assert _key(other) != _key(CONTEXT)
        assert pool_of(other, "local", "c1", 1).supervisor == pool_of(CONTEXT, "local", "c1", 1).supervisor


def test_interpreters_and_variables_read_at_exec_divide_supervisors() -> None:
    for other in (
        replace(CONTEXT, prefix="/venv"),
        replace(CONTEXT, environment=(*CONTEXT.environment, ("PYTHONPATH", "/x"))),
    ):
        assert pool_of(other, "local", "c1", 1).supervisor != pool_of(CONTEXT, "local", "c1", 1).supervisor


def test_type_and_cores_divide_workers() -> None:
    assert pool_of(CONTEXT, "local", "c2", 2).key != pool_of(CONTEXT, "local", "c2", 4).key


def test_a_worker_starts_with_the_variables_that_libraries_read_once() -> None:
    assert pool_of(CONTEXT, "local", "c1", 1).start_environment() == {"OMP_NUM_THREADS": "2"}
