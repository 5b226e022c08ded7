"""Clients that fork: by os.fork at any moment, as a pool, as a server that forks its workers beforehand."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from .clients import HEAD, Clients, nothing_is_left_of, until

KINDS = {"local": "jobs = cloud\n", "mp": "jobs = cloud.mp\n"}

FORKED = """
def forked(work):
    \"\"\"Run work() in a child that has 40 seconds, and return its pid.\"\"\"
    child = os.fork()
    if not child:
        import traceback
        signal.alarm(40)
        status = 1
        try: work(); status = 0
        except BaseException: traceback.print_exc()
        finally: sys.stderr.flush(); os._exit(status)
    return child
def ended_well(children):
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * len(children)
"""


@pytest.mark.parametrize("kind", KINDS)
def test_forks_while_other_threads_are_in_the_middle_of_requests(kind: str, clients: Clients) -> None:
    """From the first use on, when they still import, and start the node."""
    clients.run(
        """
    def twice(x): return 2 * x
    stop, raised = threading.Event(), []
    def busy(n):
        try:
            while not stop.is_set():
                assert jobs.result(jobs.call(twice, n)) == 2 * n
                assert jobs.result(jobs.map(twice, range(20), _os_env_vars={"N": str(n)}))[-1] == 38
        except BaseException as error: raised.append(repr(error))
    threads = [threading.Thread(target=busy, args=(n,)) for n in range(6)]
    for thread in threads: thread.start()
    def work():
        for n in range(3):
            jid = jobs.call(twice, n)
            assert jobs.result(jid) == 2 * n and jobs.status(jid) == "done"
            assert list(jobs.iresult(jobs.map(twice, range(5)))) == [0, 2, 4, 6, 8]
    try:
        for _ in range(20): assert ended_well([forked(work), forked(work)])
    finally:
        stop.set()
        for thread in threads: thread.join()
    assert raised == [], raised
    """,
        head=HEAD + KINDS[kind] + FORKED,
    )


def test_a_childs_end_harms_no_request_of_its_parent(clients: Clients) -> None:
    """However it ends: by exit with its handlers, by a signal, by close."""
    clients.run(
        """
    jid = cloud.call(time.sleep, 1.5)
    waiting = []
    thread = threading.Thread(target=lambda: waiting.append(cloud.result(jid)))
    thread.start()
    for end in ("sys.exit(3)", "os.kill(os.getpid(), 9)", "cloud.close(); os._exit(0)"):
        child = os.fork()
        if not child:
            assert cloud.result(cloud.call(abs, -2)) == 2
            exec(end)
        os.waitpid(child, 0)
        assert cloud.result(cloud.call(abs, -4)) == 4
    thread.join()
    assert waiting == [None]
    """
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("module", ["multiprocess", "multiprocessing"])
def test_a_pool_of_processes(module: str, kind: str, clients: Clients) -> None:
    """Once before the parent has used anything, once after it."""
    clients.run(
        """
    def ask(x):
        return [jobs.result(jobs.call(pow, x, 2)), sum(jobs.result(jobs.map(abs, range(x)))), os.getpid() != parent]
    parent, found = os.getpid(), []
    for _ in range(2):
        with processes.get_context("fork").Pool(3) as pool:
            found.append(pool.map(ask, range(12), 1))
        assert jobs.result(jobs.call(abs, -5)) == 5
    assert found[0] == found[1] == [[x * x, x * (x - 1) // 2, True] for x in range(12)], found
    """,
        head=HEAD + f"import {module} as processes\n" + KINDS[kind],
    )


def test_a_server_that_forks_its_workers_beforehand(clients: Clients, home: Path) -> None:
    """Its master loads the program and uses the node; workers serve requests in threads, are ended, and new ones come."""
    clients.run(
        """
    import socket
    assert cloud.result(cloud.call(abs, -1)) == 1
    listener = socket.create_server(("127.0.0.1", 0))
    address = listener.getsockname()
    def serve():
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
        signal.alarm(40)
        def answer(connection):
            with connection:
                number = int(connection.recv(100))
                connection.sendall(f"{cloud.result(cloud.call(pow, number, 2))} {os.getpid()}".encode())
        while True: threading.Thread(target=answer, args=(listener.accept()[0],)).start()
    def spawn():
        child = os.fork()
        if not child: serve()
        return child
    def ask(number, answers):
        with socket.create_connection(address, 30) as connection:
            connection.sendall(str(number).encode())
            answers.append((number, *map(int, connection.recv(100).split())))
    workers = [spawn() for _ in range(3)]
    for generation in range(3):
        answers = []
        threads = [threading.Thread(target=ask, args=(number, answers)) for number in range(30)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        assert sorted(answer[:2] for answer in answers) == [(number, number ** 2) for number in range(30)]
        assert {answer[2] for answer in answers} <= set(workers)
        for worker in workers: os.kill(worker, signal.SIGTERM)
        assert [os.waitpid(worker, 0)[1] for worker in workers] == [0, 0, 0]
        if generation < 2: workers = [spawn() for _ in range(3)]
    assert cloud.result(cloud.call(abs, -1)) == 1
    """
    )


def test_a_child_uses_its_parents_private_node_and_its_own_when_that_has_ended(clients: Clients) -> None:
    first, second = clients.run(
        """
    jid = cloud.mp.call(pow, 2, 4)
    cloud.mp.join(jid)
    home = cloud.mp.connection_info()["home"]
    closed, told = os.pipe(), os.pipe()
    def work():
        assert cloud.mp.result(jid) == 16
        assert cloud.mp.connection_info()["home"] == home
        os.write(told[1], b"x")
        os.read(closed[0], 1)
        try: cloud.mp.call(abs, 1)
        except cloud.CloudException as error:
            assert error.code == "node.unreachable" and f"private node of process {os.getppid()} has ended" in str(error), error
        else: raise AssertionError
        assert cloud.mp.call(abs, 1) > jid
        os.write(told[1], cloud.mp.connection_info()["home"].encode())
    child = forked(work)
    os.read(told[0], 1)
    assert cloud.mp.close()
    os.write(closed[1], b"x")
    assert ended_well([child])
    print(json.dumps([home, os.read(told[0], 200).decode()]))
    """,
        head=HEAD + FORKED,
    )
    assert first != second
    nothing_is_left_of(first)
    nothing_is_left_of(second)


def test_a_child_of_an_unused_parent_has_a_private_node_of_its_own(clients: Clients) -> None:
    homes = clients.run(
        """
    cloud.start_simulator()
    reader, writer = os.pipe()
    def work():
        assert cloud.is_simulated() and cloud.result(cloud.call(abs, -2)) == 2
        os.write(writer, cloud.connection_info()["home"].encode() + b" ")
        cloud.close()
    assert ended_well([forked(work), forked(work)])
    assert cloud.result(cloud.call(abs, -3)) == 3
    print(json.dumps([cloud.connection_info()["home"], *os.read(reader, 1000).decode().split()]))
    """,
        head=HEAD + FORKED,
    )
    assert len(set(homes)) == 3
    for private in homes:
        nothing_is_left_of(private)


def test_a_daemon_that_closes_every_descriptor_has_a_private_node_of_its_own(clients: Clients) -> None:
    clients.run("""
        cloud.mp.result(cloud.mp.call(abs, -1))
        if not os.fork():
            os.setsid()
            if os.fork(): os._exit(0)
            os.closerange(0, 1000)
            for _ in range(3): os.open(os.devnull, os.O_RDWR)
            cloud.close(); cloud.mp.close()
            value = cloud.mp.result(cloud.mp.call(abs, -6))
            home = cloud.mp.connection_info()["home"]
            cloud.mp.close()
            open("new", "w").write(json.dumps([value, os.path.exists(home)]))
            os.rename("new", "value")
            os._exit(0)
        os.wait()
        assert cloud.mp.result(cloud.mp.call(abs, -2)) == 2
    """)
    until((clients.folder / "value").exists)
    assert (clients.folder / "value").read_text() == "[6, false]"


def test_a_private_node_ends_with_its_parent_though_a_child_lives_on(clients: Clients) -> None:
    program = clients.start(
        """
    jid = cloud.mp.call(abs, -7)
    cloud.mp.join(jid)
    print(cloud.mp.connection_info()["home"], flush=True)
    if not os.fork():
        signal.alarm(40)
        assert cloud.mp.result(jid) == 7
        open("ready", "w").close()
        while not os.path.exists("gone"): time.sleep(0.01)
        try: cloud.mp.info(jid)
        except cloud.CloudException as error: print(error.code, flush=True)
        os._exit(0)
    while not os.path.exists("ready"): time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGKILL)
    """
    )
    private = clients.line(program)
    program.wait(30)
    assert program.returncode == -signal.SIGKILL
    nothing_is_left_of_but_the_child(private, clients.folder)
    assert clients.line(program) == "node.unreachable"


def nothing_is_left_of_but_the_child(private: str, folder: Path) -> None:
    nothing_is_left_of(private)
    (folder / "gone").touch()
