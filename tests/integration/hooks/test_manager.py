"""Plugins of other distributions, installed on disk, in a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import json, sys
from picloud.hooks.manager import Plugins
plugins = Plugins.load()
print(json.dumps([sorted(plugins.places()), [[f.plugin, f.reason] for f in plugins.failures]]))
"""


def _install(folder: Path, name: str, source: str) -> None:
    """Write a distribution as an installer would: a module, and metadata with an entry point."""
    (folder / f"picloud_{name}.py").write_text(source)
    metadata = folder / f"picloud_{name}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: picloud-{name}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[picloud]\n{name} = picloud_{name}\n")


def _load(folder: Path, **environment: str) -> tuple[list[str], list[list[str]], str]:
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=os.environ | {"PYTHONPATH": str(folder)} | environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    places, failures = json.loads(result.stdout)
    return places, failures, result.stderr


def test_strangers_plugins_are_found_and_broken_ones_skipped(tmp_path: Path) -> None:
    offering = """
from picloud.hooks import PlaceCapabilities
class Moon:
    name = "moon"
    capabilities = PlaceCapabilities(descriptors=False)
def picloud_places():
    return [Moon()]
"""
    _install(tmp_path, "moon", offering)
    _install(tmp_path, "crashing", "raise RuntimeError('cannot start')")
    _install(tmp_path, "leaving", "raise SystemExit('bye')")
    places, failures, log = _load(tmp_path)
    assert places == ["local", "moon"]
    assert failures == [["crashing", "RuntimeError: cannot start"], ["leaving", "SystemExit: bye"]]
    assert "The plugin crashing is left out: RuntimeError: cannot start" in log


def test_strangers_plugins_are_left_out_on_request(tmp_path: Path) -> None:
    _install(tmp_path, "crashing", "raise RuntimeError('cannot start')")
    assert _load(tmp_path, PICLOUD_NO_PLUGINS="1") == (["local"], [], "")
    assert _load(tmp_path, PICLOUD_NO_PLUGINS="crashing") == (["local"], [], "")
