"""The node's command line: `python -m picloud.node.main --home DIR`; clients start it so, and people by `picloud node start`.

It writes one JSON line to stdout: `{"ready": true, "pid": N}`, `{"running": true}` if another node holds the home, or
`{"error": facts}`; then it leaves the terminal.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import shutil
import sys
from pathlib import Path

from picloud.exceptions import CloudException, NodeError
from picloud.model.settings import Settings, from_environment
from picloud.node import allocator, launch, machine, orphans
from picloud.node.home import Home, prepare
from picloud.node.jids import SharedJids
from picloud.node.lock import FileLock
from picloud.node.node import Node

_log = logging.getLogger("picloud.node")


def main(argv: list[str] | None = None) -> int:
    """Run a node until it is stopped; return its exit status."""
    options = _options(argv)
    os.umask(0o077)
    try:
        settings = from_environment(os.environ)
        home = prepare(Path(options.home).absolute())
        lock = FileLock(home.lock)
        if not lock.try_exclusive():
            launch.report({"running": True})
            return 0
    except CloudException as error:
        launch.report({"error": error.to_wire()})
        return 1
    except OSError as error:
        launch.report({"error": NodeError(f"The node cannot start: {error}").to_wire()})
        if options.private:  # Its client has closed it, and removed the folder under it, before it got this far.
            shutil.rmtree(options.home, ignore_errors=True)
        return 1
    if not options.foreground and not options.private:
        # The lock belongs to the open file, which the children share: it is held until the last of them ends.
        launch.detach()
    elif options.private and os.getsid(0) != os.getpid():
        os.setsid()
    try:
        return _run(options, settings, home, lock)
    finally:
        if options.private:
            shutil.rmtree(home.path, ignore_errors=True)
        lock.release()


def _run(options: argparse.Namespace, settings: Settings, home: Home, lock: FileLock) -> int:
    log = Path(options.log) if options.log else home.log
    launch.start_logging(log, settings.log_level, to_terminal=options.foreground)
    lock.note(f"{os.getpid()}\n")
    orphans.become_subreaper()
    machine.raise_limits()
    allocator.keep_memory()
    os.chdir("/")
    loop = _loop()
    try:
        jids = SharedJids(options.jids) if options.jids is not None else None
        node = Node(home, settings, loop, options.private, jids, options.lease)
        node.start()
    except CloudException as error:
        _log.error("the node cannot start: %s", error)
        launch.report({"error": error.to_wire()})
        return 1
    except Exception as error:
        _log.exception("the node cannot start")
        launch.report({"error": NodeError(f"The node cannot start: {error!r}", hint=f"see {log}").to_wire()})
        return 1
    _log.info("node %d serves %s, durability %s", os.getpid(), home.path, settings.durability)
    loop.call_soon(_say_ready, None if options.foreground else log)
    try:
        loop.run_until_complete(node.stopped)
    finally:
        node.close()
        _log.info("node %d has ended", os.getpid())
    return node.exit_code


def _say_ready(log: Path | None) -> None:
    """Leave the starter's terminal for the log, then tell the starter that the node runs and heeds signals."""
    facts = {"ready": True, "pid": os.getpid()}
    if log is None:
        launch.report(facts)
        return
    before = launch.leave_terminal(log)
    launch.report(facts, before)
    os.close(before)


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="picloud.node.main", description="Run picloud's node.")
    parser.add_argument("--home", required=True, help="folder of the node")
    parser.add_argument("--foreground", action="store_true", help="stay attached to the terminal")
    parser.add_argument(
        "--private", type=int, default=0, metavar="PID", help="end when this process ends, and remove the folder"
    )
    parser.add_argument("--log", metavar="FILE", help="its log; node.log in the home if it is not named")
    parser.add_argument(
        "--lease", type=int, metavar="FD", help="descriptor of a pipe: end when its other end is closed"
    )
    parser.add_argument("--jids", type=int, metavar="FD", help="descriptor of a counter of jids that nodes share")
    return parser.parse_args(argv)


def _loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


if __name__ == "__main__":
    sys.exit(main())
