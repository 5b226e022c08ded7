"""Where jobs run: folder, environment, search path, mask - those of their own submission."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from pathlib import Path
from typing import Any

from picloud.model import job

from .conftest import until


def place() -> tuple[str, list[str], int, dict[str, str]]:
    mask = os.umask(0)
    os.umask(mask)
    return os.getcwd(), list(sys.path), mask, {**os.environ}


def test_everything_is_the_submissions(worker: Any, tmp_path: Path) -> None:
    driver = worker.driver
    for number in (1, 2):
        folder = tmp_path / str(number)
        folder.mkdir()
        context = driver.context(
            cwd=str(folder),
            path=(*sys.path, f"/extra/{number}"),
            umask=0o20 + number,
            environment=(("ONLY", str(number)), ("PATH", "/bin")),
        )
        cwd, path, mask, environment = worker.call(place, context=context).value()
        assert (cwd, path[-1], mask) == (str(folder), f"/extra/{number}", 0o20 + number)
        assert environment == {
            "ONLY": str(number),
            "PATH": "/bin",
            "PICLOUD_HOME": str(driver.home),
            "PICLOUD_GENERATION": "generation-1",
            "PICLOUD_WORKER": str(worker.id),
        }


def test_subprocesses_get_the_same_environment(worker: Any) -> None:
    context = worker.driver.context(environment=(("ONLY", "ä=1"), ("PATH", "/usr/bin:/bin")))
    text = worker.call(lambda: os.popen("env").read(), context=context).value()
    assert "ONLY=ä=1\n" in text
    assert "HOME=" not in text.replace("PICLOUD_HOME=", "")


def test_bytes_that_are_no_text_in_the_environment(worker: Any) -> None:
    context = worker.driver.context(environment=(("ODD", os.fsdecode(b"\xff\xfe")),))
    assert worker.call(lambda: os.environb[b"ODD"], context=context).value() == b"\xff\xfe"


def test_a_folder_that_is_not_there_is_every_items_error(worker: Any, tmp_path: Path) -> None:
    context = worker.driver.context(cwd=str(tmp_path / "gone"))
    ends = worker.run(lambda _i: 1, [(1,), (2,)], context=context)
    assert [end.status for end in ends] == [job.ERROR] * 2
    assert str(tmp_path / "gone") in ends[0].meta["exception"]
    assert "TIP" in ends[0].meta["exception"]
    assert worker.call(lambda: 1).value() == 1


def test_a_folder_that_was_made_anew_is_the_new_one(worker: Any, tmp_path: Path) -> None:
    context = worker.driver.context(cwd=str(tmp_path / "build"))
    for content in ("old", "new"):
        (tmp_path / "build").mkdir()
        (tmp_path / "build" / "file").write_text(content)
        assert worker.call(lambda: Path("file").read_text(), context=context).value() == content
        shutil.rmtree(tmp_path / "build")


def test_what_a_thread_that_a_job_left_changes_is_not_the_next_submissions(worker: Any, tmp_path: Path) -> None:
    """The context of a submission that is like the last one's is set beforehand, but not where it could change until then."""
    gate = tmp_path / "gate"

    def leave() -> None:
        def change() -> None:
            while not gate.exists():
                time.sleep(0.001)
            os.environ["CHANGED"] = "yes"
            os.umask(0o77)
            (tmp_path / "done").touch()
            time.sleep(60)

        threading.Thread(target=change, daemon=True).start()

    before = worker.call(place).value()
    worker.call(leave)
    gate.touch()
    until((tmp_path / "done").exists, "the thread has changed it")
    assert worker.call(place).value() == before


def test_the_time_zone(worker: Any) -> None:
    for zone, name in (("Asia/Tokyo", "JST"), ("UTC", "UTC")):
        context = worker.driver.context(environment=(("TZ", zone),))
        assert worker.call(lambda: time.strftime("%Z"), context=context).value() == name


def test_within_a_submission_items_share_their_process(worker: Any) -> None:
    first = worker.driver.next_first()

    def count() -> int:
        os.environ["COUNT"] = str(int(os.environ.get("COUNT", "0")) + 1)
        return int(os.environ["COUNT"])

    assert [end.value() for end in worker.run(count, [()] * 3, first=first)] == [1, 2, 3]
    assert worker.run(count, [()])[0].value() == 1
