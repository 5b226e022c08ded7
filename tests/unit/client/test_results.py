"""Ends as values and errors."""

from __future__ import annotations

import os
import pickle
import struct
from pathlib import Path
from typing import Any

import pytest

from picloud.client import results
from picloud.client.results import Late, Page, Piece
from picloud.exceptions import JobError, SerializationError
from picloud.model import job, outcome
from picloud.model.outcome import ROW, RowFlag
from picloud.wire import messages, payload
from picloud.wire.channel import Received


def _record(*items: tuple[int, int, bytes, bytes], base: int = 0, started: float = 100.0) -> bytes:
    """Return a record of (status, flags, meta, payload) items, each a second after the one before."""
    rows, heap = [], b""
    for number, (status, flags, meta, content) in enumerate(items):
        rows.append(ROW.pack(status, flags, 0, base + len(heap), len(meta), len(content), float(number), 0.5))
        heap += meta + content
    return outcome.encode(b"".join(rows), heap, attempt=1, worker=1, started=started, heap_base=base)


def _piece(record: bytes, first: int = 10, segments: dict[str, int] | None = None) -> Piece:
    return Piece(first, outcome.decode(record), segments or {})


def _done(value: Any) -> tuple[int, int, bytes, bytes]:
    return job.DONE, 0, b"", pickle.dumps(value)


FAILED = (
    job.ERROR,
    int(RowFlag.EXCEPTION_PICKLED),
    b'{"exception": "Traceback: KeyError"}',
    pickle.dumps(KeyError("a")),
)


@pytest.mark.parametrize("base", [0, 1000])
def test_plain_values(base: int) -> None:
    piece = _piece(_record(*map(_done, ["a", [1], None]), base=base))
    assert results.values_of(piece, ignore_errors=False) == ["a", [1], None]
    assert results.ready_values(piece) == ["a", [1], None]
    assert list(piece.jids) == [10, 11, 12]


def test_values_are_fresh() -> None:
    piece = _piece(_record(_done([1])))
    results.values_of(piece, ignore_errors=False)[0].append(2)
    assert results.values_of(piece, ignore_errors=False) == [[1]]


def test_values_with_output_and_buffers() -> None:
    pickled = pickle.dumps(pickle.PickleBuffer(b"x" * 100), 5, buffer_callback=lambda buffer: False)
    content = b"".join(payload.parts(pickled, [b"x" * 100]))
    record = _record(_done(1), (job.DONE, 0, b'{"out": "hello"}', pickle.dumps(2)), (job.DONE, 0, b"", content))
    values = results.values_of(_piece(record), ignore_errors=False)
    assert values[:2] == [1, 2]
    assert bytes(values[2]) == b"x" * 100


def test_only_inline_segments() -> None:
    """Every row looks plain; what they point to is not."""
    pickled = pickle.dumps(pickle.PickleBuffer(b"y" * 100), 5, buffer_callback=lambda buffer: False)
    record = _record((job.DONE, 0, b"", b"".join(payload.parts(pickled, [b"y" * 100]))))
    assert bytes(results.values_of(_piece(record), ignore_errors=False)[0]) == b"y" * 100


def test_the_first_failure_is_raised() -> None:
    piece = _piece(_record(_done(1), FAILED, (job.KILLED, 0, b"", b"")))
    with pytest.raises(JobError) as caught:
        results.values_of(piece, ignore_errors=False)
    assert caught.value.jid == 11
    assert isinstance(caught.value.__cause__, KeyError)


def test_failures_stand_in_their_places() -> None:
    values = results.values_of(_piece(_record(_done(1), FAILED, _done(3))), ignore_errors=True)
    assert (values[0], values[2]) == (1, 3)
    assert isinstance(values[1], JobError)
    assert values[1].status == "error"


def test_a_uniform_record() -> None:
    record = outcome.encode_uniform(3, job.KILLED, meta={}, attempt=1, now=5.0)
    values = results.values_of(_piece(record), ignore_errors=True)
    assert [(value.jid, value.parameter) for value in values] == [(10, "Killed"), (11, "Killed"), (12, "Killed")]
    assert results.moments(outcome.decode(record)) == [5.0] * 3


def test_uniform_values() -> None:
    record = outcome.encode_uniform(2, job.DONE, meta={}, attempt=1, now=5.0, payload=pickle.dumps("x"))
    assert results.values_of(_piece(record), ignore_errors=False) == ["x", "x"]


def test_a_result_that_cannot_be_rebuilt() -> None:
    piece = _piece(_record(_done(1), (job.DONE, 0, b"", b"\x80\x05cno_such_module\nx\n.")))
    with pytest.raises(SerializationError, match="cannot be rebuilt here: ModuleNotFoundError") as caught:
        results.values_of(piece, ignore_errors=False)
    assert caught.value.jid == 11
    late = results.ready_values(piece)
    assert late == [Late(piece, 0), Late(piece, 1)]
    assert results.value_of(piece, 0) == 1


def test_a_segment_is_read_by_its_descriptor(tmp_path: Path) -> None:
    payload.write_segment(str(tmp_path / "s"), pickle.dumps([1, 2]), [])
    descriptor = os.open(tmp_path / "s", os.O_RDONLY)
    (tmp_path / "s").unlink()
    record = _record((job.DONE, int(RowFlag.RESULT_SEGMENT), b"", b"0123abcd"))
    message = messages.EndsPage([[10, 1, len(record)]], ["0123abcd"], [[12, 14]])
    page = Page(Received(message, record, [descriptor]))
    assert page.rest == [(12, 14)]
    assert page.open_segments == 1
    assert results.values_of(page.pieces[0], ignore_errors=False) == [[1, 2]]
    page.close()
    page.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_moments() -> None:
    ends = outcome.decode(_record(_done(1), _done(2), started=50.0))
    assert results.moments(ends) == [50.5, 51.5]


def test_the_layout_of_rows_is_the_models() -> None:
    """The readers of single columns here unpack the same bytes."""
    row = ROW.pack(1, 2, 3, 4, 5, 6, 7.0, 8.0)
    assert results._PLACE.unpack(row) == (4, 6)
    assert results._TIMES.unpack(row) == (7.0, 8.0)
    assert struct.calcsize("<24x") == ROW.size
