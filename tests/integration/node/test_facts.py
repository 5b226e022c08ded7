"""Everything that is known of a job, while it runs and for ever after."""

from __future__ import annotations

import os
import pickle
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from picloud.model import arguments, job
from picloud.wire import messages, payload

from .conftest import PYTHON, Client, Gate, Run, context, ranges, supervisors, until


def speak(loud: int) -> int:
    import sys

    print("out" * loud)
    print("err" * loud, file=sys.stderr)
    return loud


def test_a_finished_job_has_times_worker_and_output(client: Client) -> None:
    before = time.time()
    jid = client.call(speak, 1, label="one", priority=3, max_runtime=100.0)
    client.wait(jid)
    facts = client.info(jid)
    assert (facts["jid"], facts["status"], facts["label"], facts["priority"]) == (jid, job.DONE, "one", 3)
    assert (facts["stdout"], facts["stderr"]) == ("out\n", "err\n")
    assert before <= facts["created"] <= facts["started"] <= facts["finished"] <= time.time()
    assert facts["runtime"] == pytest.approx(facts["finished"] - facts["started"], abs=1e-3)
    assert (facts["attempt"], facts["exception"], facts["cause"]) == (1, None, None)
    assert facts["worker"] > 0
    assert (facts["interpreter"], facts["python"], facts["cwd"]) == (sys.executable, PYTHON, "/")
    assert (facts["array"], facts["is_map"], facts["depends_on"]) == ([jid, 1], False, [])
    assert (facts["function"], facts["hostname"], facts["parent"]) == ("test.function", "testhost", None)
    assert (facts["max_runtime"], facts["restartable"], facts["cores"], facts["core_type"]) == (100.0, True, 1, "c1")


def test_a_job_that_raised_has_its_cause_and_traceback(client: Client) -> None:
    jid = client.call(lambda: 1 / 0)
    client.wait(jid)
    facts = client.info(jid)
    assert facts["cause"][0] == "exception"
    assert "ZeroDivisionError" in facts["exception"]


def test_a_running_job_shows_its_output_so_far(client: Client, gate: Gate) -> None:
    wait = gate.job()

    def talk() -> None:
        print("before", flush=True)
        wait()
        print("after", flush=True)

    jid = client.call(talk)
    gate.wait()
    client.until_status(jid, job.PROCESSING)
    facts = client.info(jid)
    assert facts["stdout"] == "before\n"
    assert facts["runtime"] >= 0
    assert (facts["worker"] > 0, facts["finished"]) == (True, None)
    gate.open()
    client.wait(jid)
    assert client.info(jid)["stdout"] == "before\nafter\n"


def test_a_job_that_has_not_run_has_no_times(client: Client, gate: Gate) -> None:
    first = client.call(gate.job())
    jid = client.call(speak, 1, depends_on=ranges(first), label="later")
    facts = client.info(jid)
    assert (facts["status"], facts["depends_on"]) == (job.WAITING, [[first, first + 1]])
    assert (facts["started"], facts["finished"], facts["worker"], facts["stdout"]) == (None, None, None, "")
    client.kill(jid)
    facts = client.info(jid)
    assert (facts["cause"][0], facts["worker"], facts["started"]) == ("killed-by-user", None, None)
    assert facts["finished"] == pytest.approx(time.time(), abs=30)


def test_items_of_an_array_have_what_is_theirs(client: Client) -> None:
    first, stop = client.map(speak, [1, 2, 3])
    client.wait((first, stop))
    jobs = client.infos([[first + 1, stop]])
    assert [facts["stdout"] for facts in jobs] == ["outout\n", "outoutout\n"]
    assert [facts["jid"] for facts in jobs] == [first + 1, first + 2]
    assert jobs[0]["array"] == [first, 3]


def test_output_that_is_too_long_for_the_record_is_read_from_its_spool(client: Client) -> None:
    jids = client.map(speak, [5000, 1])
    client.wait(jids)
    assert client.info(jids[0])["stdout"] == "out" * 5000 + "\n"
    assert client.info(jids[0])["stderr"] == "err" * 5000 + "\n"
    assert client.info(jids[0] + 1)["stdout"] == "out\n"


def test_floods_keep_head_and_tail_and_a_spool_that_is_gone_is_no_output(run: Run) -> None:
    def flood() -> None:
        print("head" + "x" * 100_000 + "tail", end="")

    with run(PICLOUD_MAX_OUTPUT="10000") as node, Client(node.home) as client:
        jid = client.call(flood)
        spool = client.end(jid).meta["spool"]
        text = client.info(jid)["stdout"]
        assert text.startswith("headxxx")
        assert text.endswith("xxxtail")
        assert len(text) < 11_000
        assert "bytes were dropped" in text
        (node.home / "spool" / f"{spool}.out").unlink()
        assert client.info(jid)["stdout"] == ""


def _bulky(client: Client, jid: int, *keys: str) -> dict[str, Any]:
    facts = client.info(jid, *keys)
    return {key: payload.load(facts[key], cloudpickle.loads) for key in keys}


def test_function_and_arguments_come_only_when_they_are_asked_for(client: Client) -> None:
    jid = client.call(speak, 2)
    facts = client.info(jid)
    assert "args" not in facts
    assert "func_object" not in facts
    found = _bulky(client, jid, "args", "func_object")
    assert found["args"] == ((2,), {})
    assert found["func_object"].__name__ == "speak"
    client.wait(jid)
    assert _bulky(client, jid, "args") == {"args": ((2,), {})}


def test_arguments_of_an_item_deep_in_an_array(client: Client, gate: Gate) -> None:
    first, stop = client.map(gate.job(), [f"item {index}" for index in range(1000)])
    assert _bulky(client, first + 777, "args") == {"args": ("item 777",)}
    client.kill((first, stop))
    client.wait((first, stop))
    assert _bulky(client, first + 777, "args") == {"args": ("item 777",)}


def test_arguments_in_a_segment_are_read_from_it(client: Client) -> None:
    segment = uuid.uuid4().hex
    content = pickle.dumps((b"x" * 300_000,))
    payload.write_segment(str(client.home / "segments" / "incoming" / segment), content, [])
    order = client.order(len, 1, is_map=True)
    record = arguments.encode_items([b"S" + segment.encode()])
    jid = client.ask(messages.Submitted, order, record).first
    assert client.result(jid) == 300_000
    assert _bulky(client, jid, "args") == {"args": (b"x" * 300_000,)}


def test_peak_memory_and_last_words_of_a_job_whose_process_ended(client: Client) -> None:
    def leave() -> None:
        import os
        import sys

        print("out", flush=True)
        for line in range(30):
            print(f"line {line}", file=sys.stderr, flush=True)
        os._exit(7)

    jid = client.call(leave)
    client.wait(jid)
    facts = client.info(jid)
    assert facts["cause"][:2] == ["exit", 7]
    assert facts["peak"] > 1_000_000
    assert facts["stdout"] == "out\n"
    assert facts["stderr"].splitlines()[0] == "line 0"
    assert "line 29" in facts["exception"]
    assert "line 5" not in facts["exception"]


def test_a_folder_that_is_gone_is_the_jobs_error(client: Client, tmp_path: Path) -> None:
    jid = client.call(os.getpid, where=context(cwd=str(tmp_path / "missing")))
    client.wait(jid)
    until(lambda: client.status(jid) == job.ERROR, "it failed")
    assert str(tmp_path / "missing") in client.info(jid)["exception"]


def test_only_what_was_asked_for_comes(client: Client) -> None:
    def talk() -> None:
        from picloud.model import running

        print("said")
        assert running.current is not None
        running.current.remarks.add_log("noted")
        running.current.remarks.set_progress(1, None, "")

    jid = client.call(talk)
    client.wait(jid)
    facts = client.info(jid)
    assert (facts["stdout"], facts["log"], facts["progress"]) == ("said\n", "noted\n", [1, None, ""])
    for name in ("stdout", "log", "progress"):
        assert client.info(jid, name) == {"jid": jid, name: facts[name]}


def test_what_a_job_said_of_itself_outlives_its_supervisor(run: Run, tmp_path: Path) -> None:
    begun = tmp_path / "begun"

    def say(path: str) -> None:
        import time

        from picloud.model import running

        assert running.current is not None
        running.current.remarks.set_progress(3, 10, "half way")
        open(path, "x").close()
        time.sleep(1000)

    with run() as node, Client(node.home) as client:
        jid = client.call(say, str(begun), restartable=False)
        until(begun.exists, "the job has begun")
        (supervisor,) = supervisors(node.process.pid)
        supervisor.kill()
        client.wait(jid)
        facts = client.info(jid)
        assert facts["cause"][0] == "lost"
        assert facts["progress"] == [3, 10, "half way"]
