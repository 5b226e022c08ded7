from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from picloud.cli.output import (
    SCHEMA,
    Form,
    ago,
    error_facts,
    print_facts,
    print_json,
    print_table,
    record,
    to_json,
)
from picloud.exceptions import CloudException, UnknownJobError


def test_a_table_has_columns_four_spaces_apart(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(Form.DEFAULT, ("jid", "status"), [(7, "done"), (12345, "processing")])
    assert capsys.readouterr().out == "jid      status\n7        done\n12345    processing\n"


def test_a_table_without_header(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(Form.NO_HEADER, ("jid", "status"), [(7, "done")])
    assert capsys.readouterr().out == "7    done\n"


def test_an_empty_table(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(Form.NO_HEADER, ("jid", "status"), [])
    print_table(Form.DEFAULT, ("jid", "status"), [])
    assert capsys.readouterr().out == "jid    status\n"


def test_facts_of_several_lines_are_indented(capsys: pytest.CaptureFixture[str]) -> None:
    print_facts({"status": "done", "stdout": "one\ntwo\n", "stderr": ""})
    assert capsys.readouterr().out == "status: done\nstdout:\n  one\n  two\nstderr: \n"


def test_json_is_one_value(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({1: "ä", "at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)})
    assert json.loads(capsys.readouterr().out) == {"1": "ä", "at": "2026-01-02T03:04:05+00:00"}


def test_times_without_zone_are_local_ones() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert to_json(moment.astimezone().replace(tzinfo=None)) == '"2026-01-02T03:04:05+00:00"'


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", 1j])
def test_what_json_cannot_hold(value: object) -> None:
    with pytest.raises(TypeError, match=f"a {type(value).__name__} has no JSON form"):
        to_json({"deep": [value]})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_has_no_infinite_numbers(value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_json(value)


def test_records_carry_the_version_of_their_shape() -> None:
    assert record({"pid": 1}) == {"schema": SCHEMA, "pid": 1}


def test_errors_as_facts() -> None:
    assert error_facts(CloudException("no", hint="try")) == {"code": "cloud.error", "msg": "no", "hint": "try"}
    assert error_facts(UnknownJobError("gone", jid=3)) == {"code": "job.unknown", "msg": "gone", "hint": None, "jid": 3}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0 seconds"), (59, "59 seconds"), (60, "1 minute"), (7200, "2 hours"), (86400, "1 day"), (200000, "2 days")],
)
def test_time_spans(seconds: float, text: str) -> None:
    assert ago(seconds) == text
