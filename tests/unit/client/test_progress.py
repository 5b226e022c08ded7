"""What is shown of a set of jobs, and what is expected of the rest."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picloud.client import progress
from picloud.client.progress import BAR, WINDOW, Estimate, Tally
from picloud.model import job

CODES = bytes((job.DONE,) * 30 + (job.ERROR,) * 2 + (job.PROCESSING,) * 8 + (job.QUEUED,) * 55 + (job.WAITING,) * 5)


@given(st.binary().map(lambda noise: bytes(byte % len(job.BY_CODE) for byte in noise)))
def test_a_tally_counts_every_job_once(codes: bytes) -> None:
    tally = Tally.of(codes)
    assert tally.total == len(codes) == tally.finished + tally.unfinished
    assert tally.finished == sum(map(job.is_finished, codes))
    assert all(tally.counts[code] == codes.count(code) for code in range(len(job.BY_CODE)))


@pytest.mark.parametrize(
    ("codes", "left", "took", "text"),
    [
        (CODES, None, None, "32 of 100 ended (30 done, 2 error), 8 processing, 55 queued, 5 waiting"),
        (
            CODES,
            80.0,
            9.0,
            "32 of 100 ended (30 done, 2 error), 8 processing, 55 queued, 5 waiting, about 1 min 20 s left",
        ),
        (bytes((job.QUEUED,)), None, None, "0 of 1 ended, 1 queued"),
        (bytes((job.DONE,)) * 3, 0.0, 125.0, "3 of 3 ended (3 done) in 2 min 5 s"),
        (bytes((job.DONE, job.STALLED, job.KILLED)), None, 1.0, "3 of 3 ended (1 done, 1 killed, 1 stalled) in 1.0 s"),
    ],
)
def test_the_sentence(codes: bytes, left: float | None, took: float | None, text: str) -> None:
    assert progress.sentence(Tally.of(codes), left, took) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (80, "1 min 20 s"),
        (3599.6, "1 h"),
        (7500, "2 h 5 min"),
        (86400 * 3 + 3600 * 4, "3 d 4 h"),
    ],
)
def test_durations(seconds: float, text: str) -> None:
    assert progress.duration(seconds) == text


@given(st.integers(1, 10**6), st.data())
def test_a_bar_is_full_at_the_end_alone(total: int, data: st.DataObject) -> None:
    done = data.draw(st.integers(0, total))
    shown = progress.bar(done, total)
    assert len(shown) == BAR + 2
    assert shown.count("#") + shown.count(".") == BAR
    assert (shown.count(".") == 0) == (done == total)


@given(st.integers(0, 200))
def test_a_line_of_a_terminal_never_wraps(width: int) -> None:
    line = progress.terminal_line(Tally.of(CODES), width, 80.0)
    assert len(line) < max(width, 1)
    assert line.startswith("[") == (width > len(progress.sentence(Tally.of(CODES), 80.0)) + BAR + 3)


def test_lines_that_stay_become_rarer() -> None:
    elapsed, moments = 0.0, []
    while elapsed < 3600:
        elapsed += progress.pause(elapsed)
        moments.append(elapsed)
    assert moments[0] == 1.0
    assert len(moments) < 80
    assert max(late - early for early, late in itertools.pairwise(moments)) == 60.0


class TestEstimate:
    def test_nothing_has_ended_yet(self) -> None:
        estimate = Estimate(100.0, 7)
        assert estimate.left(5) is None
        estimate.note(160.0, 7)
        assert estimate.left(5) is None

    @given(st.floats(0.01, 1000), st.integers(1, 200), st.floats(0.05, 5), st.integers(0, 50))
    def test_at_a_steady_pace_it_is_right(self, rate: float, looks: int, step: float, before: int) -> None:
        estimate = Estimate(0.0, before)
        for look in range(1, looks + 1):
            estimate.note(look * step, before + int(look * step * rate))
        ended = int(looks * step * rate)
        left = estimate.left(1000)
        if ended < 50:
            assert left is None or left > 0
        else:
            assert left == pytest.approx(1000 / rate, rel=0.25)

    def test_what_had_ended_before_says_nothing(self) -> None:
        estimate = Estimate(0.0, 1_000_000)
        estimate.note(10.0, 1_000_010)
        assert estimate.left(20) == pytest.approx(20.0)

    def test_a_new_pace_is_followed(self) -> None:
        estimate = Estimate(0.0, 0)
        for second in range(1, 11):
            estimate.note(float(second), second * 1000)
        for second in range(11, 60):
            estimate.note(float(second), 10_000 + second - 10)
        assert estimate.left(100) == pytest.approx(100.0, rel=0.1)

    def test_long_jobs_are_estimated_by_all_that_is_known(self) -> None:
        """Nothing has ended within the window: then the whole time counts."""
        estimate = Estimate(0.0, 0)
        estimate.note(10.0, 4)
        for step in range(1, 30):
            estimate.note(10.0 + step * WINDOW / 10, 4)
        assert estimate.left(4) == pytest.approx(10.0 + 29 * WINDOW / 10)

    def test_it_remembers_little_however_often_it_is_looked(self) -> None:
        estimate = Estimate(0.0, 0)
        for look in range(100_000):
            estimate.note(look * 0.2, look)
        assert len(estimate._marks) < 200
        assert estimate.left(10) == pytest.approx(2.0, rel=0.01)
