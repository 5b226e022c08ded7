"""`picloud status|result|join|info|kill|delete JIDS`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

import rich_click as click

from picloud.cli.commands import Command, Options, ReadingCommand, parsed
from picloud.cli.jids import Selection, parse_jids
from picloud.cli.output import Form, error_facts, print_facts, print_json, print_table, to_json
from picloud.cli.source import NodeSource, open_node, open_source
from picloud.client import info as client_info
from picloud.client import waiting
from picloud.exceptions import CloudException, SerializationError
from picloud.model import job
from picloud.model.ids import JidRange, count, each
from picloud.wire import messages

_F = TypeVar("_F", bound=Callable[..., Any])
_ALL = "all"
_PYTHON_VALUES = frozenset({"args", "kwargs", "func_object", "profile_stats"})


def _jids(function: _F) -> _F:
    return click.argument("jids", metavar="JIDS", callback=parsed(parse_jids))(function)


def _timeout(function: _F) -> _F:
    text = "Seconds to wait at most; 0 looks once."
    return click.option("-t", "--timeout", type=click.FloatRange(min=0), metavar="SEC", help=text)(function)


@click.command(cls=ReadingCommand)
@_jids
@click.pass_obj
def status(options: Options, jids: Selection) -> None:
    """Print the status of jobs."""
    with open_source(options) as source:
        ranges = jids.ranges(source.newest_first)
        codes = source.statuses(ranges)
    states = [str(state) for state in job.BY_CODE]
    rows = ((jid, states[code]) for jid, code in zip(each(ranges), codes, strict=True))
    if options.json:
        print_json(dict(rows))
    else:
        print_table(options.form, ("jid", "status"), rows)


@click.command(cls=ReadingCommand)
@_jids
@_timeout
@click.option("-i", "--ignore-errors", is_flag=True, help="Print what went wrong in the place of a result.")
@click.pass_obj
def result(options: Options, jids: Selection, timeout: float | None, ignore_errors: bool) -> None:
    """Wait for jobs and print what they returned.

    Text is printed as it is, other values as Python writes them. With --json a value that JSON cannot hold is an error.
    """
    _find_modules_here()
    with open_source(options) as source:
        ranges = jids.ranges(source.newest_first)
        values = source.results(ranges, timeout, ignore_errors)
    if options.json:
        shown = {jid: _json_of(value) for jid, value in zip(each(ranges), values, strict=True)}
        print_each_as_json(shown, single=count(ranges) == 1)
    elif count(ranges) == 1:
        if values[0] is not None:
            click.echo(text_of(values[0]))
    else:
        for jid, value in zip(each(ranges), values, strict=True):
            if options.form is not Form.NO_HEADER:
                click.echo(f"Result for jid {jid}:")
            click.echo(text_of(value))


@click.command(cls=Command)
@_jids
@_timeout
@click.pass_obj
def join(options: Options, jids: Selection, timeout: float | None) -> None:
    """Wait until jobs have ended; fail if one did not end well."""
    with open_node() as source:
        waited = waiting.wait(source.session, jids.ranges(source.newest_first), "failure", timeout)
        if waited.failed is not None:
            raise _error_of(source, waited.failed)
        if not waited.satisfied:
            raise waiting.timed_out("picloud join timed out", waited)
    _nothing(options)


def _error_of(source: NodeSource, jid: int) -> CloudException:
    error = source.results([(jid, jid + 1)], None, ignore_errors=True)[0]
    assert isinstance(error, CloudException)
    return error


@click.command(cls=ReadingCommand)
@_jids
@click.option(
    "-o",
    "--output",
    "keys",
    metavar="KEYS",
    help=(
        f"What to print, such as {','.join(client_info.DEFAULT)} (which is the default), or all; "
        "with --json, all leaves out args, kwargs, func_object and profile_stats."
    ),
)
@click.pass_obj
def info(options: Options, jids: Selection, keys: str | None) -> None:
    """Print what is known of jobs."""
    names = info_keys(keys, as_json=options.json)
    _find_modules_here()
    with open_source(options) as source:
        found = source.info(jids.ranges(source.newest_first), names)
    if options.json:
        print_each_as_json(found, single=False)
        return
    for jid, facts in found.items():
        if options.form is not Form.NO_HEADER:
            click.echo(f"Info for jid {jid}:")
        print_facts({name: _shown(facts[name]) for name in facts})


def _shown(value: object) -> object:
    """Return a fact as text has it: of bytes, which are for programs, how many there are."""
    return "" if value is None else f"{len(value)} bytes" if isinstance(value, bytes) else value


def info_keys(text: str | None, *, as_json: bool) -> tuple[str, ...]:
    """Return the keys that a comma list names; `all` leaves out, in JSON, what seldom is.

    Raises:
        click.BadParameter: for one that there is not.
    """
    names = tuple(name for name in (text or "").replace(" ", "").split(",") if name)
    for name in names:
        if name not in client_info.NAMES and name != _ALL:
            near = get_close_matches(name, client_info.NAMES, 1)
            advice = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(client_info.NAMES))}, all"
            raise click.BadParameter(f"There is no {name!r} of a job; {advice}", param_hint="-o")
    if _ALL in names:
        left_out = _PYTHON_VALUES if as_json else frozenset()
        several = {*client_info.GROUPS, *client_info.ALIASES}
        return tuple(sorted(client_info.NAMES - several - left_out))
    return names or client_info.DEFAULT


@click.command(cls=Command)
@_jids
@click.pass_obj
def kill(options: Options, jids: Selection) -> None:
    """Kill jobs; those that have ended are left as they are."""
    with open_node() as source:
        ranges = None if jids.is_all else _as_lists(jids.ranges(source.newest_first))
        source.session.request(messages.Kill(ranges))
    _nothing(options)


@click.command(cls=Command)
@_jids
@click.pass_obj
def delete(options: Options, jids: Selection) -> None:
    """Forget jobs that have ended, with their results and output."""
    with open_node() as source:
        source.session.request(messages.Delete(_as_lists(jids.ranges(source.newest_first))))
    _nothing(options)


def _as_lists(ranges: list[JidRange]) -> list[list[int]]:
    return [list(pair) for pair in ranges]


def _nothing(options: Options) -> None:
    """Print what a command prints that has nothing to say."""
    if options.json:
        print_json(None)


def _find_modules_here() -> None:
    """Let values be rebuilt whose classes are in modules of the current folder; installed ones go first."""
    if "" not in sys.path:
        sys.path.append("")


def text_of(value: object) -> str:
    """Return a result as people read it: text as it is, an error as its message, the rest as Python writes it."""
    return value if isinstance(value, str) else str(value) if isinstance(value, CloudException) else repr(value)


def _json_of(value: object) -> object:
    return {"error": error_facts(value)} if isinstance(value, CloudException) else value


def print_each_as_json(values: Mapping[int, object], *, single: bool) -> None:
    """Print values by jid, or the only one by itself.

    Raises:
        SerializationError: naming the job and why, if JSON cannot hold one.
    """
    try:
        print_json(next(iter(values.values())) if single else values)
    except (TypeError, ValueError, RecursionError) as error:
        raise SerializationError(
            f"It cannot be written as JSON: {error}",
            jid=_culprit(values),
            hint="leave out --json to see it as Python writes it",
        ) from error


def _culprit(values: Mapping[int, object]) -> int | None:
    """Return the first job whose value is refused."""
    for jid, value in values.items():
        try:
            to_json(value)
        except (TypeError, ValueError, RecursionError):
            return jid
    return None
