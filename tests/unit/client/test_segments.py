"""Large payloads on their way."""

from __future__ import annotations

from pathlib import Path

from picloud.client.segments import SegmentWriter
from picloud.wire import payload


def test_what_the_node_did_not_take_is_removed(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path)
    taken, left = writer.write(b"\x80a", []), writer.write(b"\x80b", [b"buffer"])
    (tmp_path / taken).rename(tmp_path / "elsewhere")
    assert (tmp_path / left).stat().st_mode & 0o777 == 0o600
    writer.close()
    assert [path.name for path in tmp_path.iterdir()] == ["elsewhere"]


def test_what_was_swept_away_is_written_again(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path)
    swept, kept = writer.write(b"\x80a", [b"x" * 100_000]), writer.write(b"\x80b", [])
    content = (tmp_path / swept).read_bytes()
    (tmp_path / swept).unlink()
    writer.restore()
    assert (tmp_path / swept).read_bytes() == content
    assert payload.is_segment((tmp_path / kept).read_bytes())
    writer.close()


def test_whether_a_segment_holds_buffers(tmp_path: Path) -> None:
    writer = SegmentWriter(tmp_path)
    buffers = [bytes(3_000_000), b"x" * 100]
    name = writer.write(b"", buffers)
    (tmp_path / name).rename(tmp_path / "taken")
    assert writer.holds(name, buffers)
    assert not writer.holds(name, buffers[:1])
    assert not writer.holds(name, [bytes(2_999_999) + b"x", b"x" * 100])
    assert not writer.holds(name, [bytes(2_999_999), b"x" * 100])
    assert not writer.holds("another", buffers)
    writer.close()


def test_many_segments_do_not_take_all_descriptors(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    writer = SegmentWriter(tmp_path)
    for _ in range(300):
        writer.write(b"\x80", [])
    assert len(list(Path("/proc/self/fd").iterdir())) - before < 150
    writer.close()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
