"""Jids that are none, that nobody has given out, or whose job is gone or not yet done; and times that are none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from picloud.exceptions import ArgumentError, CloudTimeoutError, UnfinishedJobError, UnknownJobError

from .conftest import picloud

_CALLS: dict[str, Callable[[ModuleType, Any], Any]] = {
    "status": lambda cloud, jids: cloud.status(jids),
    "join": lambda cloud, jids: cloud.join(jids),
    "result": lambda cloud, jids: cloud.result(jids),
    "iresult": lambda cloud, jids: list(cloud.iresult(jids)),
    "iresult_unordered": lambda cloud, jids: list(cloud.iresult_unordered(jids)),
    "info": lambda cloud, jids: cloud.info(jids),
    "kill": lambda cloud, jids: cloud.kill(jids),
    "delete": lambda cloud, jids: cloud.delete(jids),
}


@pytest.mark.parametrize("name", _CALLS)
def test_jids_that_are_no_integers(name: str, cloud: ModuleType, home: Path) -> None:
    bad: list[Any] = ["asdf", b"1", 1.5, True, ["1"], [1, None], [[1]], [1.0], object(), {"a": 1}]
    for jids in bad if name == "kill" else [*bad, None]:
        with pytest.raises(TypeError, match=r"jid\(s\) must be integers") as caught:
            _CALLS[name](cloud, jids)
        assert isinstance(caught.value, ArgumentError)
    assert not any(home.iterdir())


def test_jids_that_nobody_was_given(cloud: ModuleType) -> None:
    jid = cloud.call(abs, -4)
    cloud.join(jid)
    for unknown, named in ((100_000, 100_000), ([jid, 100_000], 100_000), (range(jid, 5), 2), (0, 0), (-1, -1)):
        for name, ask in _CALLS.items():
            with pytest.raises(UnknownJobError) as caught:
                ask(cloud, unknown)
            assert str(caught.value).startswith(f"Job {named}: "), (name, unknown)
    assert cloud.result(jid) == 4


def test_the_command_line_says_the_same(cloud: ModuleType) -> None:
    cloud.join(cloud.call(abs, -4))
    for words in (("result", "7"), ("status", "1,7"), ("delete", "7"), ("kill", "7")):
        facts = picloud(*words, status=1)
        assert facts["code"] == "job.unknown"
        assert facts["jid"] == 7
    assert picloud("status", "asdf", status=2)["code"] == "usage"


def test_a_deleted_job_is_as_unknown_as_one_that_never_was(cloud: ModuleType) -> None:
    jids = cloud.map(abs, range(3))
    cloud.join(jids)
    cloud.delete(jids[1])
    with pytest.raises(UnknownJobError, match=f"Job {jids[1]}: "):
        cloud.result(jids)
    with pytest.raises(UnknownJobError, match=f"Job {jids[1]}: "):
        cloud.delete(jids[1])
    assert cloud.result([jids[0], jids[2]]) == [0, 2]


def test_an_unfinished_job_cannot_be_deleted_nor_can_its_neighbours(cloud: ModuleType) -> None:
    import time

    done = cloud.call(abs, -1)
    cloud.join(done)
    jid = cloud.call(time.sleep, 300)
    with pytest.raises(UnfinishedJobError, match=f"Job {jid}: Cannot be deleted before it has ended") as caught:
        cloud.delete([done, jid])
    assert caught.value.hint == "kill it or wait for it first"
    assert picloud("delete", str(jid), status=1)["code"] == "job.unfinished"
    assert cloud.result(done) == 1
    cloud.kill(jid)
    cloud.join(jid, ignore_errors=True)
    cloud.delete([done, jid])


@pytest.mark.parametrize("name", ["join", "result", "iresult", "iresult_unordered"])
def test_a_timeout_that_is_none(name: str, cloud: ModuleType, home: Path) -> None:
    with pytest.raises(ValueError, match="-1"):
        getattr(cloud, name)(1, timeout=-1)
    with pytest.raises(ValueError, match="nan"):
        getattr(cloud, name)(1, timeout=float("nan"))
    for timeout in ("1", [1]):
        with pytest.raises(TypeError):
            getattr(cloud, name)(1, timeout=timeout)
    assert not any(home.iterdir())


def test_a_timeout_of_nothing_looks_once(cloud: ModuleType) -> None:
    import time

    jid = cloud.call(time.sleep, 300)
    for timeout in (0, 0.05):
        with pytest.raises(CloudTimeoutError, match=r"cloud\.join timed out") as caught:
            cloud.join(jid, timeout=timeout)
        assert isinstance(caught.value, TimeoutError)
        assert caught.value.jid == [jid]
    assert picloud("join", "--timeout", "0", str(jid), status=124)["code"] == "cloud.timeout"
    cloud.kill(jid)


def test_info_of_what_does_not_exist(cloud: ModuleType) -> None:
    with pytest.raises(TypeError, match="info_requested must be a valid string value or list of strings"):
        cloud.info(1, 3)
    with pytest.raises(TypeError, match="info_requested must be a valid string value or list of strings"):
        cloud.info(1, ["status", b"stdout"])
    with pytest.raises(ValueError, match="Did you mean 'status'"):
        cloud.info(1, "statsu")
