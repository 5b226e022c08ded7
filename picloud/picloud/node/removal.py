"""Ending jobs that run, and forgetting jobs that have ended."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from picloud.exceptions import ArgumentValueError, UnfinishedJobError
from picloud.model.job import Status
from picloud.node.reactor import Reactor
from picloud.node.reads import Reader
from picloud.node.sessions import Handler, Session
from picloud.node.waiting import as_ranges
from picloud.node.waits import unfinished_in
from picloud.store import segments
from picloud.store.batch import Batch
from picloud.store.environment import Environment
from picloud.store.keys import FileKind
from picloud.store.retention import Candidate, Criteria, select
from picloud.store.tables import Tables
from picloud.wire import messages
from picloud.wire.channel import Received


class Removal:
    """Handles `Kill`, `Delete` and `Collect`."""

    def __init__(self, reactor: Reactor, reader: Reader, tables: Tables, environment: Environment) -> None:
        """Work on the reactor's arrays and the store."""
        self._environment = environment
        self._reactor = reactor
        self._reader = reader
        self._tables = tables

    def handlers(self) -> dict[type[messages.Message], Handler]:
        """Return what this part answers."""
        return {messages.Kill: self._kill, messages.Delete: self._delete, messages.Collect: self._collect}

    def _kill(self, session: Session, received: Received) -> None:
        message = received.message
        assert isinstance(message, messages.Kill)
        if message.ranges is None:
            self._reactor.kill(None)
        else:
            pieces = self._reader.pieces(as_ranges(message.ranges))
            self._reactor.kill([piece.jids for piece in pieces if piece.live is not None])
        self._reactor.committer.after(lambda: session.reply(messages.Accepted()))

    def _delete(self, session: Session, received: Received) -> None:
        message = received.message
        assert isinstance(message, messages.Delete)
        ranges = as_ranges(message.ranges)

        def delete() -> None:
            pieces = self._reader.pieces(ranges)
            for piece in pieces:
                codes = self._reader.codes(piece)
                if unfinished_in(codes):
                    at = next(index for index, code in enumerate(codes) if unfinished_in(bytes((code,))))
                    raise UnfinishedJobError(
                        "Cannot be deleted before it has ended",
                        jid=piece.jids[0] + at,
                        hint="kill it or wait for it first",
                    )
            batch = self._reactor.committer.batch
            for piece in pieces:
                batch.delete_range(piece.array.first, piece.start, piece.stop)
                if piece.live is not None:
                    piece.live.deleted.append((piece.start, piece.stop))
            self._freed(batch)
            self._reactor.committer.after(lambda: session.reply(messages.Accepted()))

        # Ends that are being committed must be in the store before their deletion is.
        self._reactor.committer.after(session.guarded(delete))

    def _collect(self, session: Session, received: Received) -> None:
        message = received.message
        assert isinstance(message, messages.Collect)
        unknown = set(message.states).difference(Status)
        if unknown:
            raise ArgumentValueError(f"There is no status {min(unknown)!r}; statuses are {', '.join(Status)}")

        def collect() -> None:
            criteria = Criteria(
                older_than=message.older_than,
                label=message.label,
                states=frozenset(Status(state) for state in message.states) or None,
                min_size=message.larger_than or 0,
            )
            found = list(select(self._environment, criteria, self._reactor.clock.wall()))
            reply = messages.Collected([_facts(each) for each in found], sum(each.size for each in found))
            if not message.dry_run and found:
                batch = self._reactor.committer.batch
                for each in found:
                    batch.forget_array(each.first)
                self._freed(batch)
                self._reactor.committer.after(self._drop_blobs)
            self._reactor.committer.after(lambda: session.reply(reply))

        self._reactor.committer.after(session.guarded(collect))

    def _drop_blobs(self) -> None:
        """Delete functions, contexts and modules that no array uses any more."""
        unused, since = self._tables.unused_blobs()
        if unused:
            batch = self._reactor.committer.batch
            batch.drop_blobs(unused, since)
            self._reactor.contents.forget(unused)
            self._freed(batch)

    def _freed(self, batch: Batch) -> None:
        self._reactor.committer.after(lambda: unlink_freed(self._reactor.home, batch, self._reactor.spools_in_use()))


def unlink_freed(home: Path, batch: Batch, in_use: frozenset[str]) -> None:
    """Remove the files that a committed batch has freed, but no spool that a worker still writes to."""
    segments.unlink(home, FileKind.SEGMENT, batch.freed_segments)
    segments.unlink(home, FileKind.SPOOL, [spool for spool in batch.freed_spools if spool not in in_use])


def _facts(candidate: Candidate) -> dict[str, Any]:
    facts = asdict(candidate)
    summary = facts.pop("summary")
    finished = summary.pop("finished")
    return {**facts, "finished": finished, "counts": {state: number for state, number in summary.items() if number}}
