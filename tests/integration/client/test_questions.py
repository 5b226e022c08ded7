"""Requests about jobs whose jids lie apart: in as many requests as frames need, and answered as one."""

from __future__ import annotations

import time

import pytest

from cloud._jobs import Jobs
from picloud.client import questions
from picloud.exceptions import CloudTimeoutError, JobError, UnfinishedJobError, UnknownJobError
from picloud.model import job
from picloud.model.ids import JidRange

FAST = 30.0
COUNT = 20


@pytest.fixture
def jobs(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> Jobs:
    """Give jobs on a node of their own; a request names three ranges at most."""
    monkeypatch.setattr(questions, "REQUEST_RANGES", 3)
    return jobs


def _apart(jids: range) -> list[JidRange]:
    return [(jid, jid + 1) for jid in jids[::2]]


def fail_at(value: int, bad: int) -> int:
    if value == bad:
        raise ValueError("bad")
    return value


def test_statuses_and_results_in_the_order_asked(jobs: Jobs) -> None:
    jids = jobs.map(abs, range(COUNT))
    assert questions.all_results(jobs.session(), _apart(jids), FAST, False) == list(range(0, COUNT, 2))
    assert bytes(questions.statuses(jobs.session(), _apart(jids))) == bytes((job.DONE,)) * (COUNT // 2)


def test_a_wait_that_is_in_vain_names_all_the_unfinished(jobs: Jobs) -> None:
    never = jobs.map(abs, range(COUNT), _depends_on=jobs.call(time.sleep, 60))
    apart = _apart(never)
    waited = questions.wait(jobs.session(), apart, "all", 0.01)
    assert (waited.satisfied, waited.failed) == (False, None)
    assert waited.unfinished == [list(pair) for pair in apart]
    with pytest.raises(CloudTimeoutError) as caught:
        questions.all_results(jobs.session(), apart, 0, True)
    assert caught.value.jid == [start for start, _ in apart]
    with pytest.raises(UnfinishedJobError) as unfinished:
        questions.delete(jobs.session(), apart)
    assert unfinished.value.jid == apart[0][0]
    questions.kill(jobs.session(), apart)
    assert set(questions.statuses(jobs.session(), apart)) == {job.KILLED}
    jobs.kill()


def test_a_failure_among_the_last(jobs: Jobs) -> None:
    jids = jobs.map(fail_at, range(COUNT), [COUNT - 2] * COUNT)
    apart = _apart(jids)
    waited = questions.wait(jobs.session(), apart, "failure", FAST)
    assert waited.failed == jids[-2]
    with pytest.raises(JobError) as caught:
        questions.all_results(jobs.session(), apart, FAST, False)
    assert caught.value.jid == jids[-2]
    values = questions.all_results(jobs.session(), apart, FAST, True)
    assert values[:-1] == list(range(0, COUNT - 2, 2))
    assert isinstance(values[-1], JobError)


def test_all_or_none_are_deleted(jobs: Jobs) -> None:
    jids = jobs.map(abs, range(COUNT))
    jobs.join(jids, timeout=FAST)
    questions.delete(jobs.session(), _apart(jids))
    with pytest.raises(UnknownJobError):
        questions.statuses(jobs.session(), _apart(jids))
    assert jobs.result(jids[1]) == 1
