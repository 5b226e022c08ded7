"""Supervisors that cannot be had: their jobs end and say why; and what makes one supervisor enough or not."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from picloud.model import job
from picloud.model.context import Context

from .conftest import PYTHON, Client, Run, changed_node, context, supervisors, until


def same(value: object) -> object:
    return value


def _program(folder: Path, text: str) -> str:
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def _refused(client: Client, where: Context) -> str:
    """Return what jobs of this context say, all of which must end as errors, while others go on."""
    jids = client.map(same, range(3), where=where)
    once = client.call(same, 1, where=where, restartable=False)
    ends = client.ends(jids, once)
    assert {(end.status, end.cause) for end in ends.values()} == {(job.ERROR, "lost")}
    assert client.result(client.call(same, 1)) == 1
    (text,) = {end.text for end in ends.values()}
    return text


def test_an_interpreter_that_is_not_there_is_named(client: Client, tmp_path: Path) -> None:
    missing = str(tmp_path / "no" / "python")
    assert missing in _refused(client, context(executable=missing))


def test_an_interpreter_that_is_none_is_named(client: Client, tmp_path: Path) -> None:
    (tmp_path / "python").write_text("this is no program")
    assert str(tmp_path / "python") in _refused(client, context(executable=str(tmp_path / "python")))
    assert str(tmp_path) in _refused(client, context(executable=str(tmp_path)))


def test_an_interpreter_that_ends_at_once_is_an_end(client: Client, tmp_path: Path) -> None:
    program = _program(tmp_path, "echo 'I would rather not' >&2; exit 3")
    text = _refused(client, context(executable=program))
    assert program in text
    assert "node logs" in text
    assert "I would rather not" in (client.home / "node.log").read_text()


def test_an_interpreter_that_says_something_else_is_an_end(client: Client, tmp_path: Path) -> None:
    program = _program(tmp_path, 'for last; do :; done; echo "Hello, who is there, and what do you want?" >&$last')
    _refused(client, context(executable=program))


@pytest.mark.parametrize("version", ["3.10", "2.7", "4.0"])
def test_another_minor_version_of_python_is_refused_with_both(client: Client, version: str) -> None:
    text = _refused(client, context(python=version, prefix=f"/opt/python-{version}"))
    assert f"Python {version}" in text
    assert f"Python {PYTHON}" in text


def test_dependents_of_jobs_that_could_not_start_are_stalled(client: Client) -> None:
    first = client.call(same, 1, where=context(executable="/nonexistent/python"))
    second = client.call(same, 1, depends_on=[[first, first + 1]])
    assert client.end(second).meta["cause"][:2] == ["dependency", first]


def test_an_interpreter_that_comes_later_serves_later_jobs(client: Client, tmp_path: Path) -> None:
    path = str(tmp_path / "python")
    where = context(executable=path)
    assert path in client.end(client.call(same, 1, where=where)).text
    assert _program(tmp_path, f'exec {sys.executable} "$@"') == path
    assert client.result(client.call(same, 1, where=where)) == 1


def test_each_set_of_variables_that_the_interpreter_reads_has_a_supervisor(run: Run) -> None:
    def hash_seed() -> tuple[str | None, int, int]:
        return os.environ.get("PYTHONHASHSEED"), hash("seed"), os.getppid()

    with run() as node, Client(node.home) as client:
        plain = context()
        seeded = [context(environment=(("PATH", os.defpath), ("PYTHONHASHSEED", str(seed)))) for seed in (1, 2)]
        told = [client.result(client.call(hash_seed, where=where)) for where in (plain, *seeded, plain, *seeded)]
        assert told[:3] == told[3:]
        assert [seed for seed, _, _ in told[:3]] == [None, "1", "2"]
        assert len({parent for _, _, parent in told}) == len({value for _, value, _ in told}) == 3
        assert {process.pid for process in supervisors(node.process.pid)} == {parent for _, _, parent in told}


def test_a_supervisor_that_is_lost_while_it_starts_is_no_end_of_its_jobs(run: Run, tmp_path: Path) -> None:
    """It never came up, which a job cannot survive: it says so, and the next one starts another."""
    started = tmp_path / "started"
    program = _program(tmp_path, f"echo $$ > {started}.new; mv {started}.new {started}; exec sleep 60")
    with run() as node, Client(node.home) as client:
        jid = client.call(same, 1, where=context(executable=program))
        until(started.exists, "it has started")
        os.kill(int(started.read_text()), 9)
        assert client.end(jid).cause == "lost"
        assert client.result(client.call(same, 1)) == 1


def test_a_supervisor_that_never_answers_is_given_up(home: Path, tmp_path: Path) -> None:
    program = _program(tmp_path, "exec sleep 60")
    change = "from picloud.node import supervisors; supervisors.READY_WITHIN = 1.0"
    with changed_node(home, change) as node, Client(node.home) as client:
        end = client.end(client.call(same, 1, where=context(executable=program)))
        assert (end.status, end.cause) == (job.ERROR, "lost")
        assert f"{program} was not ready to run jobs after 1 s" in end.text


def test_a_supervisor_that_never_answers_does_not_hold_up_its_nodes_end(run: Run, tmp_path: Path) -> None:
    program = _program(tmp_path, "exec sleep 60")
    with run() as node, Client(node.home) as client:
        jid = client.call(same, 1, where=context(executable=program))
        until(lambda: client.node()["supervisors"] == 1, "it was started")
        assert client.status(jid) == job.QUEUED
        node.process.terminate()
        assert node.process.wait() == 0
