"""Handing a chunk to a worker: tickets, the content that it lacks, arguments, open segments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from picloud.model.array import JobArray
from picloud.node.commit import Committer
from picloud.node.contents import Contents
from picloud.node.link import duplicate
from picloud.node.live import LiveArrays
from picloud.node.workers import RunningChunk, Worker
from picloud.scheduler import effects
from picloud.store.tables import Tables
from picloud.wire import messages


class Dispatcher:
    """Sends chunks; those that may not restart only after the store knows that they started."""

    def __init__(self, home: Path, live: LiveArrays, tables: Tables, committer: Committer, contents: Contents) -> None:
        """Work on the node's own tables."""
        self._segments = home / "segments"
        self._live = live
        self._tables = tables
        self._committer = committer
        self._contents = contents

    def send(self, worker: Worker, effect: effects.Dispatch) -> None:
        """Hand out what the scheduler decided."""
        live = self._live.get(effect.first)
        if live is None:
            return
        count = effect.stop - effect.start
        worker.prepare(
            RunningChunk(
                seq=effect.seq,
                first=effect.first,
                start=effect.start,
                count=count,
                attempt=effect.attempt,
                group=effect.group,
                tickets=-(-count // effect.group),
            )
        )
        if live.array.options.restartable:
            self._transmit(worker, live.array, effect)
            return
        self._committer.batch.put_attempt(effect.first, effect.start, effect.stop, effect.attempt, started=True)
        self._committer.after(lambda: self._transmit(worker, live.array, effect))

    def _transmit(self, worker: Worker, array: JobArray, effect: effects.Dispatch) -> None:
        live = self._live.get(effect.first)
        if live is None or worker.link.closed:
            return
        self._load(worker, "bundle", live.pool.context.bundle)
        self._load(worker, "context", array.context)
        self._load(worker, "function", array.function)
        record, segments = live.arguments(effect.start, effect.stop, self._tables)
        worker.link.send(
            messages.Chunk(
                seq=effect.seq,
                first=effect.first,
                start=effect.start,
                count=effect.stop - effect.start,
                group=effect.group,
                attempt=effect.attempt,
                function=array.function,
                context=array.context,
                is_map=array.is_map,
                segments=segments,
                options=_worker_options(array),
            ),
            (record,),
            [duplicate(str(self._segments / segment)) for segment in segments],
        )

    def _load(self, worker: Worker, kind: str, hash_: str) -> None:
        if not hash_ or hash_ in worker.holds:
            return
        content = self._contents.get(hash_)
        if isinstance(content, str):
            worker.link.send(messages.Load(kind, hash_, True), (), (duplicate(str(self._segments / content)),))
        else:
            worker.link.send(messages.Load(kind, hash_, False), (content,))
        worker.holds.add(hash_)


def _worker_options(array: JobArray) -> dict[str, Any]:
    """Return the options that a worker needs, those that differ from the usual alone."""
    options = array.options
    wanted: dict[str, Any] = {}
    if options.kill_process:
        wanted["kill_process"] = True
    if options.fast_serialization:
        wanted["fast_serialization"] = options.fast_serialization
    return wanted
