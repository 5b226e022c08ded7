"""Handing a chunk to a worker: tickets, the content that it lacks, arguments, open segments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from picloud import faults
from picloud.exceptions import StoreError
from picloud.model.array import JobArray
from picloud.node.commit import Committer
from picloud.node.contents import Contents
from picloud.node.link import open_segments
from picloud.node.live import LiveArray, LiveArrays
from picloud.node.workers import RunningChunk, Worker
from picloud.scheduler import effects
from picloud.store.tables import Tables
from picloud.wire import messages
from picloud.wire.frames import MAX_DESCRIPTORS

Shortened = Callable[[Worker], None]
"""Called when a worker's chunk has fewer items than the scheduler decided."""
Unreadable = Callable[[Worker, StoreError], None]
"""Called when what a worker's chunk needs cannot be read, so that the worker was never told of it."""


class Dispatcher:
    """Sends chunks; those that may not restart only after the store knows that they started."""

    def __init__(
        self,
        home: Path,
        live: LiveArrays,
        tables: Tables,
        committer: Committer,
        contents: Contents,
        options: Mapping[str, Any],
        shortened: Shortened,
        unreadable: Unreadable,
    ) -> None:
        """Work on the node's own tables; `options` are what every chunk tells its worker of the node's settings."""
        self._options = dict(options)
        self._shortened = shortened
        self._unreadable = unreadable
        self._segments = home / "segments"
        self._live = live
        self._tables = tables
        self._committer = committer
        self._contents = contents

    def send(self, worker: Worker, effect: effects.Dispatch) -> None:
        """Hand out what the scheduler decided, or less if its arguments lie in more segments than one message can carry."""
        live = self._live.get(effect.first)
        if live is None:
            return
        count = decided = effect.stop - effect.start
        if count > MAX_DESCRIPTORS and live.names_segments(self._tables):
            count = MAX_DESCRIPTORS
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
        if count < decided:
            self._shortened(worker)
        if live.array.options.restartable:
            self._transmit(worker, live, effect, count)
            return
        stop = effect.start + count
        self._committer.batch.put_attempt(effect.first, effect.start, stop, effect.attempt, started=True)
        self._committer.after(lambda: self._transmit(worker, live, effect, count))

    def _transmit(self, worker: Worker, live: LiveArray, effect: effects.Dispatch, count: int) -> None:
        array = live.array
        if self._live.get(effect.first) is None or worker.link.closed:
            return
        faults.come_by("dispatch.begins")
        try:
            self._load(worker, "bundle", live.pool.context.bundle)
            self._load(worker, "context", array.context)
            self._load(worker, "function", array.function)
        except StoreError as error:
            self._unreadable(worker, error)
            return
        try:
            record, segments = live.arguments(effect.start, effect.start + count, self._tables)
            descriptors = open_segments(self._segments, segments)
        except StoreError as error:
            if count == 1:
                self._unreadable(worker, error)
                return
            # Which item it is shows when they are handed out one by one.
            before = worker.chunk.count if worker.chunk is not None else 0
            worker.shorten(1)
            self._shortened(worker)
            if not array.options.restartable and before > 1:
                start, stop = effect.start + 1, effect.start + before
                self._committer.batch.put_attempt(effect.first, start, stop, effect.attempt, started=False)
            self._transmit(worker, live, effect, 1)
            return
        worker.link.send(
            messages.Chunk(
                seq=effect.seq,
                first=effect.first,
                start=effect.start,
                count=count,
                group=effect.group,
                attempt=effect.attempt,
                function=array.function,
                context=array.context,
                is_map=array.is_map,
                segments=segments,
                options=self._worker_options(array),
            ),
            (record,),
            descriptors,
        )
        faults.come_by("dispatch.done")

    def _load(self, worker: Worker, kind: str, hash_: str) -> None:
        if not hash_ or hash_ in worker.holds:
            return
        content = self._contents.get(hash_)
        if isinstance(content, str):
            worker.link.send(messages.Load(kind, hash_, True), (), open_segments(self._segments, (content,)))
        else:
            worker.link.send(messages.Load(kind, hash_, False), (content,))
        worker.holds.add(hash_)

    def _worker_options(self, array: JobArray) -> dict[str, Any]:
        """Return the options that a worker needs, those that differ from the usual alone."""
        options = array.options
        wanted = self._options.copy()
        if options.kill_process:
            wanted["kill_process"] = True
        if options.fast_serialization:
            wanted["fast_serialization"] = options.fast_serialization
        if options.label:
            wanted["label"] = options.label
        if options.profile:
            wanted["profile"] = True
        return wanted
