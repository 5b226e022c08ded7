"""Jobs outlive the client that submitted them and the node that ran them: whoever knows a jid can ask for it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from picloud.testing.node import stop_home

from . import conftest as shared

_SUBMIT = """
import json
class Odd(Exception): pass
def wait():
    while not os.path.exists('gate'): time.sleep(0.01)
    return 'through'
def fail():
    print('said', flush=True)
    raise Odd('on purpose')
large = os.urandom(1 << 20)
jids = [cloud.call(wait, _label='slow'), cloud.call(fail), cloud.call(len, large), cloud.call(bytes, 1 << 20)]
jids += cloud.map(lambda x: x * x, range(1000))
print(json.dumps([jids[0], jids[-1]]))
"""
_READ = """
import json
first, last = {first}, {last}
failed, size, large, *squares = cloud.result(range(first + 1, last + 1), ignore_errors=True)
print(json.dumps([
    cloud.result(first), str(failed), size, len(large), sum(squares), cloud.info(first + 1)[first + 1]['stdout'],
    cloud.status([first, first + 1]),
]))
"""


def _expect(found: list[Any]) -> None:
    through, failed, size, large, squares, said, statuses = found
    assert (through, size, large, squares, said) == ("through", 1 << 20, 1 << 20, 332833500, "said\n")
    assert "Odd: on purpose" in failed
    assert "raise Odd('on purpose')" in failed
    assert statuses == ["done", "error"]


def test_another_process_reads_what_a_client_that_has_ended_submitted(programs: shared.Programs) -> None:
    first, last = programs.run(_SUBMIT)
    (programs.folder / "gate").touch()
    _expect(programs.run(_READ.format(first=first, last=last)))


def test_jobs_of_a_killed_client_go_on(programs: shared.Programs) -> None:
    client = programs.start(_SUBMIT.replace("print(json.dumps(", "print(*(") + "\nsys.stdout.flush()\ntime.sleep(300)")
    assert client.stdout is not None
    first, last = map(int, client.stdout.readline().split())
    client.send_signal(signal.SIGKILL)
    client.communicate()
    (programs.folder / "gate").touch()
    _expect(programs.run(_READ.format(first=first, last=last)))


def test_the_next_node_knows_what_the_last_one_ran(programs: shared.Programs) -> None:
    (programs.folder / "gate").touch()
    first, last = programs.run(_SUBMIT)
    _expect(programs.run(_READ.format(first=first, last=last)))
    assert stop_home(Path(os.environ["PICLOUD_HOME"])) == []
    _expect(programs.run(_READ.format(first=first, last=last)))
    assert programs.run("print(cloud.call(abs, -1))") == last + 1


def test_a_node_that_is_stopped_in_good_order_leaves_its_jobs_to_the_next(programs: shared.Programs) -> None:
    first, last = programs.run(_SUBMIT)
    assert stop_home(Path(os.environ["PICLOUD_HOME"])) == []
    (programs.folder / "gate").touch()
    _expect(programs.run(_READ.format(first=first, last=last)))


def test_the_command_line_reads_them_by_jid(programs: shared.Programs) -> None:
    (programs.folder / "gate").touch()
    first, _ = programs.run(_SUBMIT)
    command = [sys.executable, "-m", "picloud.cli.main", "--json", "result", str(first)]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=40)
    assert json.loads(result.stdout) == "through"


def test_an_interrupted_client_ends_its_wait_and_not_the_job(programs: shared.Programs) -> None:
    client = programs.start(
        "def wait():\n"
        "    while not os.path.exists('gate'): time.sleep(0.01)\n"
        "    return 5\n"
        "jid = cloud.call(wait)\n"
        "print(jid, flush=True)\n"
        "try: cloud.result(jid)\n"
        "except KeyboardInterrupt: print(cloud.status(jid), cloud.result(cloud.call(abs, -3)), flush=True)\n"
        "open('gate', 'w').close()\n"
        "print(cloud.result(jid))"
    )
    assert client.stdout is not None
    client.stdout.readline()
    shared.until(lambda: programs.run("print(int(cloud.status(1) == 'processing'))"))
    client.send_signal(signal.SIGINT)
    status, value = client.stdout.readline().split()
    assert status == "processing"
    assert value == "3"
    assert programs.finish(client) == 5
