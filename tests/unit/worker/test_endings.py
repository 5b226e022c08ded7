"""Words about items that ended badly."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest

from picloud.exceptions import SerializationError
from picloud.model.cause import Cause, CauseKind
from picloud.worker import endings


def raised(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as caught:
        return caught


def test_the_text_is_pythons() -> None:
    lines = endings.describe(raised(ValueError("why"))).splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1] == "ValueError: why"
    assert "raise error" in lines[2]


def test_frames_of_ours_are_cut_at_both_ends() -> None:
    folder = endings._OWN[0]
    space: dict[str, Any] = {"error": ValueError("why")}
    exec(compile("def own(f):\n    f()\ndef last():\n    raise error\n", folder + "loop.py", "exec"), space)

    def job() -> None:
        space["last"]()

    try:
        space["own"](job)
    except ValueError as caught:
        caught.__traceback__ = caught.__traceback__.tb_next if caught.__traceback__ else None
        text = endings.describe(caught)
    assert text.count("File ") == 1
    assert "in job" in text
    assert "loop.py" not in text


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (ValueError(), "ValueError"),
        (SystemExit(), "SystemExit"),
        (SerializationError(), "picloud.exceptions.SerializationError"),
    ],
)
def test_type_names(error: BaseException, name: str) -> None:
    assert endings.type_name(error) == name


def test_facts_of_an_exception() -> None:
    facts = endings.meta(raised(KeyError("x")), None)
    assert facts["cause"] == ["exception", None, ""]
    assert facts["type"] == "KeyError"
    assert json.loads(endings.encode_meta(facts)) == facts


def test_facts_of_a_kill_that_was_swallowed() -> None:
    cause = Cause(CauseKind.KILLED_BY_USER)
    assert endings.meta(None, cause) == {"cause": cause.to_list()}


def test_an_exception_travels_only_if_it_can_be_rebuilt() -> None:
    content = endings.pickled(KeyError("x"))
    assert content is not None
    assert pickle.loads(content).args == ("x",)

    class OwnError(Exception):
        def __init__(self, left: int, right: int) -> None:
            super().__init__(left + right)
            self.left = left

    class PickyError(Exception):
        def __setstate__(self, state: object) -> None:
            raise TypeError(state)

    class DeceivingError(Exception):
        def __reduce__(self) -> tuple[object, ...]:
            return str, ("not an exception",)

    content = endings.pickled(OwnError(1, 2))
    assert content is not None
    copy = pickle.loads(content)
    assert (copy.args, copy.left) == ((3,), 1)
    picky = PickyError(1)
    picky.state = 1  # type: ignore[attr-defined]  # an attribute that its class does not declare
    assert endings.pickled(picky) is None
    assert endings.pickled(DeceivingError()) is None
    assert endings.pickled(ValueError("x" * 1_000_000)) is None
    assert endings.pickled(ValueError(lambda: 0)) is not None


def test_long_texts_keep_both_ends() -> None:
    text = endings.describe(ValueError("a" * 1_000_000 + "end"))
    assert len(text) < 300_000
    assert text.rstrip().endswith("end")


def test_surrogates_are_text_for_json() -> None:
    facts = endings.meta(raised(ValueError("\udc80")), None)
    assert json.loads(endings.encode_meta(facts)) == facts
