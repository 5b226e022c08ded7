"""A client that forks: parent and children all use `cloud`, each over a connection of its own."""

from __future__ import annotations

from . import conftest as shared


def test_a_fork_uses_the_same_node_beside_its_parent(programs: shared.Programs) -> None:
    assert programs.run(
        "import json\n"
        "first = cloud.call(pow, 2, 2)\n"
        "assert cloud.result(first) == 4\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    for _ in range(50):\n"
        "        assert cloud.result(first) == 4 and cloud.result(cloud.call(pow, 2, 3)) == 8\n"
        "    os._exit(7)\n"
        "for _ in range(50):\n"
        "    assert cloud.result(first) == 4 and cloud.result(cloud.call(pow, 2, 4)) == 16\n"
        "print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), cloud.result(cloud.call(pow, 2, 5))]))"
    ) == [7, 32]


def test_jids_of_a_parent_are_its_childrens_too(programs: shared.Programs) -> None:
    assert programs.run(
        "import json\n"
        "def wait():\n"
        "    while not os.path.exists('gate'): time.sleep(0.01)\n"
        "    return 'through'\n"
        "jid = cloud.call(wait)\n"
        "reader, writer = os.pipe()\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    os.write(writer, cloud.result(jid).encode())\n"
        "    os._exit(0)\n"
        "open('gate', 'w').close()\n"
        "print(json.dumps([cloud.result(jid), os.read(reader, 100).decode()]))\n"
        "os.waitpid(child, 0)"
    ) == ["through", "through"]


def test_a_fork_in_the_middle_of_a_wait_of_another_thread(programs: shared.Programs) -> None:
    assert (
        programs.run(
            "import threading\n"
            "def wait():\n"
            "    while not os.path.exists('gate'): time.sleep(0.01)\n"
            "    return 3\n"
            "found = []\n"
            "jid = cloud.call(wait)\n"
            "thread = threading.Thread(target=lambda: found.append(cloud.result(jid)))\n"
            "thread.start()\n"
            "time.sleep(0.05)\n"
            "child = os.fork()\n"
            "if not child:\n"
            "    open('gate', 'w').close()\n"
            "    os._exit(cloud.result(jid))\n"
            "thread.join()\n"
            "print(found[0] + os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))"
        )
        == 6
    )


def test_a_pool_of_multiprocessing(programs: shared.Programs) -> None:
    assert programs.run(
        "import json, multiprocessing\n"
        "def ask(x):\n"
        "    return cloud.result(cloud.call(pow, x, 2)), os.getpid() != parent\n"
        "parent = os.getpid()\n"
        "cloud.result(cloud.call(abs, -1))\n"
        "with multiprocessing.get_context('fork').Pool(3) as pool:\n"
        "    found = pool.map(ask, range(30), 1)\n"
        "assert all(beside for _, beside in found)\n"
        "print(json.dumps([square for square, _ in found] + [cloud.result(cloud.call(abs, -7))]))"
    ) == [*(x * x for x in range(30)), 7]


def test_a_child_that_ends_leaves_its_parents_simulator_alone(programs: shared.Programs) -> None:
    assert programs.run(
        "import json\n"
        "cloud.start_simulator()\n"
        "cloud.result(cloud.call(abs, -1))\n"
        "home = cloud.connection_info()['home']\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    assert cloud.result(cloud.call(abs, -2)) == 2\n"
        "    sys.exit(0)\n"
        "status = os.waitpid(child, 0)[1]\n"
        "assert os.path.exists(home)\n"
        "print(json.dumps([status, cloud.result(cloud.call(abs, -3)), cloud.connection_info()['home'] == home]))"
    ) == [0, 3, True]


def test_a_daemon_that_a_client_becomes(programs: shared.Programs) -> None:
    """It forks twice, and its first process ends: the second one's jobs go on."""
    programs.run(
        "cloud.result(cloud.call(abs, -1))\n"
        "if os.fork(): os._exit(0)\n"
        "os.setsid()\n"
        "if os.fork(): os._exit(0)\n"
        "for stream in range(3): os.close(stream)\n"
        "value = cloud.result(cloud.call(abs, -5))\n"
        "with open('new', 'w') as file: file.write(str(value))\n"
        "os.rename('new', 'value')"
    )
    shared.until((programs.folder / "value").exists)
    assert (programs.folder / "value").read_text() == "5"
