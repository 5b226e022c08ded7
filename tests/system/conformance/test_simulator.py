"""`cloud.mp` and the simulator, statement by statement: one counter of jids, the whole interface, and what a job sees of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .clients import HEAD, Clients, nothing_is_left_of

KINDS = {"mp": "jobs = cloud.mp\n", "simulator": "cloud.start_simulator()\njobs = cloud\n"}


def test_jids_count_from_1_upward_over_mp_the_simulator_and_what_was_closed(clients: Clients) -> None:
    found = clients.run("""
        cloud.start_simulator()
        mp, took = cloud.mp, []
        took.append(mp.call(abs, 1))
        took.append(list(cloud.map(abs, range(3))))
        took.append(list(mp.map(abs, range(2))))
        took.append(cloud.call(abs, 1))
        mp.close()
        took.append(mp.call(abs, 1))
        cloud.start_simulator(force_restart=True)
        took.append(list(cloud.map(abs, range(2))))
        cloud.close()
        took.append(cloud.call(abs, 1))
        mp.close()
        took.append(cloud.call(abs, 1))
        print(json.dumps(took))
    """)
    assert found == [1, [2, 3, 4], [5, 6], 7, 8, [9, 10], 11, 12]


def test_jids_of_nested_jobs_forked_children_and_threads_are_of_the_same_counter(clients: Clients) -> None:
    found = clients.run("""
        def outer():
            import cloud
            return [cloud.call(abs, 1), cloud.mp.call(abs, 1), *cloud.map(abs, [1, 2])]
        cloud.start_simulator()
        took = []
        for jobs in (cloud, cloud.mp):
            jid = jobs.call(outer)
            took += [jid, *jobs.result(jid)]
        reader, writer = os.pipe()
        if not os.fork():
            os.write(writer, json.dumps([cloud.call(abs, 1), cloud.mp.call(abs, 1)]).encode())
            os._exit(0)
        os.wait()
        took += json.loads(os.read(reader, 100))
        def submit():
            for _ in range(20): took.append(cloud.call(abs, 1)); took.extend(cloud.mp.map(abs, [1, 2]))
        threads = [threading.Thread(target=submit) for _ in range(8)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        print(json.dumps(took))
    """)
    assert sorted(found) == list(range(1, len(found) + 1))


def test_a_submission_that_is_refused_takes_no_jid(clients: Clients) -> None:
    assert (
        clients.run("""
        try: cloud.mp.call(abs, 1, _depends_on=77)
        except cloud.CloudException as error: assert "This dependency does not exist." in str(error)
        print(cloud.mp.call(abs, 1))
    """)
        == 1
    )


def test_a_private_node_that_was_killed_goes_on_counting(clients: Clients) -> None:
    assert clients.run("""
        cloud.start_simulator()
        jids = [cloud.call(abs, 1), cloud.mp.call(abs, 1)]
        os.kill(cloud.mp.connection_info()["pid"], signal.SIGKILL)
        jids += [cloud.call(abs, 1), cloud.mp.call(abs, 1), cloud.call(abs, 1)]
        assert cloud.mp.result(jids[1], timeout=40) == 1
        print(jids)
    """) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("kind", KINDS)
def test_all_of_the_interface_works(kind: str, clients: Clients) -> None:
    clients.run(
        """
    def fail(): raise LookupError("no")
    def leave(): sys.exit(3)
    def crash(): os._exit(3)
    def unpicklable(): return (x for x in ())
    def talk(): print("out"); print("err", file=sys.stderr)
    assert jobs.map(abs, []) == range(0) or list(jobs.map(abs, [])) == []
    jid = jobs.call(pow, 2, 5, _label="a label", _priority=1, _os_env_vars=["HOME"])
    assert jobs.result(jid) == 32 and jobs.status(jid) == "done"
    assert jobs.info(jid, ["label", "status"]) == {jid: {"label": "a label", "status": "done"}}
    jids = jobs.map(lambda x, y: (x, y), [1, 2, 3], [4])
    assert isinstance(jids, range)
    assert jobs.result(jids) == [(1, 4), (2, None), (3, None)] == list(jobs.iresult(jids))
    assert sorted(jobs.iresult_unordered(jids), key=str) == jobs.result(jids)
    for function, text in ((fail, "LookupError: no"), (leave, "SystemExit"), (crash, "3"), (unpicklable, "generator")):
        bad = jobs.call(function)
        try: jobs.result(bad)
        except cloud.CloudException as error: assert text in str(error), error
        assert jobs.status(bad) == "error"
    dependent = jobs.call(abs, 1, _depends_on=bad)
    further = jobs.call(abs, 1, _depends_on=dependent)
    assert jobs.status([dependent, further]) == ["stalled"] * 2
    assert jobs.result(jobs.call(abs, -1, _depends_on=bad, _depends_on_errors="ignore")) == 1
    errors = jobs.result([jid, bad, further], ignore_errors=True)
    assert errors[0] == 32 and all(isinstance(error, cloud.CloudException) for error in errors[1:])
    said = jobs.call(talk)
    jobs.join(said)
    assert jobs.info(said, "stdout")[said]["stdout"] == "out\\n"
    assert jobs.info(said, "stderr")[said]["stderr"] == "err\\n"
    assert {"created", "finished", "runtime", "function"} <= set(jobs.info(said, "all")[said])
    long = jobs.call(time.sleep, 300)
    try: jobs.join(long, timeout=0)
    except cloud.CloudTimeoutError as error: assert error.jid == [long]
    try: jobs.delete(long)
    except cloud.CloudException as error: assert type(error).__name__ == "UnfinishedJobError"
    jobs.kill(long)
    jobs.join(long, ignore_errors=True)
    assert jobs.status(long) == "killed"
    jobs.delete(long)
    for ask in (jobs.status, jobs.result, jobs.info, jobs.delete):
        try: ask(long)
        except cloud.CloudException as error: assert "Does not exist" in str(error)
        else: raise AssertionError(ask)
    many = jobs.map(time.sleep, [300] * 20)
    jobs.kill()
    jobs.join(many, ignore_errors=True)
    assert set(jobs.status(many)) == {"killed"}
    """,
        head=HEAD + KINDS[kind],
    )


@pytest.mark.parametrize("kind", KINDS)
def test_keywords_are_checked_in_private_nodes_too(kind: str, clients: Clients) -> None:
    refused = clients.run(
        """
    refused = []
    for keywords in (dict(_cores=0), dict(_depends_on="1"), dict(_depends_on_errors="x"), dict(_fast_serialization=True),
                     dict(_high_cpu=1), dict(_label=5), dict(_max_runtime=0), dict(_os_env_vars="PATH"), dict(_priority="1"),
                     dict(_restartable=1), dict(_type="c9"), dict(_vol=[5]), dict(_callback=5), dict(_foo=1)):
        for submit in (lambda: jobs.call(abs, 1, **keywords), lambda: jobs.map(abs, [1], **keywords)):
            try: submit()
            except (TypeError, ValueError) as error: refused.append(isinstance(error, cloud.CloudException))
    assert jobs.call(abs, 1) == 1
    print(json.dumps(refused))
    """,
        head=HEAD + KINDS[kind],
    )
    assert refused == [True] * 28


@pytest.mark.parametrize("kind", KINDS)
def test_keywords_that_were_ignored_there_count(kind: str, clients: Clients) -> None:
    clients.run(
        """
    late = jobs.call(time.sleep, 60, _max_runtime=0.1 / 60)
    jobs.join(late, ignore_errors=True)
    assert jobs.info(late, ["status", "cause"]) == {late: {"status": "killed", "cause": "timeout"}}
    assert len(set(jobs.result(jobs.map(lambda _: os.getpid(), range(4), _kill_process=True)))) == 4
    timed = jobs.call(sorted, [2, 1], _profile=True)
    jobs.join(timed)
    assert "function calls" in jobs.info(timed, "profile")[timed]["profile"]
    given = jobs.call(abs, 1, _type="f2", _cores=2, _restartable=False, _label="there", _priority=3)
    assert jobs.result(given) == 1
    asked = ["type", "cores", "restartable", "label", "priority"]
    assert jobs.info(given, asked)[given] == dict(zip(asked, ["f2", 2, False, "there", 3]))
    """,
        head=HEAD + KINDS[kind],
    )


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_is_told_before_the_jobs_that_were_named_first_have_ended(kind: str, clients: Clients) -> None:
    clients.run(
        """
    def fail(): raise LookupError("at once")
    long, bad = jobs.call(time.sleep, 300), jobs.call(fail)
    for wait in (jobs.join, jobs.result):
        try: wait([long, bad], timeout=40)
        except cloud.CloudTimeoutError: raise
        except cloud.CloudException as error: assert error.jid == bad and "at once" in str(error)
    assert jobs.status(long) in ("queued", "processing")
    """,
        head=HEAD + KINDS[kind],
        PICLOUD_NUM_PROCS="2",
    )


@pytest.mark.parametrize("kind", [*KINDS, "local"])
def test_a_job_may_have_children_of_multiprocessing(kind: str, clients: Clients) -> None:
    """PiCloud's own workers were daemons, which may have none."""
    clients.run(
        """
    def outer(method):
        import multiprocessing
        context = multiprocessing.get_context(method)
        with context.Pool(2) as pool: values = pool.map(abs, [-1, -2, -3])
        queue = context.Queue()
        child = context.Process(target=queue.put, args=(5,))
        child.start()
        values.append(queue.get())
        child.join()
        return [*values, child.exitcode]
    for method in ("fork", "spawn"): assert jobs.result(jobs.call(outer, method), timeout=40) == [1, 2, 3, 5, 0]
    """,
        head=HEAD + KINDS.get(kind, "jobs = cloud\n"),
    )


@pytest.mark.parametrize("kind", KINDS)
def test_num_procs_jobs_run_at_a_time(kind: str, clients: Clients) -> None:
    """However few CPUs there are: five jobs that wait for each other."""
    facts = clients.run(
        """
    def meet(number):
        open(f"here{number}", "w").close()
        while not all(os.path.exists(f"here{other}") for other in range(5)): time.sleep(0.01)
        return number
    assert jobs.connection_info()["num_procs"] == 5
    assert jobs.result(jobs.map(meet, range(5)), timeout=40) == list(range(5))
    print(jobs.connection_info()["num_procs"])
    """,
        head=HEAD + KINDS[kind],
        PICLOUD_NUM_PROCS="5",
        PICLOUD_CPUS="1",
    )
    assert facts == 5


def test_num_procs_0_is_one_for_each_cpu(clients: Clients) -> None:
    before, after = clients.run("""
        found = [cloud.mp.connection_info()["num_procs"]]
        cloud.mp.call(abs, 1)
        print(json.dumps([*found, cloud.mp.connection_info()["num_procs"]]))
    """)
    assert before == after == len(os.sched_getaffinity(0))


def test_priorities_count_in_private_nodes(clients: Clients) -> None:
    """2.8.5 ignored them there."""
    assert (
        clients.run(
            """
        def note(word):
            with open("order", "a") as file: file.write(word)
        def wait():
            while not os.path.exists("gate"): time.sleep(0.01)
        first = cloud.mp.call(wait)
        while cloud.mp.status(first) != "processing": time.sleep(0.01)
        jids = [cloud.mp.call(note, "b", _priority=7), cloud.mp.call(note, "a", _priority=2)]
        open("gate", "w").close()
        cloud.mp.join(jids)
        print(json.dumps(open("order").read()))
        """,
            PICLOUD_NUM_PROCS="1",
        )
        == "ab"
    )


def test_is_simulated_only_after_start_simulator(clients: Clients) -> None:
    assert clients.run("""
        found = [cloud.is_simulated()]
        cloud.mp.call(abs, 1)
        found.append(cloud.is_simulated())
        cloud.start_simulator()
        found.append(cloud.is_simulated())
        cloud.close()
        found.append(cloud.is_simulated())
        cloud.setkey(1)
        found.append(cloud.is_simulated())
        print(json.dumps(found))
    """) == [False, False, True, True, False]


def test_is_simulated_with_use_simulator(clients: Clients, home: Path) -> None:
    program = """
        assert cloud.result(cloud.call(abs, -4)) == 4
        print(json.dumps([cloud.is_simulated(), cloud.connection_info()["connection_type"]]))
    """
    assert clients.run(program, PICLOUD_USE_SIMULATOR="1") == [True, "simulation"]
    assert clients.run(program, head=HEAD + "cloud.config.use_simulator = True\ncloud.config.commit()\n") == [
        True,
        "simulation",
    ]
    assert not any(home.iterdir())


def test_start_simulator_keeps_the_one_that_runs_unless_forced(clients: Clients) -> None:
    first, same, other = clients.run("""
        homes = []
        for force in (False, False, True):
            cloud.start_simulator(force_restart=force)
            cloud.result(cloud.call(abs, 1))
            homes.append(cloud.connection_info()["home"])
        assert not os.path.exists(homes[0])
        print(json.dumps(homes))
    """)
    assert first == same != other
    nothing_is_left_of(first)
    nothing_is_left_of(other)


def test_connection_info_of_each_kind(clients: Clients, home: Path) -> None:
    found = clients.run("""
        def three(jobs):
            before = jobs.connection_info()
            jobs.result(jobs.call(abs, 1))
            during = jobs.connection_info()
            jobs.close()
            return [before, during, jobs.connection_info()]
        found = [three(cloud), three(cloud.mp)]
        cloud.start_simulator()
        found.append(three(cloud))
        print(json.dumps(found))
    """)
    kinds = ["local", "multiprocessing", "simulation"]
    for kind, (before, during, after) in zip(kinds, found, strict=True):
        assert before["opened"] is after["opened"] is False
        assert during["opened"] is True
        assert before["connection_type"] == during["connection_type"] == after["connection_type"] == kind
        assert ("num_procs" in before) == (kind != "local")
        assert {"home", "pid", "version", "durability", "cpus", "num_procs", "limits"} <= set(during)
    assert found[0][1]["home"] == str(home)
    assert found[1][1]["durability"] == found[2][1]["durability"] == "process"


@pytest.mark.parametrize("kind", [*KINDS, "local"])
def test_close_says_whether_anything_was_open_and_the_next_call_opens_again(kind: str, clients: Clients) -> None:
    assert clients.run(
        """
    found = [jobs.close()]
    for arguments in ((1,), (None,)):
        try: jobs.close(*arguments)
        except TypeError: found.append("TypeError")
    jobs.call(abs, 1)
    found += [jobs.close(), jobs.close()]
    found.append(jobs.result(jobs.call(abs, -6)))
    found.append(jobs.close())
    print(json.dumps(found))
    """,
        head=HEAD + KINDS.get(kind, "jobs = cloud\n"),
    ) == [False, "TypeError", "TypeError", True, False, 6, True]


@pytest.mark.parametrize("kind", [*KINDS, "local"])
def test_in_a_job_cloud_and_mp_talk_to_the_jobs_own_node(kind: str, clients: Clients) -> None:
    clients.run(
        """
    def inside():
        import subprocess
        import cloud
        assert cloud.running_on_cloud() and not cloud.is_simulated()
        cloud.start_simulator()
        cloud.setkey(5, restart=True)
        assert not cloud.is_simulated()
        mine = cloud.call(pow, 2, 3)
        other = cloud.mp.call(pow, 2, 4)
        assert cloud.mp.result(mine) == 8 and cloud.result(other) == 16
        program = "import cloud; print(cloud.mp.result(cloud.mp.call(pow, 2, 5)), cloud.running_on_cloud())"
        said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
        return mine, other, said, cloud.connection_info()["home"], cloud.mp.connection_info()["home"]
    jid = jobs.call(inside)
    mine, other, said, *homes = jobs.result(jid, timeout=50)
    assert said.split() == ["32", "True"]
    assert set(homes) == {jobs.connection_info()["home"]}
    assert jobs.status([mine, other]) == ["done", "done"]
    assert jobs.info(mine, "parent_jid")[mine]["parent_jid"] == jid
    assert not cloud.running_on_cloud()
    """,
        head=HEAD + KINDS.get(kind, "jobs = cloud\n"),
    )


def test_getconfigpath_is_the_home_also_in_the_simulator(clients: Clients, home: Path) -> None:
    assert clients.run("""
        found = [cloud.getconfigpath()]
        cloud.start_simulator()
        cloud.call(abs, 1)
        print(json.dumps([*found, cloud.getconfigpath()]))
    """) == [str(home), str(home)]
