from __future__ import annotations

from typing import Any

import pytest

from picloud.cli.collect import show
from picloud.cli.main import main
from picloud.cli.output import Form
from picloud.wire import messages

ARRAY: dict[str, Any] = {
    "first": 5,
    "count": 3,
    "name": "module.f",
    "label": "night",
    "finished": 0.0,
    "size": 2500,
    "counts": {"done": 2, "error": 1},
}


@pytest.mark.parametrize(
    "words",
    [
        ["--older-than", "7x"],
        ["--larger-than", "many"],
        ["--state", "queued"],
        ["--state", "nonsense"],
        ["--older-than"],
    ],
)
def test_criteria_that_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gc", *words]) == 2
    assert words[0] in capsys.readouterr().err


def test_a_dry_run_says_that_nothing_was_deleted(capsys: pytest.CaptureFixture[str]) -> None:
    show(Form.DEFAULT, messages.Collected([ARRAY], 2500), deleted=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["jids", "function", "label", "ended", "size", "states"]
    assert lines[1].startswith("5-7 ")
    assert "night" in lines[1]
    assert lines[1].endswith("2 done, 1 error")
    assert lines[2] == "Would delete 3 jobs, 2.5 KB. Nothing was deleted: add --yes for that."


def test_what_was_deleted(capsys: pytest.CaptureFixture[str]) -> None:
    show(Form.DEFAULT, messages.Collected([{**ARRAY, "count": 1}], 10), deleted=True)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split()[0] == "5"
    assert lines[2] == "Deleted 1 job, 10 B."


def test_nothing_to_delete(capsys: pytest.CaptureFixture[str]) -> None:
    show(Form.DEFAULT, messages.Collected([], 0), deleted=True)
    assert capsys.readouterr().out == "No ended job is to go.\n"
    show(Form.NO_HEADER, messages.Collected([], 0), deleted=True)
    assert capsys.readouterr().out == ""
