"""Open files travel by content, at the position that they are at; what cannot is refused with what to do instead."""

from __future__ import annotations

import io
import os
import pickle
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FAST = 30
TEXT = "één\nzwei\ntrois\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "file.txt"
    file.write_text(TEXT, encoding="utf-8")
    return file


def call(cloud: ModuleType, function: Callable[..., Any], *arguments: Any) -> Any:
    return cloud.result(cloud.call(function, *arguments), timeout=FAST)


def rest(file: Any) -> Any:
    return file.read()


def lines(file: Any) -> list[Any]:
    return list(file)


def test_a_text_file_at_its_start(cloud: ModuleType, path: Path) -> None:
    with path.open(encoding="utf-8") as file:
        assert call(cloud, rest, file) == TEXT
        assert call(cloud, lines, file) == TEXT.splitlines(keepends=True)
        assert file.tell() == 0


def test_the_read_position_is_kept_on_both_sides(cloud: ModuleType, path: Path) -> None:
    with path.open(encoding="utf-8") as file:
        file.readline()
        assert call(cloud, rest, file) == "zwei\ntrois\n"
        assert file.read(4) == "zwei"
        assert call(cloud, rest, file) == "\ntrois\n"
        file.read()
        assert call(cloud, rest, file) == ""
        assert call(cloud, lambda f: (f.seek(0), f.read()), file) == (0, TEXT)


@pytest.mark.parametrize("buffering", [-1, 0])
def test_a_binary_file(cloud: ModuleType, path: Path, buffering: int) -> None:
    with path.open("rb", buffering) as file:
        file.read(3)
        assert call(cloud, rest, file) == TEXT.encode()[3:]
        assert file.tell() == 3


def test_encoding_errors_and_line_ends_are_kept(cloud: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "other"
    path.write_bytes("ä\r\nb\r\n".encode("utf-16"))
    for newline, expected in ((None, "ä\nb\n"), ("", "ä\r\nb\r\n")):
        with path.open(encoding="utf-16", newline=newline) as file:
            assert call(cloud, rest, file) == expected
            file.read(1)
            assert call(cloud, rest, file) == expected[1:]
    path.write_bytes(b"a\xffb")
    with path.open(encoding="ascii", errors="replace") as file:
        assert call(cloud, rest, file) == "a\N{REPLACEMENT CHARACTER}b"


def test_name_and_mode_are_kept(cloud: ModuleType, path: Path) -> None:
    with path.open(encoding="utf-8") as file, path.open("rb") as binary:
        assert call(cloud, lambda f: (f.name, f.mode, f.readable(), f.writable()), file) == (
            str(path),
            "r",
            True,
            False,
        )
        assert call(cloud, lambda f: (f.name, f.mode), binary) == (str(path), "rb")


def test_a_closed_file(cloud: ModuleType, path: Path) -> None:
    for mode in ("r", "rb", "a"):
        file = path.open(mode)
        file.close()
        assert call(cloud, lambda f: (f.closed, f.name), file) == (True, str(path))


def test_an_empty_file(cloud: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    with (tmp_path / "empty").open() as text, (tmp_path / "empty").open("rb") as binary:
        assert call(cloud, rest, text) == ""
        assert call(cloud, rest, binary) == b""


def test_the_file_may_be_gone_and_changed_by_the_time_the_job_runs(cloud: ModuleType, path: Path) -> None:
    with path.open(encoding="utf-8") as file:
        jid = cloud.call(rest, file)
        path.write_text("other")
        path.unlink()
    assert cloud.result(jid, timeout=FAST) == TEXT


def test_a_large_file(cloud: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(os.urandom(1 << 20) * 8)
    with (tmp_path / "large").open("rb") as file:
        assert call(cloud, lambda f: len(f.read()), file) == 8 << 20


def test_what_a_job_writes_to_a_file_for_reading_and_writing_stays_there(cloud: ModuleType, path: Path) -> None:
    def writing(file: Any) -> str:
        file.seek(0, 2)
        file.write("vier\n")
        file.seek(0)
        return str(file.read())

    with path.open("r+", encoding="utf-8") as file:
        assert call(cloud, writing, file) == TEXT + "vier\n"
    assert path.read_text(encoding="utf-8") == TEXT


def test_what_was_written_and_not_flushed_comes_along(cloud: ModuleType, tmp_path: Path) -> None:
    with (tmp_path / "new").open("w+") as file:
        file.write("fresh")
        file.seek(0)
        assert call(cloud, rest, file) == "fresh"


def test_files_inside_of_other_things(cloud: ModuleType, path: Path) -> None:
    class Reader:
        def __init__(self, file: Any) -> None:
            self.file = file

    with path.open(encoding="utf-8") as file:
        assert call(cloud, lambda reader: reader.file.readline(), Reader(file)) == "één\n"
        for count in (1, 2):
            assert call(cloud, file.read, count) == TEXT[:count]


def test_a_temporary_file_is_not_deleted_by_its_copy(cloud: ModuleType) -> None:
    with tempfile.NamedTemporaryFile("w+") as file:
        file.write("kept")
        file.seek(1)
        assert call(cloud, rest, file) == "ept"
        cloud.result(cloud.call(rest, file), timeout=FAST)
        assert Path(file.name).exists()


def test_files_in_memory(cloud: ModuleType) -> None:
    text, binary = io.StringIO("abc"), io.BytesIO(b"abc")
    text.read(1)
    assert call(cloud, rest, text) == "bc"
    assert call(cloud, rest, binary) == b"abc"


def test_a_file_comes_back_as_a_result(cloud: ModuleType, path: Path) -> None:
    def opened(name: str) -> Any:
        file = open(name, encoding="utf-8")  # noqa: SIM115 - it is what the job gives back
        file.readline()
        return file

    copy = call(cloud, opened, str(path))
    assert copy.read() == "zwei\ntrois\n"
    assert call(cloud, rest, copy) == ""


def _terminal() -> Any:
    _, slave = os.openpty()
    return os.fdopen(slave, "r")


def _pipe() -> Any:
    reader, writer = os.pipe()
    os.close(writer)
    return os.fdopen(reader, "rb")


def _device() -> Any:
    return Path("/dev/zero").open("rb")


def _interrupted(path: Path) -> Any:
    file = path.open(encoding="utf-8")
    next(iter(file))
    return file


@pytest.mark.parametrize(
    ("make", "reason", "advice"),
    [
        (lambda path: path.open("w"), "is open for writing", "pass its name, and open it inside the job"),
        (lambda path: path.open("ab"), "is open for writing", "pass its name"),
        (lambda path: path.open("wb", 0), "is open for writing", "pass its name"),
        (lambda path: _terminal(), "is a terminal", "read what the job needs from it, and pass that"),
        (lambda path: _pipe(), "is a pipe, a socket or a device", "read what the job needs from it"),
        (lambda path: _device(), "is a pipe, a socket or a device", "read what the job needs"),
        (_interrupted, "telling position disabled", "pass its name, or what was read from it"),
    ],
    ids=["w", "ab", "raw", "terminal", "pipe", "device", "between two lines"],
)
def test_refused_with_advice(
    cloud: ModuleType, path: Path, make: Callable[[Path], Any], reason: str, advice: str
) -> None:
    with make(path) as file, pytest.raises(cloud.CloudException, match=reason) as caught:
        cloud.call(rest, [0, {"file": file}])
    assert f"args[0][1]['file']: {type(file).__name__}" in str(caught.value)
    assert advice in str(caught.value)


def test_what_is_refused_is_a_pickling_error(
    cloud: ModuleType, monkeypatch: pytest.MonkeyPatch, path: Path, tmp_path: Path
) -> None:
    with path.open() as file, (tmp_path / "new").open("w") as written, _terminal() as terminal:
        monkeypatch.setattr(sys, "stdin", file)
        for each in (file, written, terminal):
            with pytest.raises(pickle.PicklingError) as caught:
                cloud.call(rest, each)
            assert isinstance(caught.value, cloud.CloudException)


def test_standard_input_is_refused(cloud: ModuleType, monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    with path.open() as file:
        monkeypatch.setattr(sys, "stdin", file)
        with pytest.raises(cloud.CloudException, match="standard input cannot be sent"):
            cloud.call(rest, file)
