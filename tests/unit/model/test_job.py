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


def test_what_a_status_may_become() -> None:
    """PiCloud's table (API §14), closed over what follows."""
    may_become = {
        "waiting": {"queued", "stalled", "killed"},
        "queued": {"processing", "killed"},
        "processing": {"done", "error", "killed"},
    }

    def behind(status: str) -> set[str]:
        found = may_become.get(status, set())
        return found.union(*map(behind, found))

    assert {str(status): set(map(str, job.REACHABLE[status])) for status in Status} == {
        str(status): behind(str(status)) for status in Status
    }
