from __future__ import annotations

import json
from typing import Any

import pytest

from picloud.cli import jobs
from picloud.cli.main import main
from picloud.client.info import ALIASES, GROUPS, NAMES
from picloud.exceptions import JobError, SerializationError


@pytest.mark.parametrize("command", ["status", "result", "join", "info", "kill", "delete"])
def test_jids_are_needed(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command]) == 2
    assert "JIDS" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["result", "join"])
def test_a_negative_timeout_is_wrong_usage(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "1", "--timeout", "-1"]) == 2
    assert "timeout" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["join", "kill", "delete"])
def test_what_changes_or_waits_needs_a_node(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--offline", command, "1"]) == 2
    assert "needs a node" in capsys.readouterr().err


def test_a_key_that_does_not_exist_gets_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", "1", "-o", "status,runtme"]) == 2
    assert "did you mean 'runtime'?" in capsys.readouterr().err


def test_keys_are_a_comma_list() -> None:
    assert jobs.info_keys(None, as_json=False) == ("stdout", "stderr", "status", "runtime")
    assert jobs.info_keys("status, label", as_json=False) == ("status", "label")


def test_everything_in_json_is_all_that_json_can_hold() -> None:
    everything = jobs.info_keys("all", as_json=False)
    assert set(everything) == NAMES - set(GROUPS) - set(ALIASES)
    assert set(everything) - set(jobs.info_keys("all", as_json=True)) == {
        "args",
        "kwargs",
        "func_object",
        "profile_stats",
    }
    assert jobs.info_keys("args", as_json=True) == ("args",)


@pytest.mark.parametrize(
    ("value", "text"), [("a\nb", "a\nb"), (1, "1"), (None, "None"), (b"x", "b'x'"), (["x"], "['x']")]
)
def test_values_as_text(value: Any, text: str) -> None:
    assert jobs.text_of(value) == text


def test_an_error_as_text() -> None:
    assert jobs.text_of(JobError("failed", jid=3)) == "Job 3: failed"


def test_what_json_cannot_hold_is_named() -> None:
    with pytest.raises(SerializationError, match="a set has no JSON form") as caught:
        jobs.print_each_as_json({1: "fine", 2: {"deep": {1}}}, single=False)
    assert caught.value.jid == 2
    assert caught.value.hint is not None
    assert "leave out --json" in caught.value.hint


def test_values_that_hold_themselves_are_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(SerializationError, match="Circular"):
        jobs.print_each_as_json({1: loop}, single=True)


def test_one_value_stands_alone(capsys: pytest.CaptureFixture[str]) -> None:
    jobs.print_each_as_json({4: [1, 2]}, single=True)
    assert json.loads(capsys.readouterr().out) == [1, 2]
    jobs.print_each_as_json({4: [1, 2], 5: None}, single=False)
    assert json.loads(capsys.readouterr().out) == {"4": [1, 2], "5": None}


def test_bytes_are_told_by_their_number() -> None:
    assert [jobs._shown(value) for value in (None, b"abc", "text", 0)] == ["", "3 bytes", "text", 0]
