"""`picloud gc`: delete ended jobs by age, label, state and size, after showing which."""

from __future__ import annotations

import time
from typing import Any

import rich_click as click

from picloud.cli.commands import Command, Options, parsed
from picloud.cli.measures import format_size, parse_duration, parse_size
from picloud.cli.output import Form, ago, print_json, print_table, record
from picloud.cli.source import open_node
from picloud.model.job import FINISHED
from picloud.wire import messages


@click.command("gc", cls=Command)
@click.option(
    "--older-than",
    metavar="AGE",
    callback=parsed(parse_duration),
    help="Only those that ended this long ago, such as 7d, 12h or 90s.",
)
@click.option("--label", metavar="PATTERN", help="Only those with this label; * and ? stand for anything.")
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice([str(state) for state in FINISHED]),
    help="Only those whose jobs all have this status; may be given again.",
)
@click.option(
    "--larger-than",
    metavar="SIZE",
    callback=parsed(parse_size),
    help="Only submissions that take at least this much, such as 10MB.",
)
@click.option("-y", "--yes", is_flag=True, help="Delete them; without it nothing is deleted.")
@click.pass_obj
def collect(
    options: Options,
    older_than: float | None,
    label: str | None,
    states: tuple[str, ...],
    larger_than: int | None,
    yes: bool,
) -> None:
    """Show which ended jobs would go, or delete them with --yes.

    Submissions are kept or deleted as a whole, and only when all their jobs have ended. All that is asked for must hold.
    """
    with open_node() as node:
        request = messages.Collect(not yes, older_than, label, list(states), larger_than)
        found = messages.expect(node.session.request(request).message, messages.Collected)
    if options.json:
        print_json(record({"dry_run": not yes, "arrays": found.arrays, "bytes": found.bytes}))
    else:
        show(options.form, found, deleted=yes)


def show(form: Form, found: messages.Collected, *, deleted: bool) -> None:
    """Print what was found as a table, and what it adds up to."""
    now = time.time()
    if found.arrays:
        header = ("jids", "function", "label", "ended", "size", "states")
        print_table(form, header, (_row(array, now) for array in found.arrays))
    if form is Form.NO_HEADER:
        return
    jobs = sum(array["count"] for array in found.arrays)
    what = f"{jobs} job{'s' if jobs != 1 else ''}, {format_size(found.bytes)}"
    if not jobs:
        click.echo("No ended job is to go.")
    elif deleted:
        click.echo(f"Deleted {what}.")
    else:
        click.echo(f"Would delete {what}. Nothing was deleted: add --yes for that.")


def _row(array: dict[str, Any], now: float) -> tuple[str, ...]:
    first, count = array["first"], array["count"]
    jids = str(first) if count == 1 else f"{first}-{first + count - 1}"
    states = ", ".join(f"{number} {state}" for state, number in array["counts"].items())
    ended = f"{ago(max(0.0, now - array['finished']))} ago"
    return jids, array["name"], array["label"], ended, format_size(array["size"]), states
