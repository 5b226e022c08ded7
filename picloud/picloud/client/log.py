"""The client's own log: the logger `Cloud`, on stderr from `print_log_level` on, and in `cloud.log` where `save_log` asks for it.

All processes of a user write to one file in the home; it is renamed at 4 MB, and seven older ones are kept, as PiCloud did.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sys
from contextlib import suppress
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import TYPE_CHECKING

from picloud.client import loading, logs, settings

if TYPE_CHECKING:
    from io import TextIOWrapper

    from picloud.model.settings import Settings

LIMIT = 4_000_000
"""Bytes at which the file is renamed."""
KEPT = 7
"""Older files that are kept."""

_FORMAT = "[%(asctime)s] - [%(levelname)s] - %(name)s(%(process)d): %(message)s"
_set_up: list[tuple[object, ...]] = []


def logger(values: Settings) -> logging.Logger:
    """Return the logger `Cloud`, set up as settings say."""
    log = logging.getLogger("Cloud")
    wanted = (values.save_log and path_of(values), values.log_level, values.print_log_level)
    if _set_up != [wanted]:
        with loading.lock:
            if _set_up != [wanted]:
                _begin(log, values)
                _set_up[:] = [wanted]
    return log


def path_of(values: Settings) -> Path:
    """Return the file of the log; a relative `log_filename` is one in the home."""
    return settings.home_of(values) / Path(values.log_filename).expanduser()


def _begin(log: logging.Logger, values: Settings) -> None:
    for handler in [handler for handler in log.handlers if isinstance(handler, (Console, SharedFile))]:
        log.removeHandler(handler)
        handler.close()
    console = Console(values.print_log_level)
    log.addHandler(console)
    lowest = console.level
    if values.save_log:
        file = SharedFile(path_of(values), values.log_level)
        log.addHandler(file)
        lowest = min(lowest, file.level)
    log.setLevel(lowest)


class Console(logging.StreamHandler):  # type: ignore[type-arg]  # it is generic for checkers alone
    """Writes to what stderr is then, unless the program has set up logging itself."""

    def __init__(self, level: str) -> None:
        """Write records from a level on."""
        super().__init__()
        self.setLevel(level)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record."""
        if not logging.getLogger().handlers and sys.stderr is not None:
            self.stream = sys.stderr
            super().emit(record)


class SharedFile(WatchedFileHandler):
    """Appends to a file that other processes append to, and rename, as well."""

    def __init__(self, path: Path, level: str) -> None:
        """Write records from a level on; the file is made at the first one."""
        super().__init__(path, encoding="utf-8", delay=True)
        self.setLevel(level)
        self.setFormatter(logging.Formatter(_FORMAT))

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; one that cannot be written is reported on stderr, as logging does."""
        try:
            if self._is_full():
                self._rename()
            super().emit(record)
        except OSError:
            self.handleError(record)

    def _open(self) -> TextIOWrapper:
        Path(self.baseFilename).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return open(self.baseFilename, "a", encoding=self.encoding, opener=logs.private)

    def _is_full(self) -> bool:
        try:
            return os.stat(self.baseFilename).st_size >= LIMIT
        except FileNotFoundError:
            return False

    def _rename(self) -> None:
        """Rename all files, unless another process has done so since it was looked."""
        with open(self.baseFilename + ".lock", "a", opener=logs.private) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self._is_full():
                for number in range(KEPT, 0, -1):
                    older = f".{number - 1}" if number > 1 else ""
                    with suppress(FileNotFoundError):
                        os.replace(self.baseFilename + older, f"{self.baseFilename}.{number}")
