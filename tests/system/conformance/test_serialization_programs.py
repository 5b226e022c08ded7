"""What a program's own code and modules bring along, by programs that are run as people run them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from picloud.testing.node import stop_home, temporary_home

Run = Callable[..., str]

PRELUDE = """
def hold():
    import os, time
    while not os.path.exists('go'): time.sleep(0.01)
"""
"""What main programs begin with: a job to depend on that ends when the file is there."""


@pytest.fixture(scope="module")
def node() -> Iterator[dict[str, str]]:
    """Give the environment of programs that share a node."""
    home = temporary_home()
    yield {**os.environ, "PICLOUD_HOME": str(home), "PICLOUD_DURABILITY": "process"}
    left = stop_home(home)
    shutil.rmtree(home, ignore_errors=True)
    assert not left, left


@pytest.fixture
def run(node: dict[str, str], tmp_path: Path) -> Run:
    """Write files, run a main program among them, and return what it printed."""

    def run(text: str, *arguments: str, files: dict[str, str] | None = None, **variables: str) -> str:
        for name, content in {"main.py": PRELUDE + textwrap.dedent(text), **(files or {})}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        result = subprocess.run(
            [sys.executable, *(arguments or ["main.py"])],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
            env={**node, **variables},
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    return run


def test_classes_of_the_main_program_and_their_instances(run: Run) -> None:
    text = """
        import cloud, enum, dataclasses, collections, typing
        class Color(enum.Enum):
            RED = 1
        @dataclasses.dataclass
        class Point:
            x: int
            color: Color = Color.RED
            def moved(self): return Point(self.x + 1, self.color)
        Old = collections.namedtuple('Old', 'a b')
        class New(typing.NamedTuple):
            a: int
            b: Point
        class Callable:
            def __call__(self, x): return [x, type(self)]
        def result(f, *args): return cloud.result(cloud.call(f, *args), timeout=30)
        print(result(Point(1).moved) == Point(2), result(Point.moved, Point(4)), result(Point, 3).color is Color.RED)
        print(result(Old._make, [1, 2]), type(result(Old, 1, 2)) is Old, result(lambda: New(1, Point(2))))
        print(result(Callable(), 5) == [5, Callable])
    """
    assert run(text).splitlines() == [
        "True Point(x=5, color=<Color.RED: 1>) True",
        "Old(a=1, b=2) True New(a=1, b=Point(x=2, color=<Color.RED: 1>))",
        "True",
    ]


@pytest.mark.parametrize("how", [("-c",), ("-",)], ids=["a command", "standard input"])
def test_interactive_functions_and_classes(node: dict[str, str], tmp_path: Path, how: tuple[str, ...]) -> None:
    text = (
        "import cloud\nclass Thing:\n    def __init__(self, n): self.n = n\n    def more(self): return Thing(self.n + OFFSET)\n"
        "OFFSET = 2\nprint(cloud.result(cloud.call(Thing(1).more), timeout=30).n)\n"
    )
    command = [sys.executable, *how, *([text] if how == ("-c",) else [])]
    result = subprocess.run(
        command, input=text, cwd=tmp_path, capture_output=True, text=True, timeout=50, check=False, env=node
    )
    assert result.stdout == "3\n", result.stderr


def test_recursion_between_globals(run: Run) -> None:
    text = """
        import cloud
        def even(n): return True if n == 0 else odd(n - 1)
        def odd(n): return False if n == 0 else even(n - 1)
        TABLE = {'even': even, 'odd': odd}
        def by_name(name, n): return TABLE[name](n)
        class Node:
            def __init__(self, n): self.below = Node(n - 1) if n else None
            def depth(self): return 1 + (self.below.depth() if self.below else 0)
            @classmethod
            def kind(cls): return cls is Node
        print(cloud.result([cloud.call(even, 10), cloud.call(by_name, 'odd', 7)], timeout=30))
        print(cloud.result(cloud.call(Node(3).depth), timeout=30), cloud.result(cloud.call(Node.kind), timeout=30))
    """
    assert run(text) == "[True, True]\n4 True\n"


def test_what_functools_makes_of_functions_of_the_main_program(run: Run) -> None:
    text = """
        import cloud, functools

        @functools.lru_cache(maxsize=7, typed=True)
        def fib(n):
            'of Pisa'
            return n if n < 2 else fib(n - 1) + fib(n - 2)

        class Thing:
            @functools.cached_property
            def five(self):
                'V'
                return [5]
            @functools.cache
            def six(self): return [6]
            @functools.singledispatchmethod
            def kind(self, x): return 'any'
            @kind.register
            def _(self, x: int): return 'int'

        @functools.singledispatch
        def show(x):
            'of any'
            return 'object'

        @show.register
        def _(x: int): return f'int, no {show("")}'

        @show.register(list)
        def show_list(x): return [show(y) for y in x]

        show.note = 'mine'
        thing = Thing()
        def result(f, *args): return cloud.result(cloud.call(f, *args), timeout=30)
        print(result(fib, 20), result(lambda: (fib.__name__, fib.__doc__, fib.cache_parameters(), fib.cache_info().misses)))
        print(result(lambda: (thing.five is thing.five, thing.six() is thing.six(), thing.kind(1), thing.kind('')), ))
        print(result(lambda: (thing.five, Thing.five.__doc__)), result(functools.partial(fib, 5)))
        print(result(show, [1, '', [2]]), result(lambda: (show.__name__, show.__doc__, show.note, show.dispatch(int)(3))))
        show.register(float, str)
        print(result(show, 1.5))
    """
    assert run(text).splitlines() == [
        "6765 ('fib', 'of Pisa', {'maxsize': 7, 'typed': True}, 0)",
        "(True, True, 'int', 'any')",
        "([5], 'V') 5",
        "['int, no object', 'object', ['int, no object']] ('show', 'of any', 'mine', 'int, no object')",
        "1.5",
    ]


def test_attributes_that_a_program_gives_to_functions_of_modules_stay_with_it(run: Run) -> None:
    text = """
        import cloud, proj
        proj.plain.note = 'changed'
        def mine(): return mine.note
        mine.note = 'kept'
        print(cloud.result(cloud.call(proj.plain), timeout=30), cloud.result(cloud.call(mine), timeout=30))
    """
    project = "def plain(): return plain.note\nplain.note = 'as in the source'\n"
    assert run(text, files={"proj.py": project}) == "as in the source kept\n"


def test_globals_have_their_value_at_submission_and_what_a_job_changes_does_not_come_back(run: Run) -> None:
    text = """
        import cloud
        NUMBER, SEEN = 1, []
        def look():
            global NUMBER
            SEEN.append(NUMBER)
            NUMBER += 10
            return NUMBER, list(SEEN)
        gate = cloud.call(int)
        first = cloud.call(look, _depends_on=gate)
        NUMBER = 2
        SEEN.append('here')
        second = cloud.call(look, _depends_on=first)
        print(cloud.result([first, second], timeout=30), NUMBER, SEEN)
        def both():
            def add(): SEEN.append('added')
            add()
            return sees(), look()
        def sees(): return SEEN[-1]
        print(cloud.result(cloud.call(both), timeout=30))
    """
    assert run(text) == "[(11, [1]), (12, ['here', 2])] 2 ['here']\n('added', (12, ['here', 'added', 2]))\n"


def test_only_the_globals_that_a_function_refers_to_travel(run: Run) -> None:
    """A lock cannot."""
    text = """
        import cloud, threading
        LOCK, TABLE, OFFSET = threading.Lock(), [1, 2], 3
        def deep():
            def inner():
                class Local:
                    def method(self): return [n + OFFSET for n in TABLE]
                return (lambda: Local().method())()
            return inner()
        def locked(): return LOCK
        def names(): return sorted({'LOCK', 'TABLE', 'OFFSET'} & set(globals()))
        print(cloud.result(cloud.call(deep), timeout=30), cloud.result(cloud.call(names), timeout=30))
        try: cloud.call(locked)
        except cloud.CloudException as error: print('LOCK' in str(error))
    """
    assert run(text) == "[4, 5] []\nTrue\n"


def test_class_variables_have_their_value_at_submission(run: Run) -> None:
    text = """
        import cloud
        class Base:
            shared = [1]
        class Thing(Base):
            count = 0
            def look(self):
                Thing.count += 10
                return Thing.count, self.shared
        Thing.count = 1
        Base.shared.append(2)
        jid = cloud.call(Thing().look, _depends_on=cloud.call(int))
        Thing.count = 5
        print(cloud.result(jid, timeout=30), Thing.count)
    """
    assert run(text) == "(11, [1, 2]) 5\n"


def test_exceptions_of_the_main_program(run: Run) -> None:
    text = """
        import cloud, threading
        class Own(Exception):
            def __init__(self, left, *, right):
                super().__init__(f'{left} and {right}')
                self.right = right
        class Holding(Exception):
            def __init__(self): super().__init__('holds a lock'); self.lock = threading.Lock()
        def fail(): raise Own(1, right=2)
        def hold(): raise Holding()
        def caught(f):
            try: cloud.result(cloud.call(f), timeout=30)
            except cloud.CloudException as error: return error
        error = caught(fail)
        print(type(error.__cause__) is Own, error.__cause__, error.__cause__.right)
        error = caught(hold)
        print(error.__cause__, 'Holding: holds a lock' in str(error), 'in hold' in str(error), 'def hold(): raise' in str(error))
        print(repr(cloud.result(cloud.call(Own, 3, right=4), timeout=30)))
    """
    assert run(text).splitlines() == ["True 1 and 2 2", "None True True True", "Own('3 and 4')"]


PACKAGE = {
    "lib/pack/__init__.py": "from . import part\n",
    "lib/pack/part.py": (
        "import importlib.resources, pkgutil\n"
        "def texts():\n"
        "    files = importlib.resources.files('pack')\n"
        "    below = importlib.resources.files('pack.deep')\n"
        "    with importlib.resources.as_file(files / 'a.txt') as path: copy = path.read_text()\n"
        "    return [(files / 'a.txt').read_text(), (files / 'deep' / 'b.csv').read_text(), (below / 'b.csv').read_text(),\n"
        "            pkgutil.get_data('pack', 'a.txt').decode(), pkgutil.get_data('pack', 'deep/b.csv').decode(), copy,\n"
        "            sorted(each.name for each in files.iterdir())]\n"
        "def lazy():\n"
        "    from pack.inner import later\n"
        "    return later.VALUE, importlib.resources.files('pack.inner').joinpath('c').read_bytes()\n"
        "def source():\n"
        "    return pkgutil.get_data('pack', 'part.py')[:6]\n"
    ),
    "lib/pack/a.txt": "of the package\n",
    "lib/pack/deep/b.csv": "x,y\n",
    "lib/pack/inner/__init__.py": "",
    "lib/pack/inner/later.py": "VALUE = 'later'\n",
    "lib/pack/inner/c": "in a package below",
}
"""A package with data, in a folder that only the program puts on its path."""


def test_packages_and_their_data_travel_whatever_becomes_of_the_folder(run: Run) -> None:
    text = """
        import cloud, os, shutil, sys
        sys.path.insert(0, os.path.abspath('lib'))
        import pack.part
        gate = cloud.call(hold)
        jids = [cloud.call(f, _depends_on=gate) for f in (pack.part.texts, pack.part.lazy, pack.part.source)]
        shutil.rmtree('lib')
        open('go', 'w').close()
        for value in cloud.result(jids, timeout=30): print(value)
    """
    texts = "['of the package\\n', 'x,y\\n', 'x,y\\n', 'of the package\\n', 'x,y\\n', 'of the package\\n', "
    assert run(text, files=PACKAGE).splitlines() == [
        f"{texts}['__init__.py', 'a.txt', 'deep', 'inner', 'part.py']]",
        "('later', b'in a package below')",
        "b'import'",
    ]


def test_data_that_was_edited_is_that_of_the_submission(run: Run) -> None:
    text = """
        import cloud, os, sys
        sys.path.insert(0, os.path.abspath('lib'))
        import pack.part
        first = cloud.call(pack.part.texts)
        open('lib/pack/a.txt', 'w').write('edited\\n')
        second = cloud.call(pack.part.texts)
        print([cloud.result(jid, timeout=30)[3] for jid in (first, second)])
    """
    assert run(text, files=PACKAGE) == "['of the package\\n', 'edited\\n']\n"


def test_data_in_packages_without_init(run: Run) -> None:
    text = """
        import cloud, os, shutil, sys, pkgutil, importlib.resources
        sys.path.insert(0, os.path.abspath('lib'))
        import top.space.mod
        gate = cloud.call(hold)
        jid = cloud.call(top.space.mod.text, _depends_on=gate)
        shutil.rmtree('lib')
        open('go', 'w').close()
        print(cloud.result(jid, timeout=30))
    """
    files = {
        "lib/top/__init__.py": "",
        "lib/top/space/mod.py": "import importlib.resources\ndef text(): return importlib.resources.read_text('top.space', 'x')\n",
        "lib/top/space/x": "there",
    }
    assert run(text, files=files, PYTHONWARNINGS="ignore") == "there\n"


def test_data_above_the_bound_is_read_from_the_disk_and_missed_with_a_clear_error(run: Run) -> None:
    text = """
        import cloud, os, sys, pkgutil
        os.makedirs('lib/big')
        open('lib/big/__init__.py', 'w').write('import pkgutil\\ndef size(): return len(pkgutil.get_data("big", "large"))\\n')
        open('lib/big/large', 'wb').write(bytes(9 << 20))
        sys.path.insert(0, os.path.abspath('lib'))
        import big
        print(cloud.result(cloud.call(big.size), timeout=30))
        gate = cloud.call(hold)
        jid = cloud.call(big.size, _depends_on=gate)
        os.unlink('lib/big/large')
        open('go', 'w').close()
        try: cloud.result(jid, timeout=30)
        except cloud.CloudException as error: print('did not travel with the job' in str(error), '9437184 bytes' in str(error))
    """
    assert run(text) == "9437184\nTrue True\n"


def test_nested_jobs_have_the_data_too(run: Run) -> None:
    text = """
        import cloud, os, shutil, sys
        sys.path.insert(0, os.path.abspath('lib'))
        import pack.part
        def outer():
            import cloud
            return cloud.result(cloud.call(pack.part.texts))[0]
        gate = cloud.call(hold)
        jid = cloud.call(outer, _depends_on=gate)
        shutil.rmtree('lib')
        open('go', 'w').close()
        print(cloud.result(jid, timeout=30))
    """
    assert run(text, files=PACKAGE) == "of the package\n\n"


def test_what_is_in_site_packages_goes_by_name(run: Run) -> None:
    """Compiled extensions among it."""
    text = """
        import cloud, msgspec, numpy
        from picloud.client.serialization import encode_function
        print(len(encode_function(msgspec.json.decode, lambda code: None).pickled) < 100)
        print(cloud.result(cloud.call(msgspec.json.decode, b'[1]'), timeout=30))
        print(cloud.result(cloud.call(numpy.linalg.norm, [3.0, 4.0]), timeout=30))
    """
    assert run(text) == "True\n[1]\n5.0\n"


def test_an_installed_package_that_the_interpreter_lacks_is_named_with_the_interpreter(
    run: Run, tmp_path: Path
) -> None:
    """It was there at submission, in the user's site-packages, and is gone when the job runs."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    site = f"base/lib/{version}/site-packages"
    text = f"""
        import cloud, os, shutil, sys
        sys.path.insert(0, os.path.abspath('{site}'))
        import installed
        def inside():
            import installed
        def uses(): return installed.f()
        gate = cloud.call(hold)
        calls = [(installed.f,), (uses,), (len, [installed.Thing()]), (inside,)]
        jids = [cloud.call(*each, _depends_on=gate) for each in calls]
        jids += cloud.map(len, [[1], [installed.Thing()], [1, 2]], _depends_on=gate)
        os.rename('{site}', 'gone')
        open('go', 'w').close()
        results = cloud.result(jids, timeout=30, ignore_errors=True)
        for error in results[:3] + results[5:6]:
            text = str(error)
            print('Could not depickle job in ' + sys.executable in text, "no module 'installed'" in text,
                  'must be installed' in text, 'ModuleNotFoundError' in text)
        print('Could not depickle' in str(results[3]), 'The job ran in ' + sys.executable in str(results[3]))
        print(results[4], results[6])
    """
    files = {f"{site}/installed.py": "def f(): return 1\nclass Thing:\n    pass\n"}
    out = run(text, files=files, PYTHONUSERBASE=str(tmp_path / "base"))
    assert out.splitlines() == ["True True True True"] * 4 + ["False True", "1 2"]


def test_modules_in_a_zip_file_travel(run: Run) -> None:
    text = """
        import cloud, os, sys, zipfile
        with zipfile.ZipFile('lib.zip', 'w') as packed:
            packed.writestr('zipped/__init__.py', '')
            packed.writestr('zipped/mod.py', 'def f():\\n    from zipped import later\\n    return later.VALUE\\n')
            packed.writestr('zipped/later.py', 'VALUE = 5\\n')
        sys.path.insert(0, os.path.abspath('lib.zip'))
        import zipped.mod
        jid = cloud.call(zipped.mod.f, _depends_on=cloud.call(hold))
        os.unlink('lib.zip')
        open('go', 'w').close()
        print(cloud.result(jid, timeout=30))
    """
    assert run(text) == "5\n"


def test_a_compiled_extension_of_the_project_goes_by_name(run: Run) -> None:
    """A copy of a library's stands for one that was built beside the program."""
    text = """
        import cloud, importlib.util, os, shutil, sys, msgspec._core
        file = msgspec._core.__file__
        os.mkdir('lib')
        shutil.copy(file, 'lib')
        del sys.modules['msgspec._core'], sys.modules['msgspec']
        sys.path.insert(0, os.path.abspath('lib'))
        import _core
        print(_core.__file__.startswith(os.getcwd()))
        def where():
            import _core
            return _core.__file__
        print(cloud.result(cloud.call(where), timeout=30) == _core.__file__)
    """
    assert run(text) == "True\nTrue\n"
