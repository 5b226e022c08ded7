"""Code travels with the job: an edited module is the new one in the next submission, and the old one in what was queued."""

from __future__ import annotations

from . import conftest as shared

_RUN = "import json, project\nprint(json.dumps(cloud.result(cloud.call(project.work))))"


def _write(programs: shared.Programs, name: str, text: str) -> None:
    (programs.folder / f"{name}.py").write_text(text)


def test_a_module_edited_between_two_runs(programs: shared.Programs) -> None:
    _write(programs, "project", "def work(): return 'old'")
    assert programs.run(_RUN) == "old"
    _write(programs, "project", "def work(): return 'new'")
    assert programs.run(_RUN) == "new"


def test_a_helper_imported_inside_a_function_and_edited_between_two_runs(programs: shared.Programs) -> None:
    _write(programs, "project", "def work():\n    import helper\n    return helper.value()")
    _write(programs, "helper", "def value():\n    from deeper import value\n    return value")
    _write(programs, "deeper", "value = 'old'")
    assert programs.run(_RUN) == "old"
    _write(programs, "deeper", "value = 'new'")
    assert programs.run(_RUN) == "new"


def test_a_module_reloaded_between_two_submissions(programs: shared.Programs) -> None:
    _write(programs, "project", "def work(): return 'old'")
    assert programs.run(
        "import importlib, json, project\n"
        "first = cloud.result(cloud.call(project.work))\n"
        "with open('project.py', 'w') as file: file.write('def work(): return \"newer\"')\n"
        "unloaded = cloud.result(cloud.call(project.work))\n"
        "importlib.invalidate_caches()\n"
        "importlib.reload(project)\n"
        "print(json.dumps([first, unloaded, cloud.result(cloud.call(project.work))]))"
    ) == ["old", "old", "newer"]


def test_an_inner_helper_edited_between_two_submissions(programs: shared.Programs) -> None:
    """Nothing has loaded it here, so the file on the disk is the truth at each submission."""
    _write(programs, "helper", "value = 'old'")
    assert programs.run(
        "import json\n"
        "def work():\n"
        "    import helper\n"
        "    return helper.value\n"
        "first = cloud.result(cloud.call(work))\n"
        "with open('helper.py', 'w') as file: file.write('value = \"newer\"')\n"
        "print(json.dumps([first, cloud.result(cloud.call(work))]))"
    ) == ["old", "newer"]


def test_a_helper_that_only_the_job_knows_of_and_edited_between_two_submissions(programs: shared.Programs) -> None:
    """Its name is computed, so that it does not travel: the job reads the disk, and the next one reads it again."""
    _write(programs, "helper", "value = 'old'")
    assert programs.run(
        "import json\n"
        "def work():\n"
        "    import importlib\n"
        "    return importlib.import_module('hel' + 'per').value\n"
        "first = cloud.result(cloud.call(work))\n"
        "with open('helper.py', 'w') as file: file.write('value = \"newer\"')\n"
        "print(json.dumps([first, cloud.result(cloud.call(work))]))",
        PICLOUD_CPUS="1",
    ) == ["old", "newer"]


def test_a_job_queued_before_the_edit_runs_the_old_code(programs: shared.Programs) -> None:
    _write(programs, "helper", "value = 'old'")
    _write(programs, "project", "def work():\n    import helper\n    return helper.value")
    queued = programs.run(
        "import project\n"
        "def wait():\n"
        "    while not os.path.exists('gate'): time.sleep(0.01)\n"
        "print(cloud.call(project.work, _depends_on=cloud.call(wait)))"
    )
    _write(programs, "helper", "value = 'new'")
    _write(programs, "project", "def work():\n    import helper\n    return helper.value + 'er'")
    (programs.folder / "gate").touch()
    assert programs.run(_RUN) == "newer"
    assert programs.run(f"print('\"%s\"' % cloud.result({queued}))") == "old"


def test_a_queued_job_runs_although_its_modules_were_deleted(programs: shared.Programs) -> None:
    _write(programs, "project", "def work(): return 'gone'")
    queued = programs.run(
        "import project\n"
        "def wait():\n"
        "    while not os.path.exists('gate'): time.sleep(0.01)\n"
        "print(cloud.call(project.work, _depends_on=cloud.call(wait)))"
    )
    (programs.folder / "project.py").unlink()
    (programs.folder / "gate").touch()
    assert programs.run(f"print('\"%s\"' % cloud.result({queued}))") == "gone"


def test_the_program_itself_edited_between_two_runs(programs: shared.Programs) -> None:
    program = "def work(): return {!r}\nprint('\"%s\"' % cloud.result(cloud.call(work)))"
    assert [programs.run(program.format(value)) for value in ("old", "new")] == ["old", "new"]


def test_two_projects_with_a_module_of_the_same_name(programs: shared.Programs) -> None:
    for name in ("one", "two"):
        (programs.folder / name).mkdir()
        (programs.folder / name / "settings.py").write_text(f"value = {name!r}\ndef work(): return value")
    program = "import json, settings\nprint(json.dumps(cloud.result(cloud.call(settings.work))))"
    found = [
        programs.run(f"sys.path.insert(0, os.path.abspath({name!r}))\n{program}") for name in ("one", "two", "one")
    ]
    assert found == ["one", "two", "one"]
