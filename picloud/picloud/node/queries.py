"""Questions about jobs and about the node that do not wait."""

from __future__ import annotations

import os
from typing import Any

from picloud.model import job
from picloud.model.array import JobArray
from picloud.model.facts import encode as encode_facts
from picloud.node.facts import Facts
from picloud.node.reactor import Reactor
from picloud.node.reads import Kept, Piece, Reader
from picloud.node.sessions import Handler, Session
from picloud.node.waiting import as_ranges
from picloud.store.environment import Environment
from picloud.store.tables import Tables
from picloud.wire import messages
from picloud.wire.channel import Received


class Queries:
    """Handles `GetStatus`, `GetInfo`, `ListArrays` and `NodeStatus`."""

    def __init__(
        self,
        reactor: Reactor,
        reader: Reader,
        tables: Tables,
        facts: Facts,
        environment: Environment,
        node: dict[str, Any],
    ) -> None:
        """Read from the node's own tables; `node` is what is known of the node since its start."""
        self._reactor = reactor
        self._reader = reader
        self._tables = tables
        self._facts = facts
        self._environment = environment
        self._node = node

    def handlers(self) -> dict[type[messages.Message], Handler]:
        """Return what this part answers."""
        return {
            messages.GetStatus: self._get_status,
            messages.GetInfo: self._get_info,
            messages.ListArrays: self._list_arrays,
            messages.NodeStatus: self._node_status,
        }

    def _get_status(self, session: Session, received: Received) -> None:
        message = received.message
        assert isinstance(message, messages.GetStatus)
        ranges = as_ranges(message.ranges)
        self._reader.pieces(ranges)
        self._reactor.harvest_all()

        def answer() -> None:
            kept = Kept()
            codes = [self._reader.codes(piece, kept) for piece in self._reader.pieces(ranges)]
            session.reply(messages.Statuses(), (b"".join(codes),))

        self._reactor.committer.after(session.guarded(answer))

    def _get_info(self, session: Session, received: Received) -> None:
        message = received.message
        assert isinstance(message, messages.GetInfo)
        ranges = as_ranges(message.ranges)
        self._reactor.harvest_all()

        def answer() -> None:
            page = self._facts.page(ranges, frozenset(message.facts), self._reactor.clock.wall())
            text = encode_facts(page.groups)
            session.reply(messages.Info(len(text), [list(pair) for pair in page.rest]), (text, *page.body))

        self._reactor.committer.after(session.guarded(answer))

    def _list_arrays(self, session: Session, received: Received) -> None:
        message = received.message
        assert isinstance(message, messages.ListArrays)

        def answer() -> None:
            found: list[dict[str, Any]] = []
            for array in self._tables.arrays(backwards=True):
                if message.before is not None and array.first >= message.before:
                    continue
                if message.label is None or array.options.label == message.label:
                    found.append(self.describe(array))
                    if len(found) >= message.limit:
                        break
            session.reply(messages.Arrays(found))

        self._reactor.committer.after(session.guarded(answer))

    def describe(self, array: JobArray) -> dict[str, Any]:
        """Return one array's facts with its counts by status."""
        live = self._reactor.live.get(array.first)
        summary = self._tables.finished(array.first) if live is None else None
        codes = self._reader.codes(Piece(array, 0, array.count, live, summary))
        counts = {str(status): codes.count(code) for status, code in job.CODES.items() if codes.count(code)}
        return {
            "first": array.first,
            "count": array.count,
            "name": array.name,
            "label": array.options.label,
            "created": array.created,
            "finished": summary.finished if summary is not None else None,
            "counts": counts,
            "deleted": [[array.first + low, array.first + high] for low, high in self._tables.deleted(array.first)],
        }

    def _node_status(self, session: Session, received: Received) -> None:
        reactor = self._reactor
        unfinished = sum(sum(live.states.count(code) for code in range(job.DONE)) for live in reactor.live)
        session.reply(
            messages.NodeFacts(
                {
                    **self._node,
                    "pid": os.getpid(),
                    "uptime": reactor.clock.monotonic() - self._node["monotonic"],
                    "arrays": len(reactor.live),
                    "unfinished": unfinished,
                    "processing": sum(1 for worker in reactor.workers.values() if worker.chunk is not None),
                    "workers": len(reactor.workers),
                    "supervisors": len(reactor.supervisors),
                    "commits": reactor.committer.commits,
                    "store_bytes": self._environment.used(),
                    "room": self._environment.room(),
                    "next_jid": self._tables.next_jid(),
                }
            )
        )
