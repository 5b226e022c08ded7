"""The client's log: levels, its file that processes share, its renaming, and stderr."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from picloud.client import log, settings


@pytest.fixture(autouse=True)
def _as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have no settings but the home."""
    monkeypatch.setenv("PICLOUD_HOME", str(tmp_path / "home"))
    settings.forget()
    yield
    settings.forget()
    monkeypatch.undo()
    log.logger(settings.current())


def root_has(handlers: list[logging.Handler], monkeypatch: pytest.MonkeyPatch) -> None:
    """Put handlers in place of those of the test runner, which it adds for the time of a test alone."""
    monkeypatch.setattr(logging.getLogger(), "handlers", handlers)


def test_no_file_is_kept_unless_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root_has([], monkeypatch)
    log.logger(settings.current()).warning("a warning")
    log.logger(settings.current()).error("an error")
    assert capsys.readouterr().err == "an error\n"
    assert not any(tmp_path.iterdir())


def test_the_file_has_who_said_what_when(tmp_path: Path) -> None:
    settings.assign("save_log", True)
    log.logger(settings.current()).debug("too fine")
    log.logger(settings.current()).info("job %d", 7)
    path = tmp_path / "home" / "cloud.log"
    (line,) = path.read_text().splitlines()
    assert line.endswith(" job 7")
    assert line.startswith("[20")
    assert "] - [INFO] - Cloud(" in line
    assert (path.parent.stat().st_mode & 0o777, path.stat().st_mode & 0o777) == (0o700, 0o600)


def test_levels_hold_for_file_and_stderr_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root_has([], monkeypatch)
    settings.assign("save_log", True)
    settings.assign("log_level", "error")
    settings.assign("print_log_level", "debug")
    for level in ("debug", "info", "warning", "error"):
        getattr(log.logger(settings.current()), level)(level)
    assert capsys.readouterr().err.split() == ["debug", "info", "warning", "error"]
    assert [line.split()[-1] for line in (tmp_path / "home" / "cloud.log").read_text().splitlines()] == ["error"]


def test_the_file_may_have_another_name(tmp_path: Path) -> None:
    settings.assign("save_log", True)
    settings.assign("log_filename", "logs/mine.log")
    log.logger(settings.current()).error("here")
    assert "here" in (tmp_path / "home" / "logs" / "mine.log").read_text()


def test_a_program_that_has_set_up_logging_hears_it_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root_has([logging.StreamHandler(sys.stderr)], monkeypatch)
    log.logger(settings.current()).error("once")
    assert capsys.readouterr().err == "once\n"


def test_a_full_file_is_renamed_and_seven_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "LIMIT", 100)
    settings.assign("save_log", True)
    for number in range(10):
        log.logger(settings.current()).info("%d%s", number, "x" * 100)
    names = sorted(path.name for path in (tmp_path / "home").glob("cloud.log*") if path.suffix != ".lock")
    assert names == ["cloud.log", *(f"cloud.log.{number}" for number in range(1, 8))]
    kept = [(tmp_path / "home" / name).read_text().split()[-1][0] for name in names]
    assert kept == [str(number) for number in range(9, 1, -1)]


def test_threads_at_their_first_word_set_it_up_once(tmp_path: Path) -> None:
    settings.assign("save_log", True)
    values = settings.current()
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=log.logger, args=(values,)) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    log.logger(values).info("once")
    assert (tmp_path / "home" / "cloud.log").read_text().count("once") == 1


SAYER = """
import sys
from picloud.client import log, settings

settings.assign("save_log", True)
log.LIMIT = 20_000
for line in range(200):
    log.logger(settings.current()).info("%d of %s", line, sys.argv[1])
"""


def test_processes_share_one_file_and_lose_nothing_while_it_is_renamed(tmp_path: Path) -> None:
    processes = [subprocess.Popen([sys.executable, "-c", SAYER, str(number)]) for number in range(4)]
    assert [process.wait(50) for process in processes] == [0] * 4
    said = [line for path in tmp_path.glob("home/cloud.log*") for line in path.read_text().splitlines()]
    assert sorted(line.rpartition(": ")[2] for line in said) == sorted(
        f"{line} of {number}" for line in range(200) for number in range(4)
    )


def test_a_disk_that_takes_nothing_harms_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root_has([], monkeypatch)
    (tmp_path / "home").write_text("in the way")
    settings.assign("save_log", True)
    log.logger(settings.current()).error("said all the same")
    assert "said all the same" in capsys.readouterr().err
