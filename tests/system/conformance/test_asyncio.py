"""The interface used from asyncio code by `asyncio.to_thread`."""

from __future__ import annotations

import pytest

from .clients import HEAD, Clients

KINDS = {"local": "jobs = cloud\n", "mp": "jobs = cloud.mp\n"}
HEAD_ASYNC = HEAD + "import asyncio\n"


@pytest.mark.parametrize("kind", KINDS)
def test_many_at_once(kind: str, clients: Clients) -> None:
    clients.run(
        """
    async def one(n):
        jid = await asyncio.to_thread(jobs.call, pow, n, 2)
        value = await asyncio.to_thread(jobs.result, jid)
        facts = await asyncio.to_thread(jobs.info, jid, "status")
        return value, facts[jid]["status"]
    async def main():
        found = await asyncio.gather(*(one(n) for n in range(200)))
        assert found == [(n * n, "done") for n in range(200)]
    asyncio.run(main(), debug=False)
    """,
        head=HEAD_ASYNC + KINDS[kind],
    )


def test_the_loop_goes_on_while_a_thread_waits(clients: Clients) -> None:
    clients.run(
        """
    async def main():
        jid = await asyncio.to_thread(cloud.call, time.sleep, 0.5)
        waiting = asyncio.create_task(asyncio.to_thread(cloud.result, jid))
        turns = 0
        while not waiting.done():
            await asyncio.sleep(0.01)
            turns += 1
        assert turns > 10
    asyncio.run(main())
    """,
        head=HEAD_ASYNC,
    )


def test_a_cancelled_task_breaks_no_connection(clients: Clients) -> None:
    """Its thread goes on waiting in vain; the others', and the thread's own next request, get their own answers."""
    clients.run(
        """
    def wait(name):
        while not os.path.exists(name): time.sleep(0.01)
        return name
    async def main():
        from concurrent.futures import ThreadPoolExecutor
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(16))
        jid = await asyncio.to_thread(cloud.call, wait, "gate")
        tasks = [asyncio.create_task(asyncio.to_thread(cloud.result, jid)) for _ in range(8)]
        others = [asyncio.create_task(asyncio.to_thread(lambda n=n: cloud.result(cloud.call(pow, n, 2)))) for n in range(20)]
        await asyncio.sleep(0.2)
        for task in tasks[:6]: task.cancel()
        assert all(isinstance(error, asyncio.CancelledError) for error in await asyncio.gather(*tasks[:6], return_exceptions=True))
        try: await asyncio.wait_for(asyncio.to_thread(cloud.result, jid), 0.1)
        except TimeoutError: pass
        assert await asyncio.gather(*others) == [n * n for n in range(20)]
        open("gate", "w").close()
        assert await asyncio.gather(*tasks[6:]) == ["gate", "gate"]
        found = await asyncio.gather(*(asyncio.to_thread(lambda n=n: cloud.result(cloud.call(pow, n, 3))) for n in range(40)))
        assert found == [n ** 3 for n in range(40)]
    asyncio.run(main())
    """,
        head=HEAD_ASYNC,
        PICLOUD_CPUS="2",
    )


def test_results_as_they_come_through_a_thread(clients: Clients) -> None:
    clients.run(
        """
    async def each(jids):
        results, end = cloud.iresult(jids), object()
        while (value := await asyncio.to_thread(next, results, end)) is not end: yield value
    async def main():
        jids = await asyncio.to_thread(cloud.map, abs, range(-100, 0))
        assert [value async for value in each(jids)] == list(range(100, 0, -1))
    asyncio.run(main())
    """,
        head=HEAD_ASYNC,
    )


def test_ctrl_c_ends_a_loop_whose_threads_wait(clients: Clients) -> None:
    """They wait as long as the job takes, so a program ends them by what it does with the jobs, or by close.

    The loop has something else to do as well: asyncio does not notice a Ctrl-C that comes just before it goes to sleep until
    something wakes it.
    """
    program = clients.start(
        """
    async def beat():
        while True: await asyncio.sleep(0.05)
    async def main():
        beating = asyncio.create_task(beat())
        jid = await asyncio.to_thread(cloud.call, time.sleep, 300)
        try:
            print("ready", flush=True)
            await asyncio.to_thread(cloud.result, jid)
        finally:
            cloud.kill(jid)
    try: asyncio.run(main())
    except KeyboardInterrupt: print("interrupted", flush=True)
    """,
        head=HEAD_ASYNC,
    )
    assert clients.line(program) == "ready"
    program.send_signal(2)
    assert clients.line(program) == "interrupted"
    out, err = program.communicate(timeout=30)
    assert (program.returncode, out, err) == (0, "", "")
