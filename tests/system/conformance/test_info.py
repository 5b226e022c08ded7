"""info, statement by statement (API §1.7, §17, §19)."""

from __future__ import annotations

import importlib
import os
import signal
import socket
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from picloud.exceptions import SerializationError

FAST = 30
MANY = 100_000
EMPTY = {
    "logging": "",
    "pilog": "",
    "syslog": "",
    "memory.failcnt": None,
    "memory.usage": None,
    "swap.max_usage": None,
    "swap.usage": None,
    "disk.usage": None,
    "cputime.user": None,
    "cputime.system": None,
    "cpu_percentage.user": None,
    "cpu_percentage.system": None,
}
"""Keys that come with the feed of measurements."""


def talk(x: int, *, to: str = "stdout") -> int:
    print("said", x, file=getattr(sys, to))
    return x


def same(x: object) -> object:
    return x


def fail() -> None:
    raise ValueError("no")


def hold(path: str) -> None:
    while not Path(path).exists():
        time.sleep(0.005)


def beget() -> int:
    import cloud

    child: int = cloud.call(same, 1)
    return child


def _ended(cloud: ModuleType, jid: int) -> int:
    cloud.join(jid, timeout=FAST, ignore_errors=True)
    return jid


@pytest.mark.parametrize("requested", [None, "", [], ()])
def test_nothing_asked_for_is_stdout_stderr_status_runtime(cloud: ModuleType, requested: Any) -> None:
    jid = _ended(cloud, cloud.call(talk, 1))
    assert set(cloud.info(jid, requested)[jid]) == {"stdout", "stderr", "status", "runtime"}


@pytest.mark.parametrize("requested", ["status", ["status"], ("status",), iter(["status"])])
def test_a_str_or_an_iterable_of_str_is_asked_for(cloud: ModuleType, requested: Any) -> None:
    jid = _ended(cloud, cloud.call(same, 1))
    assert cloud.info(jid, requested) == {jid: {"status": "done"}}


@pytest.mark.parametrize("requested", [1, 1.0, b"status", ["status", 1], [None], [b"status"]])
def test_other_types_are_a_type_error(cloud: ModuleType, requested: Any) -> None:
    with pytest.raises(TypeError, match="info_requested must be a valid string value or list of strings"):
        cloud.info(1, requested)


@pytest.mark.parametrize(
    ("key", "advice"), [("statsu", "'status'"), ("memory.max_usag", "'memory.max_usage'"), ("finish", "'finished'")]
)
def test_an_unknown_key_is_a_value_error_with_a_suggestion(cloud: ModuleType, key: str, advice: str) -> None:
    with pytest.raises(ValueError, match=f"info has no key '{key}'. Did you mean {advice}"):
        cloud.info(1, ["status", key])


def test_always_a_dict_keyed_by_jid(cloud: ModuleType) -> None:
    jids = cloud.map(same, range(5))
    cloud.join(jids, timeout=FAST)
    assert cloud.info(jids[0], "status") == {jids[0]: {"status": "done"}}
    found = cloud.info([jids[3], jids[1:3], jids[3]], "status")
    assert list(found) == [jids[3], jids[1], jids[2]]
    assert cloud.info([], "status") == cloud.info(range(0)) == {}


@pytest.mark.parametrize("jids", ["asdf", b"1", 1.0, None, ["1"], True])
def test_jids_are_integers(cloud: ModuleType, jids: Any) -> None:
    with pytest.raises(TypeError, match=r"jid\(s\) must be integers"):
        cloud.info(jids)


def test_unknown_and_deleted_jids(cloud: ModuleType) -> None:
    jids = cloud.map(same, range(3))
    cloud.join(jids, timeout=FAST)
    cloud.delete(jids[1])
    for asked, culprit in [(jids[1], jids[1]), (jids, jids[1]), (10**9, 10**9), ([jids[0], 10**9], 10**9)]:
        with pytest.raises(cloud.CloudException, match=f"^Job {culprit}: Does not exist"):
            cloud.info(asked)
    assert cloud.info(jids[0], "status") == {jids[0]: {"status": "done"}}


def test_stdout_and_stderr_are_empty_strings_when_nothing_was_written(cloud: ModuleType) -> None:
    quiet = _ended(cloud, cloud.call(same, 1))
    loud = _ended(cloud, cloud.call(talk, 2, to="stderr"))
    assert cloud.info(quiet, ["stdout", "stderr"]) == {quiet: {"stdout": "", "stderr": ""}}
    assert cloud.info(loud, ["stdout", "stderr"]) == {loud: {"stdout": "", "stderr": "said 2\n"}}


def test_exception_is_the_traceback_text_or_none(cloud: ModuleType) -> None:
    bad, good = cloud.call(fail), cloud.call(same, 1)
    stalled = cloud.call(same, 1, _depends_on=bad)
    cloud.join([bad, good, stalled], timeout=FAST, ignore_errors=True)
    found = cloud.info([bad, good, stalled], ["exception", "status"])
    text = found[bad]["exception"]
    assert text.startswith("Traceback (most recent call last):")
    assert text.rstrip().endswith("ValueError: no")
    assert found[good] == {"exception": None, "status": "done"}
    assert found[stalled] == {"exception": None, "status": "stalled"}


def test_runtime_is_seconds_and_lives_while_it_runs(cloud: ModuleType, gate: Path) -> None:
    jid = cloud.call(hold, str(gate))
    assert cloud.wait_for.status(jid, "processing", timeout=FAST) == "processing"
    first = cloud.info(jid, "runtime")[jid]["runtime"]
    deadline = time.monotonic() + FAST
    while not cloud.info(jid, "runtime")[jid]["runtime"] > first >= 0:
        assert time.monotonic() < deadline
    gate.touch()
    cloud.join(jid, timeout=FAST)
    ended = cloud.info(jid, "runtime")[jid]["runtime"]
    assert first <= ended == cloud.info(jid, "runtime")[jid]["runtime"]


def test_created_started_finished_are_local_datetimes(cloud: ModuleType) -> None:
    before = datetime.now()  # noqa: DTZ005 - local, as PiCloud's
    jid = _ended(cloud, cloud.call(time.sleep, 0.05))
    facts = cloud.info(jid, ["created", "started", "finished", "runtime"])[jid]
    slack = timedelta(milliseconds=50)
    assert before - slack <= facts["created"] <= facts["started"] + slack
    assert abs(facts["finished"] - facts["started"] - timedelta(seconds=facts["runtime"])) < slack
    assert facts["finished"] <= datetime.now() + slack  # noqa: DTZ005 - as above


def test_what_has_not_happened_is_none(cloud: ModuleType, gate: Path) -> None:
    running = cloud.call(hold, str(gate))
    jid = cloud.call(same, 1, _depends_on=running)
    keys = ["status", "started", "finished", "runtime", "worker", "exception", "cause", "ports"]
    assert cloud.info(jid, keys)[jid] == dict.fromkeys(keys) | {"status": "waiting", "ports": ""}


def test_function_is_module_name_file_and_line(cloud: ModuleType) -> None:
    jid = _ended(cloud, cloud.call(same, 1))
    wanted = f"{__name__}.same at {__file__}:{same.__code__.co_firstlineno}"
    assert cloud.info(jid, "function") == {jid: {"function": wanted}}


def test_label_is_empty_if_there_is_none(cloud: ModuleType) -> None:
    labelled, plain = cloud.call(same, 1, _label="night"), cloud.call(same, 1)
    assert cloud.info([labelled, plain], "label") == {labelled: {"label": "night"}, plain: {"label": ""}}


def test_args_kwargs_and_func_object_are_the_objects(cloud: ModuleType) -> None:
    jid = cloud.call(talk, 3, to="stderr")
    keys = ["args", "kwargs", "func_object", "func_body"]
    assert cloud.info(jid, keys)[jid] == {
        "args": (3,),
        "kwargs": {"to": "stderr"},
        "func_object": talk,
        "func_body": talk,
    }
    jids = cloud.map(lambda *given: given, ["a", "b"], [1])
    found = cloud.info(jids, ["args", "kwargs"])
    assert [found[one] for one in jids] == [{"args": ("a", 1), "kwargs": {}}, {"args": ("b", None), "kwargs": {}}]


def test_arguments_are_fresh_values(cloud: ModuleType) -> None:
    jid = _ended(cloud, cloud.call(same, [1]))
    cloud.info(jid, "args")[jid]["args"][0].append(2)
    assert cloud.info(jid, "args")[jid]["args"] == ([1],)


def test_large_arguments_too(cloud: ModuleType) -> None:
    jids = cloud.map(len, [bytes([letter]) * 3_000_000 for letter in b"abc"])
    found = cloud.info(jids, ["args", "status"])
    assert [(len(found[jid]["args"][0]), found[jid]["args"][0][:1]) for jid in jids] == [
        (3_000_000, letter) for letter in (b"a", b"b", b"c")
    ]


def test_what_cannot_be_rebuilt_here(cloud: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for by name it is an error; with 'all' the error stands in its place, and the rest is told."""
    (tmp_path / "goes_away.py").write_text("class Thing:\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("goes_away")
    jid = _ended(cloud, cloud.call(same, module.Thing()))
    monkeypatch.delitem(sys.modules, "goes_away")
    (tmp_path / "goes_away.py").unlink()
    importlib.invalidate_caches()
    sys.path.remove(str(tmp_path))
    with pytest.raises(SerializationError, match="args cannot be rebuilt here: ModuleNotFoundError"):
        cloud.info(jid, "args")
    facts = cloud.info(jid, "all")[jid]
    assert facts["status"] == "done"
    assert isinstance(facts["args"], SerializationError)


def test_attributes_is_everything_fixed_at_creation(cloud: ModuleType) -> None:
    jid = cloud.call(
        same, 1, _label="x", _type="c2", _cores=2, _max_runtime=3, _priority=7, _restartable=False, _depends_on=[]
    )
    found = cloud.info(jid, ["attributes", "type", "cores", "max_runtime", "code_version", "creator_hostname"])[jid]
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert found["attributes"] == {
        "code_version": python,
        "core_type": "c2",
        "cores": 2,
        "creator_api_key": None,
        "creator_hostname": socket.gethostname(),
        "cwd": str(Path.cwd()),
        "env": "",
        "function": found["attributes"]["function"],
        "interpreter": sys.executable,
        "label": "x",
        "max_runtime": 3.0,
        "parent_jid": None,
        "priority": 7,
        "restartable": False,
        "vol": [],
    }
    assert found["attributes"]["function"].startswith(f"{__name__}.same at ")
    assert {
        name: found["attributes"][{"type": "core_type"}.get(name, name)] for name in found if name != "attributes"
    } == {name: value for name, value in found.items() if name != "attributes"}
    cloud.kill(jid)


def test_parent_jid_is_the_job_that_made_it(cloud: ModuleType) -> None:
    parent = cloud.call(beget)
    child = cloud.result(parent, timeout=FAST)
    assert cloud.info([parent, child], "parent_jid") == {parent: {"parent_jid": None}, child: {"parent_jid": parent}}


def test_depends_on_is_a_list_of_jids(cloud: ModuleType) -> None:
    jids = cloud.map(same, range(3))
    jid = cloud.call(same, 1, _depends_on=[jids[2], jids[0]])
    assert cloud.info(jid, "depends_on") == {jid: {"depends_on": [jids[2], jids[0]]}}


def test_an_attempt_that_is_lost_is_counted(cloud: ModuleType, gate: Path) -> None:
    """The supervisor goes, and every worker with it: the job runs again elsewhere."""
    jid = cloud.call(hold, str(gate))
    cloud.wait_for.status(jid, "processing", timeout=FAST)
    assert cloud.info(jid, ["attempt", "interpreter"])[jid] == {"attempt": 1, "interpreter": sys.executable}
    os.kill(cloud.result(cloud.call(os.getppid, _priority=1), timeout=FAST), signal.SIGKILL)
    deadline = time.monotonic() + FAST
    while cloud.info(jid, "attempt")[jid]["attempt"] == 1:
        assert time.monotonic() < deadline
    gate.touch()
    cloud.join(jid, timeout=FAST)
    facts = cloud.info(jid, ["attempt", "worker"])[jid]
    assert facts["attempt"] == 2
    assert facts["worker"] > 0


def test_a_group_gives_its_dotted_members_flat(cloud: ModuleType) -> None:
    jid = _ended(cloud, cloud.call(same, 1))
    assert set(cloud.info(jid, "memory")[jid]) == {
        "memory.failcnt",
        "memory.max_usage",
        "memory.usage",
        "swap.max_usage",
        "swap.usage",
        "disk.usage",
    }
    assert cloud.info(jid, ["cputime", "cpu_percentage", "status"])[jid] == {
        "cputime.user": None,
        "cputime.system": None,
        "cpu_percentage.user": None,
        "cpu_percentage.system": None,
        "status": "done",
    }
    assert set(cloud.info(jid, ["memory.failcnt", "cputime.user"])[jid]) == {"memory.failcnt", "cputime.user"}
    assert set(cloud.info(jid, ["swap", "disk"])[jid]) == {"swap.max_usage", "swap.usage", "disk.usage"}


def test_nothing_is_invented_for_what_is_not_measured_yet(cloud: ModuleType) -> None:
    jid = _ended(cloud, cloud.call(talk, 1))
    assert cloud.info(jid, list(EMPTY)) == {jid: EMPTY}


def test_env_profile_and_vol_are_empty_if_there_are_none(cloud: ModuleType) -> None:
    jid = _ended(cloud, cloud.call(same, 1))
    assert cloud.info(jid, ["env", "profile", "vol"]) == {jid: {"env": "", "profile": "", "vol": []}}


def test_all_is_every_key(cloud: ModuleType) -> None:
    jid = _ended(cloud, cloud.call(talk, 1))
    facts = cloud.info(jid, "all")[jid]
    expected = {
        "status", "stdout", "stderr", "logging", "pilog", "syslog", "exception", "runtime", "created", "finished", "env",
        "vol", "function", "label", "args", "kwargs", "func_object", "attributes", "profile", "memory.failcnt",
        "memory.max_usage", "memory.usage", "swap.max_usage", "swap.usage", "disk.usage", "cputime.user", "cputime.system",
        "cpu_percentage.user", "cpu_percentage.system", "ports", "code_version", "parent_jid", "max_runtime",
        "creator_api_key", "creator_hostname", "type", "cores",
    }  # fmt: skip
    assert expected <= set(facts)
    assert cloud.info(jid, ["all", "status"])[jid].keys() == facts.keys()
    assert all(cloud.info(jid, name)[jid] == {name: facts[name]} for name in facts)


def test_the_documented_keys_can_be_asked_for_at_once(cloud: ModuleType) -> None:
    plain = [
        "status", "stdout", "stderr", "logging", "pilog", "syslog", "exception", "runtime", "created", "finished", "env",
        "vol", "function", "label", "args", "kwargs", "func_object", "attributes", "profile", "ports",
    ]  # fmt: skip
    jid = _ended(cloud, cloud.call(talk, 1))
    facts = cloud.info(jid, [*plain, "memory", "cputime", "cpu_percentage"])[jid]
    assert list(facts)[: len(plain)] == plain
    assert {name.partition(".")[0] for name in list(facts)[len(plain) :]} == {
        *("memory", "swap", "disk", "cputime", "cpu_percentage"),
    }
    assert facts["created"] < facts["finished"]
    assert facts["runtime"] > 0


def test_an_unfinished_jobs_keys_are_all_there(cloud: ModuleType, gate: Path) -> None:
    running = cloud.call(hold, str(gate))
    waiting = cloud.call(same, 1, _depends_on=running)
    cloud.wait_for.status(running, "processing", timeout=FAST)
    found = cloud.info([running, waiting], "all")
    assert found[running].keys() == found[waiting].keys()
    assert found[waiting]["args"] == (1,)


def test_jids_can_be_asked_for_later_by_another_process(cloud: ModuleType) -> None:
    """§17, row 35: what a program kept of its jobs is their jids."""
    jid = _ended(cloud, cloud.call(talk, 4))
    program = f"import cloud; print(cloud.info({jid}, ['stdout', 'status', 'attempt']))"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=FAST)
    assert told.stdout.strip() == str({jid: {"stdout": "said 4\n", "status": "done", "attempt": 1}})


def test_a_hundred_thousand_jobs_take_a_few_requests(cloud: ModuleType, requests: list[object]) -> None:
    jids = cloud.map(same, range(MANY))
    cloud.join(jids, timeout=FAST)
    requests.clear()
    began = time.perf_counter()
    found = cloud.info(jids)
    assert time.perf_counter() - began < FAST
    assert len(requests) < 20
    assert list(found) == list(jids)
    assert all(
        facts["status"] == "done" and facts["stdout"] == "" and facts["runtime"] >= 0 for facts in found.values()
    )


def test_many_jobs_whose_jids_lie_apart(cloud: ModuleType, requests: list[object]) -> None:
    jids = cloud.map(same, range(40_000))
    cloud.join(jids, timeout=FAST)
    requests.clear()
    apart = list(jids[::2])
    assert list(cloud.info(apart, "status")) == apart
    assert len(requests) < 10


def test_many_jobs_that_have_much_to_say(cloud: ModuleType) -> None:
    """More output than one answer could hold: it comes a page at a time."""
    jids = cloud.map(lambda n: print(str(n % 10) * 900_000), range(40))
    cloud.join(jids, timeout=FAST)
    found = cloud.info(jids, "stdout")
    assert [found[jid]["stdout"] for jid in jids] == [str(n % 10) * 900_000 + "\n" for n in range(40)]


def test_of_more_output_than_is_kept_there_are_head_and_tail(cloud: ModuleType) -> None:
    """A megabyte of each of the two, where PiCloud kept 64 kB."""

    def flood() -> None:
        for stream, width in ((sys.stdout, 7), (sys.stderr, 9)):
            stream.writelines(f"{n:0{width}}\n" for n in range(300_000))

    jid = _ended(cloud, cloud.call(flood))
    facts = cloud.info(jid)[jid]
    for name, width in (("stdout", 7), ("stderr", 9)):
        text = facts[name]
        assert text.startswith(f"{0:0{width}}\n{1:0{width}}\n")
        assert text.endswith(f"{299_998:0{width}}\n{299_999:0{width}}\n")
        assert 1_000_000 <= len(text) < 1_000_200
        head, _, tail = text.partition(f"[... {300_000 * (width + 1) - 1_000_000} bytes were dropped here ...]\n")
        assert abs(len(head) - len(tail)) < 100
    short = _ended(cloud, cloud.call(lambda: print("x" * 900_000)))
    assert cloud.info(short, "stdout")[short]["stdout"] == "x" * 900_000 + "\n"


def test_output_that_json_would_blow_up(cloud: ModuleType) -> None:
    jid = _ended(cloud, cloud.call(lambda: print("\N{SNOWMAN}" * 300_000)))
    assert cloud.info(jid)[jid]["stdout"] == "\N{SNOWMAN}" * 300_000 + "\n"


def test_a_message_that_is_no_unicode(cloud: ModuleType) -> None:
    def odd() -> None:
        raise ValueError("a\udc80b")

    jid = _ended(cloud, cloud.call(odd))
    assert "a\udc80b" in cloud.info(jid, "exception")[jid]["exception"]
