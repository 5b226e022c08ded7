"""The table of `cloud.view`: which jobs it shows, and how."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picloud.client.table import chosen, jids_at, progress_text, table
from picloud.model import ids, job

CODES = st.binary(max_size=60).map(lambda noise: bytes(byte % len(job.BY_CODE) for byte in noise))


def _facts(**changes: Any) -> dict[str, Any]:
    return {
        "function": "work.simulate at work.py:3",
        "label": "",
        "status": "processing",
        "runtime": 80.0,
        "progress": None,
        **changes,
    }


def test_plain_text_is_aligned() -> None:
    shown = table(
        {
            7: _facts(progress={"done": 3, "total": 10, "note": "cooling"}, label="night"),
            1234: _facts(status="queued", runtime=None),
        },
        5,
        "0 of 7 ended",
    )
    assert str(shown).splitlines() == [
        "job   function       label  status      runtime     progress",
        "7     work.simulate  night  processing  1 min 20 s  30% (3 of 10) cooling",
        "1234  work.simulate         queued",
        "and 5 more; 0 of 7 ended",
    ]
    assert repr(shown) == str(shown)


def test_columns_without_content_are_left_out() -> None:
    shown = table({7: _facts()}, 0, "0 of 1 ended")
    assert shown.header == ("job", "function", "status", "runtime")
    assert shown.rows[0][shown.status] == "processing"
    assert shown.foot == "0 of 1 ended"


def test_html_is_escaped() -> None:
    html = table({7: _facts(label="<b>&", function="m.<lambda> at m.py:1")}, 0, "<1 of 1>")._repr_html_()
    assert "<td>&lt;b&gt;&amp;</td>" in html
    assert "<td>m.&lt;lambda&gt;</td>" in html
    assert "<p>&lt;1 of 1&gt;</p>" in html


def test_nothing_that_a_job_says_reaches_the_terminal_as_a_command() -> None:
    shown = table({7: _facts(progress={"done": 1, "total": None, "note": "a\x1b[2J\nb\u202e"})}, 0, "x")
    assert shown.rows[0][-1] == "1 a [2J b "


def test_long_names_are_cut() -> None:
    shown = table({7: _facts(function="m." + "x" * 100 + " at m.py:1")}, 0, "x")
    assert shown.rows[0][1] == "m." + "x" * 35 + "..."


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        (None, ""),
        ((3, 10, ""), "30% (3 of 10)"),
        ((1234567, 2000000, "n"), "62% (1234567 of 2000000) n"),
        ((0.25, 1.0, ""), "25% (0.25 of 1)"),
        ((12, 10, ""), "100% (12 of 10)"),
        ((12, None, "warm"), "12 warm"),
        ((0, 0, ""), "0"),
    ],
)
def test_progress(progress: tuple[float, float | None, str] | None, text: str) -> None:
    said = dict(zip(("done", "total", "note"), progress, strict=True)) if progress else None
    assert progress_text(said) == text


@given(CODES, st.integers(1, 20))
def test_as_many_jobs_as_have_room_are_shown_in_their_order(codes: bytes, room: int) -> None:
    indexes = chosen(codes, room)
    assert indexes == sorted(set(indexes))
    assert len(indexes) == min(len(codes), room)
    assert all(0 <= index < len(codes) for index in indexes)


@given(CODES, st.integers(1, 20))
def test_those_that_run_go_before_those_that_failed_and_those_before_the_rest(codes: bytes, room: int) -> None:
    order = [job.PROCESSING, job.ERROR, job.KILLED, job.STALLED, job.QUEUED, job.WAITING, job.DONE]
    shown = [codes[index] for index in chosen(codes, room)]
    assert sorted(shown, key=order.index) == sorted(codes, key=order.index)[:room]


def test_of_those_that_are_done_the_last_are_shown() -> None:
    assert chosen(bytes((job.DONE,)) * 10, 3) == [7, 8, 9]


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(1, 9)).map(lambda pair: (pair[0], sum(pair)))), st.data())
def test_places_among_ranges(ranges: list[tuple[int, int]], data: st.DataObject) -> None:
    jids = list(ids.each(ranges))
    places = sorted(data.draw(st.sets(st.integers(0, len(jids) - 1)))) if jids else []
    assert jids_at(places, ranges) == [jids[place] for place in places]
