"""Facts of many jobs, with what they share said once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picloud.model.facts import Group, decode, encode

VALUES = st.one_of(st.none(), st.integers(), st.text(), st.floats(allow_nan=False))
FACTS = st.dictionaries(st.sampled_from(["a", "b", "c"]), VALUES)
GROUPS = st.builds(Group, st.integers(1, 1 << 62), FACTS, st.lists(FACTS, max_size=4))


@given(st.lists(GROUPS, max_size=4))
def test_each_job_has_the_common_facts_and_its_own(groups: list[Group]) -> None:
    assert list(decode(encode(groups))) == [
        {"jid": group.first + at} | group.shared | own for group in groups for at, own in enumerate(group.own)
    ]


def test_text_that_is_no_unicode_travels() -> None:
    """An exception's message may hold what no encoding takes."""
    (facts,) = decode(encode([Group(1, {}, [{"exception": "a\ud800b\N{SNOWMAN}"}])]))
    assert facts["exception"] == "a\ud800b\N{SNOWMAN}"


def test_text_takes_no_more_room_than_it_has() -> None:
    assert len(encode([Group(1, {}, [{"stdout": "\N{SNOWMAN}" * 1000}])])) < 3100


def test_rubbish_is_refused() -> None:
    with pytest.raises(ValueError, match="Expecting value"):
        list(decode(b"rubbish"))
