"""The running job, as job code sees it."""

from __future__ import annotations

from picloud.model import running
from picloud.model.running import RunningJob


class Silent:
    """Takes remarks, and does nothing with them."""

    def set_progress(self, done: float, total: float | None, note: str) -> None: ...

    def add_log(self, text: str) -> None: ...


def test_nothing_runs_outside_of_a_worker() -> None:
    assert running.current is None


def test_one_object_serves_all_items_of_a_chunk() -> None:
    index = 0
    job = RunningJob(first=700, attempt=2, worker=3, index=lambda: index, label="night", remarks=Silent())
    assert (job.jid, job.attempt, job.worker, job.label) == (700, 2, 3, "night")
    index = 5
    assert job.jid == 705
