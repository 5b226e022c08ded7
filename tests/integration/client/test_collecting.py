"""All results at once: read while a large array runs, in the order asked, and refused as soon as one job fails."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from cloud._jobs import Jobs
from picloud.client import collecting, results
from picloud.exceptions import CloudTimeoutError, JobError
from picloud.model.ids import JidRange
from picloud.wire import messages

FAST = 50.0
COUNT = 2 * collecting.LARGE


def _span(jids: range) -> list[JidRange]:
    return [(jids.start, jids.stop)]


def test_results_come_while_others_still_run(jobs: Jobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last job waits until the results of others have been read."""
    gate = tmp_path / "gate"
    read: list[int] = []
    fetch = results.fetch

    def watched(*arguments: object) -> object:
        page = fetch(*arguments)  # type: ignore[arg-type]  # handed through as they came
        if not isinstance(page, messages.Waited):
            read.extend(jid for piece in page.pieces for jid in piece.jids)
            if len(read) >= COUNT - 1:
                gate.touch()
        return page

    monkeypatch.setattr(collecting, "fetch", watched)

    def job(number: int) -> bytes:
        while number == COUNT - 1 and not gate.exists():
            time.sleep(0.01)
        return bytes((number % 256,)) * 100

    jids = jobs.map(job, range(COUNT))
    values = collecting.collect(jobs.session(), _span(jids), FAST, False)
    assert values == [bytes((number % 256,)) * 100 for number in range(COUNT)]
    assert sorted(read) == list(jids)


@pytest.mark.parametrize("bad", [0, 7, COUNT - 1])
def test_one_failure_is_told_before_the_others_have_ended(jobs: Jobs, tmp_path: Path, bad: int) -> None:
    gate = tmp_path / "gate"

    def job(number: int) -> int:
        if number == bad:
            raise ValueError(number)
        while number == COUNT // 2 and not gate.exists():
            time.sleep(0.01)
        return number

    jids = jobs.map(job, range(COUNT))
    with pytest.raises(JobError) as caught:
        collecting.collect(jobs.session(), _span(jids), FAST, False)
    assert caught.value.jid == jids[bad]
    assert not gate.exists()
    gate.touch()
    values = collecting.collect(jobs.session(), _span(jids), FAST, True)
    assert isinstance(values[bad], JobError)
    assert values[:bad] + values[bad + 1 :] == [number for number in range(COUNT) if number != bad]


@pytest.mark.parametrize("timeout", [0, 0.2])
def test_a_wait_in_vain_names_those_that_have_not_ended(jobs: Jobs, tmp_path: Path, timeout: float) -> None:
    gate = tmp_path / "gate"

    def job(number: int) -> int:
        while number >= COUNT - 3 and not gate.exists():
            time.sleep(0.01)
        return number

    jids = jobs.map(job, range(COUNT))
    jobs.join(jids[: COUNT - 3], timeout=FAST)
    with pytest.raises(CloudTimeoutError) as caught:
        collecting.collect(jobs.session(), _span(jids), timeout, False)
    assert caught.value.jid == list(jids[COUNT - 3 :])
    gate.touch()
    assert collecting.collect(jobs.session(), _span(jids), FAST, False) == list(range(COUNT))


def test_inside_a_job_a_large_array_is_waited_for_once(jobs: Jobs) -> None:
    def job(count: int) -> int:
        import cloud

        return sum(cloud.result(cloud.map(abs, range(-count, 0))))

    assert jobs.result(jobs.call(job, COUNT), timeout=FAST) == COUNT * (COUNT + 1) // 2


def test_a_single_result_is_remembered(jobs: Jobs) -> None:
    jid = jobs.call(abs, -3)
    session = jobs.session()
    assert collecting.collect(session, [(jid, jid + 1)], FAST, False) == [3]
    assert session.recent.get(jid) is not None
    assert collecting.collect(session, [(jid, jid + 1)], FAST, False) == [3]
