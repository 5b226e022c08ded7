"""`setkey`, `start_simulator` and what makes them final, on real nodes."""

from __future__ import annotations

from pathlib import Path

import pytest

from .clients import Clients


def test_no_key_is_needed_on_ones_own_machine(clients: Clients, home: Path) -> None:
    assert clients.run("""
        cloud.setkey()
        value = cloud.result(cloud.call(abs, -1))
        cloud.setkey()
        print(json.dumps([value, cloud.connection_info()["home"], cloud.config.api_key]))
    """) == [1, str(home), "None"]


def test_setkey_without_arguments_changes_nothing_not_even_the_simulator(clients: Clients) -> None:
    clients.run("""
        cloud.start_simulator()
        jid = cloud.call(abs, -1)
        cloud.setkey()
        assert cloud.is_simulated() and cloud.result(jid) == 1
    """)


def test_setkey_leaves_the_simulator_and_ends_its_node(clients: Clients, home: Path) -> None:
    clients.run(f"""
        cloud.start_simulator()
        cloud.result(cloud.call(abs, -1))
        private = cloud.connection_info()["home"]
        cloud.setkey(77, "secret")
        assert not cloud.is_simulated() and not os.path.exists(private)
        assert cloud.result(cloud.call(abs, -2)) == 2
        assert cloud.connection_info()["home"] == {str(home)!r}
        assert (cloud.config.api_key, cloud.config.api_secretkey) == ("77", "secret")
    """)


def test_setkey_leaves_the_simulator_that_the_setting_chose(clients: Clients) -> None:
    assert clients.run(
        """
        found = [cloud.is_simulated()]
        cloud.setkey(77)
        print(json.dumps([*found, cloud.is_simulated()]))
        """,
        PICLOUD_USE_SIMULATOR="1",
    ) == [True, False]


def test_setkey_closes_what_is_open_only_for_another_key_or_by_restart(clients: Clients) -> None:
    assert clients.run("""
        found = []
        for arguments in (dict(api_key=5), dict(api_key=5), dict(api_key="5", api_secretkey="s"), dict(api_key=6),
                          dict(api_key=6, restart=True), dict(restart=True)):
            cloud.result(cloud.call(abs, 1))
            cloud.setkey(**arguments)
            found.append(cloud.connection_info()["opened"])
        print(json.dumps(found))
    """) == [False, True, False, False, False, False]


def test_a_key_comes_from_the_argument_then_the_environment(clients: Clients) -> None:
    assert clients.run(
        """
        found = [cloud.config.api_key, cloud.config.api_secretkey]
        cloud.setkey(6)
        print(json.dumps([*found, cloud.config.api_key, cloud.config.api_secretkey]))
        """,
        PICLOUD_API_KEY="5",
        PICLOUD_API_SECRETKEY="hidden",
    ) == ["5", "hidden", "6", "hidden"]


def test_immutable_makes_later_calls_do_nothing(clients: Clients) -> None:
    clients.run("""
        cloud.setkey(5, immutable=True)
        jid = cloud.call(abs, -1)
        cloud.result(jid)
        cloud.start_simulator()
        cloud.start_simulator(force_restart=True)
        cloud.setkey(6, restart=True)
        cloud.setkey(7, "x", "http://elsewhere", immutable=False)
        assert not cloud.is_simulated() and cloud.config.api_key == "5"
        assert cloud.connection_info()["opened"] and cloud.status(jid) == "done"
        assert cloud.close() and cloud.result(jid) == 1
    """)


def test_commit_forgets_what_setkey_has_chosen(clients: Clients) -> None:
    found = clients.run(
        """
        cloud.setkey(5, "secret", immutable=True)
        cloud.config.commit()
        keys = [cloud.config.api_key, cloud.config.api_secretkey]
        cloud.start_simulator()
        simulated = cloud.is_simulated()
        cloud.setkey(6)
        cloud.config.api_key = 7
        cloud.config.commit()
        assigned = cloud.config.api_key
        cloud.setkey(8)
        cloud.setkey(9)
        cloud.config.commit()
        print(json.dumps([keys, simulated, cloud.is_simulated(), assigned, cloud.config.api_key]))
        """,
        PICLOUD_API_KEY="3",
    )
    assert found == [["3", "None"], True, False, "7", "7"]


@pytest.mark.parametrize(
    "arguments",
    [
        "1.5",
        "True",
        "[5]",
        "b'5'",
        "5, 6",
        "5, b's'",
        "5, 's', 7",
        "5, server_url=b'http://x'",
        "key=5",
        "5, 's', None, 0, 0, 0",
    ],
)
def test_arguments_of_the_wrong_type_are_a_type_error_and_change_nothing(arguments: str, clients: Clients) -> None:
    clients.run(f"""
        try: cloud.setkey({arguments})
        except TypeError as error: assert str(error)
        else: raise AssertionError
        assert cloud.config.api_key == "None"
    """)


def test_another_machines_address_is_refused_with_advice(clients: Clients) -> None:
    clients.run("""
        cloud.start_simulator()
        try: cloud.setkey(5, "s", "http://elsewhere:8000")
        except cloud.CloudException as error: assert "http://elsewhere:8000" in str(error) and "leave server_url out" in error.hint
        else: raise AssertionError
        assert cloud.is_simulated() and cloud.config.api_key == "None"
    """)


def test_a_job_can_change_neither_node_nor_key(clients: Clients) -> None:
    clients.run("""
        def inside():
            cloud.setkey(9, restart=True, immutable=True)
            cloud.start_simulator(force_restart=True)
            return cloud.is_simulated(), cloud.config.api_key, cloud.connection_info()["opened"]
        assert cloud.result(cloud.call(inside)) == (False, "None", False)
        cloud.start_simulator()
        assert cloud.result(cloud.call(inside)) == (False, "None", False)
    """)


def test_running_on_cloud_is_true_inside_jobs_only(clients: Clients) -> None:
    assert clients.run("""
        found = [cloud.running_on_cloud(), cloud.result(cloud.call(cloud.running_on_cloud))]
        found.append(cloud.mp.result(cloud.mp.call(cloud.running_on_cloud)))
        cloud.start_simulator()
        found += [cloud.running_on_cloud(), cloud.result(cloud.call(cloud.running_on_cloud))]
        print(json.dumps(found))
    """) == [False, True, True, False, True]


def test_getconfigpath_is_the_folder_of_the_node(clients: Clients, home: Path, tmp_path: Path) -> None:
    program = "print(json.dumps(cloud.getconfigpath()))"
    assert clients.run(program) == str(home)
    user = tmp_path / "user"
    user.mkdir()
    assert clients.run(f"del os.environ['PICLOUD_HOME']\n{program}", HOME=str(user)) == str(user / ".picloud")
    assert not any(user.iterdir())
