"""Statuses: PiCloud's names, and codes that a store may rely on for ever."""

from __future__ import annotations

from picloud.model import job
from picloud.model.job import BY_CODE, CODES, FINISHED, Status


def test_codes_never_change() -> None:
    assert [str(status) for status in BY_CODE] == [
        "waiting", "queued", "processing", "done", "error", "killed", "stalled",
    ]  # fmt: skip
    names = (job.WAITING, job.QUEUED, job.PROCESSING, job.DONE, job.ERROR, job.KILLED, job.STALLED)
    assert list(names) == [CODES[status] for status in BY_CODE] == list(range(7))


def test_finished_statuses_are_picloud_list() -> None:
    assert [str(status) for status in FINISHED] == ["done", "stalled", "error", "killed"]
    assert {status for status in Status if job.is_finished(CODES[status])} == set(FINISHED)
