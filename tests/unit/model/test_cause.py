"""Causes as data."""

from __future__ import annotations

import json

import pytest

from picloud.model.cause import Cause, CauseKind


@pytest.mark.parametrize("kind", CauseKind)
@pytest.mark.parametrize("number", [None, 9.0, 0.5])
def test_the_json_form_keeps_everything(kind: CauseKind, number: float | None) -> None:
    cause = Cause(kind, number, "what happened")
    assert Cause.from_list(json.loads(json.dumps(cause.to_list()))) == cause


@pytest.mark.parametrize(
    ("cause", "text"),
    [
        (Cause(CauseKind.SIGNAL, 11), "signal 11"),
        (Cause(CauseKind.EXIT, 3.0), "exit 3"),
        (Cause(CauseKind.EXIT), "exit"),
        (Cause(CauseKind.TIMEOUT, 60.0), "timeout"),
        (Cause(CauseKind.KILLED_BY_USER), "killed-by-user"),
        (Cause(CauseKind.DEPENDENCY, 12), "dependency"),
    ],
)
def test_the_short_form(cause: Cause, text: str) -> None:
    assert str(cause) == text


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="bad-luck"):
        Cause.from_list(["bad-luck", None, ""])
