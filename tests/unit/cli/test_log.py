from __future__ import annotations

from pathlib import Path

import pytest

from picloud.cli import log


@pytest.mark.parametrize("count", [0, 1, 2, 3, 10])
@pytest.mark.parametrize("ending", ["", "\n"])
def test_the_tail_is_the_last_lines(tmp_path: Path, count: int, ending: str) -> None:
    path = tmp_path / "log"
    path.write_text("one\ntwo\nthree" + ending)
    with path.open("rb") as file:
        assert log.tail(file, count) == ["one", "two", "three"][3 - min(count, 3) :]


def test_the_tail_of_a_long_log_reads_only_its_end(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("".join(f"line {number} {'x' * 100}\n" for number in range(5000)))
    with path.open("rb") as file:
        found = log.tail(file, 3)
        assert [line.split()[1] for line in found] == ["4997", "4998", "4999"]
        assert file.tell() == path.stat().st_size


def test_an_empty_log(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.touch()
    with path.open("rb") as file:
        assert log.tail(file, 5) == []


def test_what_is_added_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("old\n")
    with path.open("rb") as file:
        log.tail(file, 1)
        lines = log.follow(path, file)
        with path.open("a") as more:
            more.write("new\n")
        assert next(lines) == "new\n"


def test_a_log_that_was_replaced_is_read_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("old\n")
    with path.open("rb") as file:
        log.tail(file, 1)
        lines = log.follow(path, file)
        path.unlink()
        path.write_text("fresh\n")
        assert next(lines) == "fresh\n"
