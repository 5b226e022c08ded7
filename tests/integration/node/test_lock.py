"""The lock decides who lives, and goes with its holder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from picloud.node.lock import FileLock


def test_only_one_can_hold_it(tmp_path: Path) -> None:
    one, two = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert one.try_exclusive()
    assert not two.try_exclusive()
    one.release()
    assert two.try_exclusive()
    two.release()


def test_it_goes_with_a_killed_holder(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib; from picloud.node.lock import FileLock; lock = FileLock(pathlib.Path(sys.argv[1]));"
        "assert lock.try_exclusive(); lock.note('held'); print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        lock = FileLock(tmp_path / "lock")
        assert not lock.try_exclusive()
        holder.kill()
        holder.wait()
        assert lock.try_exclusive()
        lock.release()


def test_its_file_is_private_and_never_a_link(tmp_path: Path) -> None:
    FileLock(tmp_path / "lock").release()
    assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    try:
        FileLock(tmp_path / "link")
    except OSError:
        assert not (tmp_path / "elsewhere").exists()
    else:
        raise AssertionError("a link was followed")
