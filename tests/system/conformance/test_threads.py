"""The interface used by many threads at once."""

from __future__ import annotations

import pytest

from .clients import HEAD, Clients

KINDS = {"local": "jobs = cloud\n", "mp": "jobs = cloud.mp\n"}

CROWD = """
import collections
def crowd(count, work, *more):
    \"\"\"Run work(number) in threads that begin together, and return what they raised.\"\"\"
    raised, gate = [], threading.Barrier(count + len(more))
    def run(function, *arguments):
        gate.wait()
        try: function(*arguments)
        except BaseException as error: raised.append(repr(error))
    threads = [threading.Thread(target=run, args=(work, number), daemon=True) for number in range(count)]
    threads += [threading.Thread(target=run, args=(function,), daemon=True) for function in more]
    for thread in threads: thread.start()
    for thread in threads: thread.join(50)
    assert not any(thread.is_alive() for thread in threads), "threads hang"
    return raised
"""


@pytest.mark.parametrize("kind", KINDS)
def test_32_threads_use_all_of_the_interface_at_once(kind: str, clients: Clients) -> None:
    """From the first use on, when neither module nor node is there yet."""
    raised = clients.run(
        """
    def twice(x): return 2 * x
    def fail(x): raise KeyError(x)
    def mark(number): return os.environ["MARK"]
    def call(n): assert jobs.result(jobs.call(twice, n)) == 2 * n
    def map_(n): assert jobs.result(jobs.map(twice, range(n, n + 40))) == [2 * x for x in range(n, n + 40)]
    def iresult(n): assert list(jobs.iresult(jobs.map(twice, range(n, n + 30)))) == [2 * x for x in range(n, n + 30)]
    def unordered(n):
        assert sorted(jobs.iresult_unordered(jobs.map(twice, range(n, n + 30)))) == [2 * x for x in range(n, n + 30)]
    def info(n):
        jid = jobs.call(twice, n, _label=f"l{n}")
        jobs.join(jid)
        assert jobs.info(jid, ["label", "status"])[jid] == {"label": f"l{n}", "status": "done"}
    def error(n):
        try: jobs.result(jobs.call(fail, n))
        except cloud.CloudException as caught: assert f"KeyError: {n}" in str(caught)
    def kill(n):
        jid = jobs.call(time.sleep, 300)
        jobs.kill(jid)
        jobs.join(jid, ignore_errors=True)
        assert jobs.status(jid) == "killed"
        jobs.delete(jid)
    def environment(n): assert jobs.result(jobs.call(mark, n, _os_env_vars={"MARK": f"m{n}"})) == f"m{n}"
    each = [call, map_, iresult, unordered, info, error, kill, environment]
    def work(n):
        for turn in range(len(each)): each[(n + turn) % len(each)](n * 1000 + turn)
    print(json.dumps(crowd(32, work)))
    """,
        head=HEAD + KINDS[kind] + CROWD,
    )
    assert raised == []


def test_jids_of_32_threads_are_all_different_and_each_maps_in_a_row(clients: Clients) -> None:
    clients.run(
        """
    taken = []
    def work(n):
        for _ in range(10): taken.append(range((jid := cloud.call(abs, n)), jid + 1)); taken.append(cloud.map(abs, range(n + 1)))
    assert crowd(32, work) == []
    jids = sorted(jid for jids in taken for jid in jids)
    assert jids == list(range(1, len(jids) + 1))
    """,
        head=HEAD + CROWD,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_thread_that_closes_while_others_work(kind: str, clients: Clients) -> None:
    """They get an error that says so, none hangs, and each goes on with its next call."""
    seen = clients.run(
        """
    errors, stop = collections.Counter(), threading.Event()
    waits = [
        lambda: jobs.result(jobs.call(time.sleep, 0.02)),
        lambda: jobs.join(jobs.map(abs, range(50))),
        lambda: list(jobs.iresult(jobs.map(abs, range(50)))),
        lambda: jobs.info(jobs.call(abs, 1), "all"),
        lambda: jobs.kill(jobs.call(time.sleep, 0.1)),
    ]
    def work(n):
        while not stop.is_set():
            try: waits[n % len(waits)]()
            except cloud.CloudException as error: errors[type(error).__name__, error.code] += 1
        if n < 5: jobs.result(jobs.call(abs, n))
    def close():
        try:
            for _ in range(5): time.sleep(0.2); jobs.close()
        finally: stop.set()
    assert (raised := crowd(31, work, close)) == [], raised
    print(json.dumps(sorted(errors)))
    """,
        head=HEAD + KINDS[kind] + CROWD,
        PICLOUD_NUM_PROCS="4",
    )
    # A private node's jobs go with it: a thread that has submitted one before, and asks behind the close, hears that it is unknown.
    gone = [["UnknownJobError", "job.unknown"]] if kind == "mp" else []
    assert ["ConnectionClosedError", "node.closed"] in seen
    assert all(error in [["ConnectionClosedError", "node.closed"], *gone] for error in seen)


def test_a_wait_that_another_thread_closes_ends_at_once(clients: Clients) -> None:
    clients.run(
        """
    jid = cloud.call(time.sleep, 300)
    def wait(n):
        try: (cloud.join if n % 2 else cloud.result)(jid)
        except cloud.CloudException as error: assert "was closed while a request was under way" in str(error)
        else: raise AssertionError
    began = time.monotonic()
    assert crowd(8, wait, lambda: (time.sleep(0.3), cloud.close())) == []
    assert time.monotonic() - began < 10
    assert cloud.status(jid) in ("queued", "processing")
    cloud.kill(jid)
    """,
        head=HEAD + CROWD,
    )


def test_settings_that_change_while_others_read_them(clients: Clients) -> None:
    clients.run(
        """
    stop = threading.Event()
    def change():
        for number in range(300): cloud.config.max_transmit_data = 10**6 + number; cloud.getconfigpath()
        stop.set()
    def read(n):
        while not stop.is_set():
            assert cloud.config.max_transmit_data >= 0
            cloud.is_simulated(); cloud.connection_info()
    assert crowd(8, read, change) == []
    """,
        head=HEAD + CROWD,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_thousands_of_short_lived_threads_leave_no_descriptor_thread_or_connection(kind: str, clients: Clients) -> None:
    before, after = clients.run(
        """
    import gc
    def descriptors(pid): return len(os.listdir(f"/proc/{pid}/fd"))
    def count():
        deadline, node = time.monotonic() + 10, jobs.connection_info()["pid"]
        while True:
            gc.collect()
            found = [descriptors("self"), descriptors(node), threading.active_count()]
            if found <= limit or time.monotonic() > deadline: return found
            time.sleep(0.01)
    def short(n):
        assert jobs.result(jobs.call(abs, -n)) == n
    limit = [10**6] * 3
    for _ in range(3): assert crowd(20, short) == []
    time.sleep(0.2)
    jobs.result(jobs.call(abs, 1))
    limit = before = count()
    for _ in range(100): assert crowd(20, short) == []
    print(json.dumps([before, count()]))
    """,
        head=HEAD + KINDS[kind] + CROWD,
    )
    assert all(now <= then + 2 for then, now in zip(before, after, strict=True)), (before, after)


def test_thousands_of_calls_and_reopenings_leave_no_descriptor(clients: Clients) -> None:
    before, after = clients.run("""
        def descriptors(): return len(os.listdir("/proc/self/fd"))
        def use():
            big = bytes(2_000_000)
            assert len(cloud.result(cloud.call(bytes, big))) == len(big)
            assert list(cloud.iresult(cloud.map(abs, range(5)))) == list(range(5))
            assert cloud.close()
        for _ in range(3): use()
        cloud.mp.call(abs, 1); cloud.mp.close()
        before = descriptors()
        for _ in range(100): use()
        for _ in range(3): cloud.mp.call(abs, 1); cloud.mp.close()
        for _ in range(2000): cloud.result(cloud.call(abs, 1))
        cloud.close()
        print(json.dumps([before, descriptors()]))
    """)
    assert before == after


def test_a_signal_handler_uses_cloud_while_its_thread_is_in_the_midst_of_a_call(clients: Clients) -> None:
    assert clients.run("""
        cloud.result(cloud.call(abs, 1))
        handled = []
        def handle(number, frame): handled.append(cloud.result(cloud.call(pow, 2, 3)))
        signal.signal(signal.SIGALRM, handle)
        signal.setitimer(signal.ITIMER_REAL, 0.05, 0.02)
        total = sum(cloud.result(cloud.map(abs, range(10)))[-1] + cloud.result(cloud.call(abs, -1)) for _ in range(100))
        signal.setitimer(signal.ITIMER_REAL, 0)
        print(json.dumps([total, len(handled) > 2, set(handled) == {8}]))
    """) == [1000, True, True]
