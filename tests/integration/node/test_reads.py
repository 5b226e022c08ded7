"""What is known of jobs, read alike whether they live, have ended, or lie in several arrays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from picloud.exceptions import UnknownJobError
from picloud.model import arguments, job, outcome
from picloud.model.array import JobArray, JobOptions
from picloud.model.outcome import RowFlag
from picloud.model.settings import Durability
from picloud.node.live import LiveArray, LiveArrays
from picloud.node.pools import pool_of
from picloud.node.reads import Reader, payload_of, segments_in
from picloud.store.batch import Batch
from picloud.store.environment import Environment
from picloud.store.records import Summary
from picloud.store.tables import Tables
from picloud.store.writer import Writer
from picloud.wire import payload

from .conftest import context
from .peer import Peer, chunk_of

CODES = (job.DONE, job.ERROR, job.KILLED, job.STALLED)


def _ends(codes: list[int], at: int) -> bytes:
    """Return a record of ends whose payloads say which item each is of."""
    rows, heap = [], b""
    for index, code in enumerate(codes, at):
        payload = b"%d" % index
        rows.append(outcome.ROW.pack(code, 0, 0, len(heap), 0, len(payload), 0.0, 0.5))
        heap += payload
    return outcome.encode(b"".join(rows), heap, attempt=1, worker=1, started=0.0)


class Setting:
    """A real store, and arrays in it."""

    def __init__(self, home: Path) -> None:
        self.environment = Environment.open(home, Durability.PROCESS)
        self.writer = Writer(self.environment)
        self.tables = Tables(self.environment)
        self.live = LiveArrays()
        self.reader = Reader(self.live, self.tables, {})
        self.next = 1

    def add(self, codes: list[int], *, pieces: int = 3, deleted: tuple[tuple[int, int], ...] = ()) -> JobArray:
        """Store an array with these statuses, its ends in records of so many items; it lives if it has not ended."""
        first, count = self.next, len(codes)
        self.next += count
        array = JobArray(first, count, "client", first, "ab" * 20, "cd" * 20, "f", True, 0.0, None, "h", JobOptions())
        batch = Batch()
        batch.put_array(array)
        batch.put_arguments(first, 0, arguments.encode_items([b"x"] * count))
        at = 0
        while at < count:
            stop = at
            while stop < min(count, at + pieces) and job.is_finished(codes[stop]):
                stop += 1
            if stop > at:
                batch.put_ends(first, at, _ends(codes[at:stop], at))
            at = max(stop, at + 1)
        if all(map(job.is_finished, codes)):
            batch.put_finished(first, Summary.of(bytes(codes), 5.0))
        else:
            live = LiveArray(array, pool_of(context(), "local", "c1", 1), bytearray(codes), deleted=list(deleted))
            self.live.add(live)
        for start, stop in deleted:
            batch.delete_range(first, start, stop)
        self.writer.commit(batch)
        return array


@pytest.fixture
def setting(tmp_path: Path) -> Iterator[Setting]:
    made = Setting(tmp_path)
    yield made
    made.writer.close()
    made.environment.close()


def test_a_request_is_cut_where_arrays_meet(setting: Setting) -> None:
    one, two, three = setting.add([job.DONE] * 4), setting.add([job.QUEUED] * 3), setting.add([job.ERROR] * 2)
    found = setting.reader.pieces([(3, 9), (1, 2)])
    assert [(piece.array, piece.start, piece.stop) for piece in found] == [
        (one, 2, 4),
        (two, 0, 3),
        (three, 0, 1),
        (one, 0, 1),
    ]
    assert [piece.live is not None for piece in found] == [False, True, False, False]
    assert [piece.jids for piece in found] == [(3, 5), (5, 8), (8, 9), (1, 2)]
    assert found[0].summary == Summary(4, 0, 0, 0, 5.0)


@pytest.mark.parametrize("span", [(0, 1), (-3, 2), (7, 8), (1, 8), (6, 1 << 70), (1 << 63, 1 << 64)])
def test_the_first_jid_that_no_job_has_is_named(setting: Setting, span: tuple[int, int]) -> None:
    setting.add([job.DONE] * 3)
    setting.add([job.WAITING] * 3)
    with pytest.raises(UnknownJobError) as raised:
        setting.reader.pieces([span])
    assert raised.value.jid == (span[0] if not 1 <= span[0] < 7 else 7)


@pytest.mark.parametrize("codes", [[job.DONE] * 6, [job.DONE] * 5 + [job.PROCESSING]])
def test_deleted_jobs_are_unknown_whether_their_array_lives_or_not(setting: Setting, codes: list[int]) -> None:
    setting.add(codes, deleted=((1, 3),))
    for span, jid in (((1, 7), 2), ((2, 3), 2), ((3, 4), 3)):
        with pytest.raises(UnknownJobError) as raised:
            setting.reader.pieces([span])
        assert raised.value.jid == jid
    (piece,) = setting.reader.pieces([(4, 6)])
    assert setting.reader.codes(piece) == bytes((job.DONE,)) * 2


@given(
    arrays=st.lists(st.lists(st.sampled_from((*CODES, job.QUEUED)), min_size=1, max_size=8), min_size=1, max_size=4),
    pieces=st.integers(1, 4),
    data=st.data(),
)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_statuses_and_ends_agree_with_looking_at_each_item(
    setting: Setting, arrays: list[list[int]], pieces: int, data: st.DataObject
) -> None:
    begin = setting.next
    for codes in arrays:
        setting.add(codes, pieces=pieces)
    every = [code for codes in arrays for code in codes]
    index = [at for codes in arrays for at in range(len(codes))]
    low = data.draw(st.integers(0, len(every) - 1))
    high = data.draw(st.integers(low + 1, len(every)))
    found = setting.reader.pieces([(begin + low, begin + high)])
    assert b"".join(map(setting.reader.codes, found)) == bytes(every[low:high])
    ended = {}
    for piece in found:
        for at, record in setting.reader.ends(piece):
            ends = outcome.decode(record)
            for offset in range(ends.count):
                row = ends.row(offset)
                ended[piece.array.first + at + offset] = row.status, bytes(ends.payload(row))
    expected = {begin + at: (every[at], b"%d" % index[at]) for at in range(low, high) if job.is_finished(every[at])}
    assert ended == expected


def test_the_worker_that_runs_a_job_is_known(setting: Setting, peer: Peer) -> None:
    reader = Reader(setting.live, setting.tables, {7: peer.worker})
    assert reader.worker_of(110) is None
    peer.begin(chunk_of(3, first=100, start=10))
    assert reader.worker_of(110) is None
    peer.run(1)
    assert [reader.worker_of(jid) is peer.worker for jid in (109, 110, 111, 112, 113)] == [
        False,
        False,
        True,
        False,
        False,
    ]


def test_what_was_handed_out_is_queued_until_its_ticket_is_taken(setting: Setting, peer: Peer) -> None:
    """The scheduler counts a chunk's first unfinished item as processing; whether it has begun, only the pipe knows."""
    array = setting.add([job.DONE, job.PROCESSING, job.QUEUED])
    reader = Reader(setting.live, setting.tables, {7: peer.worker})
    peer.begin(chunk_of(2, first=array.first, start=1))

    def codes(low: int, high: int) -> list[int]:
        (piece,) = reader.pieces([(array.first + low, array.first + high)])
        return list(reader.codes(piece))

    assert codes(0, 3) == [job.DONE, job.QUEUED, job.QUEUED]
    assert (codes(1, 2), codes(2, 3), codes(0, 1)) == ([job.QUEUED], [job.QUEUED], [job.DONE])
    assert peer.take()
    assert codes(0, 3) == [job.DONE, job.PROCESSING, job.QUEUED]


def test_segments_are_named_in_the_order_of_the_items() -> None:
    assert segments_in(_ends([job.DONE] * 3, 0)) == []
    rows = b"".join(
        outcome.ROW.pack(job.DONE, flags, 0, at, 0, 3, 0.0, 0.0)
        for at, flags in (
            (0, RowFlag.RESULT_SEGMENT),
            (3, RowFlag.SPOOLED),
            (6, RowFlag.RESULT_SEGMENT | RowFlag.SPOOLED),
        )
    )
    record = outcome.encode(rows, b"oneNOTtwo", attempt=1, worker=1, started=0.0)
    assert segments_in(record) == ["one", "two"]


def test_arguments_are_one_payload_wherever_they_lie(tmp_path: Path) -> None:
    (tmp_path / "segments").mkdir()
    payload.write_segment(str(tmp_path / "segments" / "whole"), b"\x80whole", [b"x" * 100])
    payload.write_segment(str(tmp_path / "segments" / "shared"), b"", [b"x" * 100])
    own = b"\x80own"
    assert payload_of(tmp_path, memoryview(own)) == own
    for name, pickled, expected in (("whole", b"", b"\x80whole"), ("shared", own, own)):
        content = payload_of(tmp_path, arguments.in_segment(name, pickled))
        found, buffers = payload.split(memoryview(content))
        assert (bytes(found), list(map(bytes, buffers))) == (expected, [b"x" * 100])
