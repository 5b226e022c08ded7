"""What is told of a fork and of the interpreter's end, and kept alive by neither."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import weakref

from picloud.client import lifetime
from picloud.client.lifetime import Belongings


class _Item:
    def __init__(self) -> None:
        self.forked = False

    def forget_parent(self) -> None:
        self.forked = True


def test_belongings_go_by_themselves() -> None:
    belongings: Belongings[_Item] = Belongings()
    kept, lost = _Item(), _Item()
    belongings.add(kept)
    belongings.add(lost)
    assert set(belongings) == {kept, lost}
    gone = weakref.ref(lost)
    del lost
    gc.collect()
    assert gone() is None
    assert list(belongings) == [kept]


def test_belongings_of_many_threads() -> None:
    belongings: Belongings[_Item] = Belongings()
    stop = threading.Event()

    def churn() -> None:
        while not stop.is_set():
            mine = [_Item() for _ in range(20)]
            for item in mine:
                belongings.add(item)

    threads = [threading.Thread(target=churn) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(300):
            assert all(isinstance(item, _Item) for item in belongings)
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_a_forked_child_is_told() -> None:
    item = _Item()
    lifetime.at_fork(item)
    child = os.fork()
    if not child:
        os._exit(7 if item.forked else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert not item.forked


def test_at_the_end_all_are_told_and_only_daemon_threads_are_held() -> None:
    program = (
        "import threading\n"
        "from picloud.client import lifetime\n"
        "class Item:\n"
        "    def end(self): print('told')\n"
        "item = Item()\n"
        "lifetime.at_exit(item)\n"
        "def pass_by(): lifetime.hold_daemons(); print('free', flush=True)\n"
        "pass_by()\n"
        "lifetime.end()\n"
        "pass_by()\n"
        "other = threading.Thread(target=pass_by)\n"
        "other.start(); other.join()\n"
        "daemon = threading.Thread(target=pass_by, daemon=True)\n"
        "daemon.start(); daemon.join(0.2)\n"
        "print(daemon.is_alive())"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    assert result.stdout.split() == ["free", "told", "free", "free", "True"]
