"""What workers have finished becomes records: results, the large ones in segments, and where output lies."""

from __future__ import annotations

from pathlib import Path

from picloud import faults
from picloud.model import outcome
from picloud.model.outcome import RowFlag
from picloud.node.commit import Committer
from picloud.node.live import LiveArray
from picloud.node.reads import segments_in
from picloud.node.workers import Harvest, Worker
from picloud.store.segments import accept


class Harvester:
    """Copies ends from arenas into the batch."""

    def __init__(self, home: Path, committer: Committer, generation: str) -> None:
        """Store through the committer."""
        self._home = home
        self._committer = committer
        self._generation = generation

    def take(self, worker: Worker, live: LiveArray) -> Harvest | None:
        """Put what has ended since the last look into the batch; return it, or None if nothing has."""
        harvest = worker.harvest()
        if harvest is None:
            return None
        batch = self._committer.batch
        first = live.array.first
        segments: list[str] = []
        if harvest.flagged:
            segments = segments_in(harvest.record)
            for segment in segments:
                batch.sync_first.append(accept(self._home, segment))
            self._note_spools(worker, live, harvest.record)
        batch.put_ends(first, harvest.start, harvest.record, segments)
        faults.come_by("result.taken")
        if live.array.count == 1 and not segments:
            live.answer = harvest.record
        return harvest

    def _note_spools(self, worker: Worker, live: LiveArray, record: bytes) -> None:
        flags = bytes(outcome.decode(record).rows[1 :: outcome.ROW.size])
        if not any(flag & RowFlag.SPOOLED for flag in flags):
            return
        self.keep_spool(live, self.spool(worker))

    def spool(self, worker: Worker) -> str:
        """Return what the names of a worker's spools begin with."""
        return f"{self._generation}-{worker.id}"

    def keep_spool(self, live: LiveArray, spool: str) -> None:
        """Keep a worker's spools for as long as the array: output of its items lies in them."""
        for name in (f"{spool}.out", f"{spool}.err"):
            self._committer.batch.sync_first.append(self._home / "spool" / name)
            if name not in live.spooled:
                live.spooled.add(name)
                self._committer.batch.put_spool(live.array.first, name)
