"""How answers are printed: PiCloud's tables, lines and blocks, or one JSON value."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import rich_click as click

from picloud.exceptions import CloudException

SCHEMA = 1
"""Version of the JSON records that are not PiCloud's own shapes; they only ever gain fields within one."""

_GAP = " " * 4


class Form(StrEnum):
    """What `-o` chooses."""

    DEFAULT = "default"
    """Text with headers."""
    NO_HEADER = "no-header"
    """Text without headers."""
    JSON = "json"
    """One JSON value."""


def record(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return facts as a JSON record of ours, with the version of its shape."""
    return {"schema": SCHEMA, **facts}


def to_json(value: object) -> str:
    """Return JSON text; times become ISO 8601 in UTC, and those without a zone are taken for local ones.

    Raises:
        TypeError: if JSON cannot hold it.
        ValueError: if it holds itself, or a number that is not finite.
    """
    return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_plain)


def print_json(value: object) -> None:
    """Print one JSON value, as `to_json` writes it."""
    click.echo(to_json(value))


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    raise TypeError(f"a {type(value).__name__} has no JSON form")


def print_table(form: Form, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print columns, four spaces apart, under a header line unless the form has none."""
    lines = [[str(cell) for cell in row] for row in rows]
    if form is not Form.NO_HEADER:
        lines.insert(0, list(header))
    if not lines:
        return
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    click.echo(
        "\n".join(
            _GAP.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
        )
    )


def print_facts(facts: Mapping[str, object]) -> None:
    """Print one line a fact, its name before it; text of several lines is indented below the name."""
    for name, value in facts.items():
        text = str(value)
        if "\n" in text:
            click.echo(f"{name}:")
            click.echo("\n".join(f"  {line}" for line in text.rstrip("\n").split("\n")))
        else:
            click.echo(f"{name}: {text}")


def error_facts(error: CloudException) -> dict[str, Any]:
    """Return an error as its JSON form has it."""
    facts: dict[str, Any] = {"code": error.code, "msg": str(error.parameter), "hint": error.hint}
    return facts if error.jid is None else {**facts, "jid": error.jid}


def ago(seconds: float) -> str:
    """Return a time span in its largest unit, such as `3 days`."""
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            number = int(seconds // length)
            return f"{number} {unit}{'s' if number > 1 else ''}"
    return f"{seconds:.0f} seconds"
