"""What people ask of the node itself: to check its store, to back it up, to end; it works on meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from picloud.model import job
from picloud.wire import messages

from .conftest import PATIENCE, Client, Gate, Refused, Run, changed_node


def large(value: int) -> bytes:
    print("x" * 5000)
    return bytes([value]) * 300_000


def test_a_check_walks_everything(client: Client) -> None:
    client.wait(client.map(large, range(3)))
    report = client.ask(messages.NodeFacts, messages.Check()).facts
    assert report["damaged"] == 0
    assert report["problems"] == []
    assert report["items"] >= 3
    assert report["records"] > 5


def test_a_backup_is_a_home_by_itself(client: Client, home: Path, gate: Gate) -> None:
    done = client.map(large, range(3))
    client.wait(done)
    runs = client.call(gate.job(), 5)
    copy = home / "copy"
    made = client.ask(messages.NodeFacts, messages.Backup(str(copy))).facts
    assert made["directory"] == str(copy)
    assert made["files"] >= 5
    # What comes later is not in it, and what is deleted later is.
    client.delete(done)
    later = client.call(len, "abc")
    gate.open()
    client.wait(runs, later)
    with changed_node(copy, "pass"), Client(copy) as reader:
        assert {end.status for end in reader.ends(done).values()} == {job.DONE}
        assert reader.info(done[0])["stdout"] == "x" * 5000 + "\n"
        assert reader.result(runs) == 5
        with pytest.raises(Refused):
            reader.status(later)


def test_a_backup_to_nowhere_is_refused_and_harms_nothing(client: Client, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("precious")
    for directory, code in (
        (str(tmp_path / "full"), "node.home"),
        ("/proc/backup", "node.home"),
        ("copy", "argument.value"),
    ):
        with pytest.raises(Refused) as refused:
            client.exchange(messages.Backup(directory))
        assert refused.value.code == code
    assert (tmp_path / "full" / "file").read_text() == "precious"
    assert [path.name for path in tmp_path.iterdir()] == ["full"]


def test_others_are_answered_while_a_backup_is_made(client: Client, tmp_path: Path) -> None:
    client.channel.send(messages.Backup(str(tmp_path / "copy")))
    with Client(client.home) as other:
        assert other.result(other.call(len, "abc")) == 3
    assert messages.expect(client.receive().message, messages.NodeFacts).facts["files"] >= 0


def test_a_node_that_is_asked_to_stop_says_so_first(run: Run) -> None:
    with run() as node, Client(node.home) as client:
        jid = client.call(len, "abc")
        client.ask(messages.Accepted, messages.Stop())
        assert node.process.wait(PATIENCE) == 0
    with run() as node, Client(node.home) as client:
        assert client.result(jid) == 3
