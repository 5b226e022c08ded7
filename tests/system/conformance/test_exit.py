"""The end of a client's interpreter: exit handlers that use `cloud`, daemon threads that wait, and the exit status."""

from __future__ import annotations

import signal
import sys

import pytest

from .clients import HEAD, Clients, nothing_is_left_of

KINDS = {
    "local": "jobs = cloud\n",
    "mp": "jobs = cloud.mp\n",
    "simulator": "cloud.start_simulator()\njobs = cloud\n",
}


@pytest.mark.parametrize("kind", KINDS)
def test_exit_handlers_use_cloud_and_find_their_jobs(kind: str, clients: Clients) -> None:
    """Handlers run in the reverse order of their registration: all that came after `import cloud` come before its own."""
    program = clients.start(
        """
    import atexit
    def late():
        assert jobs.result(first) == 7
        found = [jobs.result(jobs.call(abs, -8))]
        thread = threading.Thread(target=lambda: found.append(jobs.result(jobs.call(abs, -9))))
        if sys.version_info < (3, 12):  # Later ones start no thread at exit.
            thread.start(); thread.join()
        print(json.dumps([*found, jobs.connection_info()["home"]]), flush=True)
    atexit.register(late)
    first = jobs.call(abs, -7)
    sys.exit(3)
    """,
        head=HEAD + KINDS[kind],
    )
    *values, home = clients.finish(program, 3)
    assert values == ([8, 9] if sys.version_info < (3, 12) else [8])
    if kind != "local":
        nothing_is_left_of(home)


@pytest.mark.parametrize("kind", KINDS)
def test_an_exit_handler_that_is_older_than_the_import_finds_a_node_too(kind: str, clients: Clients) -> None:
    program = clients.start(
        """
    jobs.result(jobs.call(abs, -7))
    """,
        head="import atexit, json\n"
        "def early():\n"
        "    print(json.dumps([jobs.result(jobs.call(abs, -8)), jobs.connection_info()['home']]), flush=True)\n"
        "atexit.register(early)\n" + HEAD + KINDS[kind],
    )
    value, home = clients.finish(program)
    assert value == 8
    if kind != "local":
        nothing_is_left_of(home)


ENDS = {"end": (0, ""), "sys.exit": (5, "sys.exit(5)"), "exception": (1, "raise LookupError('the end')")}


@pytest.mark.parametrize("options", [(), ("-X", "dev", "-W", "error")], ids=["plain", "dev"])
@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("kind", KINDS)
def test_daemon_threads_that_are_in_the_middle_of_anything(
    kind: str, end: str, options: tuple[str, ...], clients: Clients
) -> None:
    """The program ends at once, with its own status, and with no word but its own."""
    status, text = ENDS[end]
    program = clients.start(
        f"""
    long = jobs.call(time.sleep, 300)
    done = jobs.call(abs, -1)
    jobs.result(done)
    def again():
        while True: jobs.result(jobs.call(abs, -1))
    def stream():
        for _ in jobs.iresult([done, long]): pass
    def maps():
        while True: jobs.map(abs, range(5000))
    waits = [lambda: jobs.result(long), lambda: jobs.join(long), lambda: jobs.result(long, timeout=200), again, stream, maps]
    for wait in waits: threading.Thread(target=wait, daemon=True).start()
    time.sleep(0.3)
    print(json.dumps(jobs.connection_info()["home"]), flush=True)
    {text}
    """,
        head=HEAD + KINDS[kind],
        options=options,
        PICLOUD_NUM_PROCS="2",
        PICLOUD_CPUS="" if kind == "local" else "1",
    )
    out, err = program.communicate(timeout=20)
    assert program.returncode == status, err
    lines = err.splitlines()
    assert lines[-1:] == (["LookupError: the end"] if end == "exception" else []), err
    assert err.count("Traceback") == (end == "exception"), err
    if kind != "local":
        nothing_is_left_of(out.strip().strip('"'))


def test_a_thread_that_is_no_daemon_gets_its_result_first(clients: Clients) -> None:
    assert (
        clients.run("""
        def wait(): print(cloud.mp.result(cloud.mp.call(lambda: time.sleep(0.5) or 6)), flush=True)
        threading.Thread(target=wait).start()
    """)
        == 6
    )


def test_the_status_of_a_signal_is_kept(clients: Clients) -> None:
    program = clients.start("""
        cloud.mp.call(abs, 1)
        print(cloud.mp.connection_info()["home"], flush=True)
        cloud.mp.result(cloud.mp.call(time.sleep, 300))
    """)
    private = clients.line(program)
    program.send_signal(signal.SIGINT)
    _, err = program.communicate(timeout=20)
    assert program.returncode == -signal.SIGINT
    assert err.rstrip().endswith("KeyboardInterrupt")
    assert err.count("Traceback") == 1
    nothing_is_left_of(private)


def test_a_program_that_only_imports_it_ends_silently(clients: Clients) -> None:
    assert clients.run("", options=("-X", "dev", "-W", "error")) is None
    assert clients.run("cloud.connection_info(); cloud.close(); cloud.mp", options=("-X", "dev", "-W", "error")) is None


def test_a_job_that_is_submitted_last_runs_after_the_program(clients: Clients) -> None:
    """On the machine's node: that is what a durable job is."""
    jid = clients.run("print(cloud.call(pow, 2, 9))")
    assert clients.run(f"print(cloud.result({jid}))") == 512
