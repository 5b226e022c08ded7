"""_os_env_vars: what a job finds in its environment, by name and by value, and that nobody else hears of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FAST = 30


@pytest.fixture(scope="module", autouse=True)
def _talkative() -> Iterator[None]:
    """Let the node write down all that it ever would."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PICLOUD_LOG_LEVEL", "DEBUG")
        yield


def read(*names: str) -> list[str | None]:
    return [os.environ.get(name) for name in names]


def test_variables_by_name_have_the_programs_values(cloud: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FROM_HERE", "one")
    ways: list[Any] = [["FROM_HERE"], ("FROM_HERE",), {"FROM_HERE"}, iter(["FROM_HERE"])]
    for names in ways:
        assert cloud.result(cloud.call(read, "FROM_HERE", _os_env_vars=names), timeout=FAST) == ["one"]
    assert cloud.result(cloud.call(read, "FROM_HERE"), timeout=FAST) == [None]


def test_names_that_are_not_set_are_skipped(cloud: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOT_HERE", raising=False)
    monkeypatch.setenv("EMPTY", "")
    jid = cloud.call(read, "NOT_HERE", "EMPTY", _os_env_vars=["NOT_HERE", "EMPTY"])
    assert cloud.result(jid, timeout=FAST) == [None, ""]


def test_a_dict_gives_names_and_values(cloud: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOTH", "the program's")
    variables = {"BOTH": "given", "NEW": "é = \n", "PATH": "/nowhere"}
    jid = cloud.call(read, "BOTH", "NEW", "PATH", _os_env_vars=variables)
    assert cloud.result(jid, timeout=FAST) == ["given", "é = \n", "/nowhere"]
    assert os.environ["BOTH"] == "the program's"


def test_they_are_of_the_moment_of_the_call(cloud: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    jids = []
    for number in range(3):
        monkeypatch.setenv("CHANGES", str(number))
        jids.append(cloud.call(read, "CHANGES", _os_env_vars=["CHANGES"]))
    assert cloud.result(jids, timeout=FAST) == [["0"], ["1"], ["2"]]


def test_every_item_of_a_map_has_them_and_the_next_job_has_not(cloud: ModuleType) -> None:
    jids = cloud.map(read, ["GIVEN"] * 20, _os_env_vars={"GIVEN": "x"})
    assert cloud.result(jids, timeout=FAST) == [["x"]] * 20
    assert cloud.result(cloud.map(read, ["GIVEN"] * 4), timeout=FAST) == [[None]] * 4


def test_what_a_job_sets_stays_in_that_job(cloud: ModuleType) -> None:
    def write() -> None:
        os.environ["WRITTEN"] = "1"

    cloud.join(cloud.map(lambda _: write(), range(4)), timeout=FAST)
    assert cloud.result(cloud.map(read, ["WRITTEN"] * 4, _label="next"), timeout=FAST) == [[None]] * 4


def test_variables_that_count_at_the_start_of_a_process_are_there_then(cloud: ModuleType) -> None:
    def flags() -> tuple[int, str | None]:
        import sys

        return sys.flags.utf8_mode, os.environ.get("OMP_NUM_THREADS")

    variables = {"PYTHONUTF8": "1", "OMP_NUM_THREADS": "1"}
    assert cloud.result(cloud.call(flags, _os_env_vars=variables), timeout=FAST) == (1, "1")


def test_nobody_else_hears_of_them(cloud: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither info nor an error nor the node's log has a value, nor does a process show it in its arguments."""
    secret = "hush-4711-hush"
    monkeypatch.setenv("SECRET", secret)
    found: list[str] = []
    for variables in (["SECRET"], {"OMP_SECRET": secret, "PYTHONHASHSEED": "0"}):
        jid = cloud.call(lambda: 1 / 0, _os_env_vars=variables)
        cloud.join(jid, timeout=FAST, ignore_errors=True)
        found += [repr(cloud.info(jid, "all")), str(cloud.result(jid, ignore_errors=True))]
    with pytest.raises(TypeError) as caught:
        cloud.call(read, _os_env_vars={"SECRET": secret, "OTHER": 5})
    found.append(str(caught.value))
    log = (Path(cloud.getconfigpath()) / "node.log").read_text()
    assert "serves" in log
    found.append(log)
    found += [path.read_text() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not [text for text in found if secret in text]
