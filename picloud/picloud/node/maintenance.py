"""What people ask of the node itself: to check its store, to back it up, to end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from picloud.exceptions import ArgumentValueError
from picloud.node.reactor import Reactor
from picloud.node.sessions import Handler, Session
from picloud.store import backup, integrity
from picloud.store.environment import Environment
from picloud.wire import messages
from picloud.wire.channel import Received


class Maintenance:
    """Handles `Stop`, `Check` and `Backup`."""

    def __init__(self, reactor: Reactor, environment: Environment, stop: Callable[[], None]) -> None:
        """Work on the node's own store."""
        self._reactor = reactor
        self._environment = environment
        self._stop = stop

    def handlers(self) -> dict[type[messages.Message], Handler]:
        """Return what this part answers."""
        return {messages.Stop: self._end, messages.Check: self._check, messages.Backup: self._backup}

    def _end(self, session: Session, received: Received) -> None:
        session.reply(messages.Accepted())
        self._stop()

    def _check(self, session: Session, received: Received) -> None:
        def answer() -> dict[str, Any]:
            return asdict(integrity.check(self._environment))

        self._in_thread(session, answer)

    def _backup(self, session: Session, received: Received) -> None:
        message = received.message
        assert isinstance(message, messages.Backup)
        directory = Path(message.directory)
        if not directory.is_absolute():
            raise ArgumentValueError("A backup's folder is given as an absolute path")

        def answer() -> dict[str, Any]:
            made = backup.backup(self._environment, directory)
            return {**asdict(made), "directory": str(made.directory)}

        self._in_thread(session, answer)

    def _in_thread(self, session: Session, answer: Callable[[], dict[str, Any]]) -> None:
        """Answer from a thread: reading the whole store takes long, and the loop goes on meanwhile."""
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(None, answer)
        future.add_done_callback(
            lambda done: session.guarded(lambda: session.reply(messages.NodeFacts(done.result())))()
        )
