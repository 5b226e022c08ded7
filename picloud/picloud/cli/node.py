"""`picloud node start|stop|status|logs|check|backup DIR`."""

from __future__ import annotations

import os
import select
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import rich_click as click

from picloud.cli import log
from picloud.cli.commands import Command, LazyGroup, Options, ReadingCommand
from picloud.cli.failures import Exit
from picloud.cli.measures import format_size
from picloud.cli.output import ago, print_facts, print_json, record
from picloud.cli.source import open_node
from picloud.client import settings
from picloud.client.connection import Connection
from picloud.exceptions import CloudTimeoutError, HomeError, NodeStoppingError, NodeUnreachableError
from picloud.wire import messages

_STEP = 0.02


@click.group(cls=LazyGroup)
def node() -> None:
    """Start, stop and look after the node."""


def _home() -> Path:
    return settings.home_of(settings.current())


def _running(home: Path) -> Connection | None:
    """Return a connection to the node that listens, without starting one."""
    try:
        return Connection(home, os.urandom(12).hex(), 0, attached=False)
    except (OSError, EOFError, NodeStoppingError):
        return None


def _connected(home: Path) -> Connection:
    connection = _running(home)
    if connection is None:
        raise NodeUnreachableError(f"No node runs on {home}", hint="start one with `picloud node start`")
    return connection


def _ask(home: Path, message: messages.Message) -> dict[str, Any]:
    """Return the facts that a running node answers with."""
    connection = _connected(home)
    try:
        return messages.expect(connection.request(message).message, messages.NodeFacts).facts
    except (OSError, EOFError) as error:
        raise NodeUnreachableError(f"The node on {home} ended before it answered") from error
    finally:
        connection.close()


@node.command(cls=Command)
@click.pass_obj
def start(options: Options) -> None:
    """Start the node, unless it runs already."""
    connection = _running(_home())
    started = connection is None
    if connection is not None:
        welcome = connection.welcome
        connection.close()
    else:
        with open_node() as source:
            welcome = source.session.open()
    if options.json:
        print_json(record({"started": started, "pid": welcome.pid, "home": welcome.home}))
    else:
        how = "Started the node" if started else "The node runs already"
        click.echo(f"{how}: pid {welcome.pid}, home {welcome.home}, durability {welcome.durability}")


@node.command(cls=Command)
@click.option("-t", "--timeout", type=click.FloatRange(min=0), metavar="SEC", help="Seconds to wait for its end.")
@click.pass_obj
def stop(options: Options, timeout: float | None) -> None:
    """End the node and wait until it has ended.

    Restartable jobs go back to the queue; the others get 30 seconds.
    """
    home = _home()
    deadline = None if timeout is None else time.monotonic() + timeout
    connection = _running(home)
    pid = connection.welcome.pid if connection is not None else None
    if connection is not None:
        _end(connection, home, deadline)
    else:
        _await_lock(home, deadline)
    if options.json:
        print_json(record({"stopped": pid is not None, "pid": pid, "home": str(home)}))
    else:
        click.echo(f"The node has ended: pid {pid}" if pid is not None else f"No node runs on {home}")


def _end(connection: Connection, home: Path, deadline: float | None) -> None:
    """Ask the node to end, and wait for the end of its process."""
    try:
        process = os.pidfd_open(connection.welcome.pid)
    except ProcessLookupError:
        connection.close()
        return
    try:
        try:
            connection.request(messages.Stop())
        except (OSError, EOFError, NodeStoppingError):
            pass  # it is on its way
        finally:
            connection.close()
        poll = select.poll()
        poll.register(process, select.POLLIN)
        left = None if deadline is None else max(0.0, deadline - time.monotonic()) * 1000
        if not poll.poll(left):
            raise _still_ending(home)
    finally:
        os.close(process)


def _await_lock(home: Path, deadline: float | None) -> None:
    """Wait for a node that has stopped listening and is still ending: it holds the lock until then."""
    from picloud.node.lock import FileLock

    path = home / "node.lock"
    if not path.exists():
        return
    lock = FileLock(path)
    try:
        while not lock.try_exclusive():
            if deadline is not None and time.monotonic() >= deadline:
                raise _still_ending(home)
            time.sleep(_STEP)
    finally:
        lock.release()


def _still_ending(home: Path) -> CloudTimeoutError:
    return CloudTimeoutError(
        f"The node on {home} has not ended yet", hint="it goes on ending; ask again, or wait longer"
    )


@node.command(cls=Command)
@click.pass_obj
def status(options: Options) -> None:
    """Print how the node is; fail with 3 if none runs."""
    facts = _ask(_home(), messages.NodeStatus())
    facts.pop("monotonic", None)
    if options.json:
        print_json(record(facts))
        return
    shown = {name: value for name, value in facts.items() if name not in {"limits", "generation"}}
    shown |= {f"limit {name}": value for name, value in facts.get("limits", {}).items()}
    shown["uptime"] = ago(facts["uptime"])
    shown["started"] = datetime.fromtimestamp(facts["started"], UTC).astimezone().isoformat(timespec="seconds")
    shown["cpus"] = ", ".join(map(str, facts["cpus"]))
    shown["store"] = f"{format_size(shown.pop('store_bytes'))}, room for {format_size(shown.pop('room'))}"
    print_facts(shown)


@node.command(cls=Command)
@click.option("-n", "--lines", type=click.IntRange(min=0), default=50, show_default=True, help="Lines from the end.")
@click.option("-f", "--follow", is_flag=True, help="Go on printing what is added, until Ctrl-C.")
@click.pass_obj
def logs(options: Options, lines: int, follow: bool) -> None:
    """Print the end of the node's log; no node needs to run."""
    if follow and options.json:
        raise click.UsageError("--json prints one value and --follow never ends: use one of them")
    path = _home() / "node.log"
    try:
        file = path.open("rb")
    except OSError as error:
        raise HomeError(f"There is no log {path}: {error.strerror}") from error
    with file:
        found = log.tail(file, lines)
        if options.json:
            print_json(record({"path": str(path), "lines": found}))
            return
        for line in found:
            click.echo(line)
        if follow:
            for text in log.follow(path, file):
                click.echo(text, nl=False)


@node.command(cls=ReadingCommand)
@click.pass_context
def check(ctx: click.Context) -> None:
    """Walk the whole store: every record's checksum, and whether the records fit each other."""
    options: Options = ctx.obj
    home = _home()
    if options.offline:
        from picloud.cli.offline import LockedHome

        with LockedHome(home) as locked:
            facts = asdict(locked.check())
    else:
        facts = _ask(home, messages.Check())
    problems = [*facts["problems"]]
    more = facts["more_problems"]
    if options.json:
        print_json(record({"ok": not problems, **facts}))
    else:
        click.echo(
            f"{facts['records']} records, {format_size(facts['size'])}: {facts['arrays']} arrays of {facts['items']} jobs"
        )
        for problem in problems:
            click.echo(f"problem: {problem}")
        if more:
            click.echo(f"and {more} more")
        click.echo("Everything fits." if not problems else f"{len(problems) + more} problems.")
    if problems:
        ctx.exit(Exit.FAILED)


@node.command(cls=ReadingCommand)
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.pass_obj
def backup(options: Options, directory: Path) -> None:
    """Copy the store into a folder that does not exist or is empty; it can then be used as a PICLOUD_HOME."""
    home = _home()
    target = directory.absolute()
    if options.offline:
        from picloud.cli.offline import LockedHome

        with LockedHome(home) as locked:
            facts = asdict(locked.backup(target, settings.current())) | {"directory": str(target)}
    else:
        facts = _ask(home, messages.Backup(str(target)))
    if options.json:
        print_json(record(facts))
    else:
        click.echo(
            f"{facts['directory']}: {format_size(facts['size'])}, {facts['files']} files of large values and output"
        )
