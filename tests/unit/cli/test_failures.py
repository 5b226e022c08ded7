from __future__ import annotations

import json

import pytest
import rich_click as click

from picloud.cli.failures import Exit, NoNodeError, exit_status, report
from picloud.exceptions import (
    CloudException,
    CloudTimeoutError,
    HomeError,
    JobError,
    NodeStoppingError,
    NodeUnreachableError,
)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (JobError("failed", jid=1), 1),
        (CloudException("no"), 1),
        (HomeError("no"), 1),
        (ZeroDivisionError(), 1),
        (click.ClickException("no"), 1),
        (click.UsageError("what"), 2),
        (click.BadParameter("what"), 2),
        (NodeUnreachableError("no"), 3),
        (NodeStoppingError("no"), 3),
        (NoNodeError(), 3),
        (CloudTimeoutError("late"), 124),
        (KeyboardInterrupt(), 130),
        (click.Abort(), 130),
    ],
)
def test_exit_statuses(error: BaseException, status: int) -> None:
    assert exit_status(error) == status


def test_an_error_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(JobError("failed", jid=7, hint="look"), as_json=False, verbose=False) == Exit.FAILED
    assert capsys.readouterr() == ("", "picloud: Job 7: failed\nTIP: look\n")


def test_an_error_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    report(JobError("failed", jid=7, hint="look"), as_json=True, verbose=False)
    out, err = capsys.readouterr()
    assert out == ""
    assert json.loads(err) == {"error": {"code": "job.failed", "msg": "failed", "hint": "look", "jid": 7}}


def test_wrong_usage_names_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    context = click.Context(click.Command("gc"), info_name="gc")
    error = click.UsageError("what?", context)
    assert report(error, as_json=False, verbose=False) == Exit.USAGE
    assert capsys.readouterr().err == "picloud: what?\nSee `gc --help`.\n"
    report(error, as_json=True, verbose=False)
    assert json.loads(capsys.readouterr().err)["error"] == {"code": "usage", "msg": "what?", "hint": "See `gc --help`."}


def test_only_faults_of_ours_come_with_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    report(CloudException("no"), as_json=False, verbose=False)
    assert "Traceback" not in capsys.readouterr().err + "CloudException"
    report(ZeroDivisionError("oh"), as_json=False, verbose=False)
    assert "ZeroDivisionError: oh" in capsys.readouterr().err
    report(CloudException("no"), as_json=False, verbose=True)
    assert "picloud.exceptions.CloudException" in capsys.readouterr().err


def test_ctrl_c_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(KeyboardInterrupt(), as_json=False, verbose=False) == Exit.INTERRUPTED
    assert capsys.readouterr() == ("", "")
    report(KeyboardInterrupt(), as_json=True, verbose=False)
    assert json.loads(capsys.readouterr().err)["error"]["code"] == "interrupted"


def test_what_kept_a_node_from_being_reached_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    error = NoNodeError()
    error.__cause__ = HomeError("no such folder")
    assert report(error, as_json=False, verbose=False) == Exit.UNREACHABLE
    assert capsys.readouterr().err == "picloud: no such folder\n"
