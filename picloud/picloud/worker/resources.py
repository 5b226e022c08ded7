"""The data files of packages that came with a job, as `importlib.resources` and `pkgutil` ask for them."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from importlib.resources.abc import Traversable, TraversableResources
from typing import Any

from picloud.model.bundle import MAX_DATA, Bundle


class Carried:
    """The files of a bundle by path; what did not travel is looked for on the disk."""

    def __init__(self, bundle: Bundle) -> None:
        """Know the bundle's data and sources."""
        self._data = bundle.data
        self._left = bundle.left
        self._texts: Mapping[str, str] = {source.file: source.text for source in bundle.modules.values()}
        self._names: dict[str, set[str]] = {}
        for path in (*self._data, *self._left, *self._texts):
            self._note(path)

    def _note(self, path: str) -> None:
        while True:
            folder, name = os.path.split(path)
            names = self._names.setdefault(folder, set())
            if name in names or not name:
                return
            names.add(name)
            path = folder

    def read(self, path: str) -> bytes:
        """Return a file's content.

        Raises:
            OSError: if it neither came along nor is on the disk; where it was too large to come along, that is said.
        """
        if path in self._data:
            return self._data[path]
        if path in self._texts:
            return self._texts[path].encode()
        try:
            with open(path, "rb") as file:
                return file.read()
        except FileNotFoundError as error:
            if path in self._left:
                error.add_note(
                    f"It has {self._left[path]} bytes, and did not travel with the job: the data of a project's packages do up to "
                    f"{MAX_DATA >> 20} MiB. It has to be at this path where the job runs; or pass its content as an argument"
                )
            raise

    def is_file(self, path: str) -> bool:
        """Return whether there is such a file."""
        return path in self._data or path in self._texts or os.path.isfile(path)

    def is_folder(self, path: str) -> bool:
        """Return whether there is such a folder."""
        return path in self._names or os.path.isdir(path)

    def names(self, path: str) -> list[str]:
        """Return what is in a folder; where something was left behind, with what lies on the disk."""
        found = set(self._names.get(path, ()))
        if self._left or not found:
            try:
                found.update(os.listdir(path))
            except OSError:
                if not found:
                    raise
        return sorted(found)


class Entry(Traversable):
    """A file or folder among them."""

    def __init__(self, carried: Carried, path: str) -> None:
        """Be the one at this path."""
        self._carried = carried
        self._path = path

    @property
    def name(self) -> str:
        """Its name without the folders above."""
        return os.path.basename(self._path)

    def iterdir(self) -> Iterator[Entry]:
        """Yield what is in a folder."""
        return (Entry(self._carried, os.path.join(self._path, name)) for name in self._carried.names(self._path))

    def is_dir(self) -> bool:
        """Return whether it is a folder."""
        return self._carried.is_folder(self._path)

    def is_file(self) -> bool:
        """Return whether it is a file."""
        return self._carried.is_file(self._path)

    def joinpath(self, *descendants: str | os.PathLike[str]) -> Entry:
        """Return what lies below."""
        return Entry(self._carried, os.path.normpath(os.path.join(self._path, *descendants)))

    def __truediv__(self, child: str | os.PathLike[str]) -> Entry:
        """Return what lies below."""
        return self.joinpath(child)

    def read_bytes(self) -> bytes:
        """Return a file's content."""
        return self._carried.read(self._path)

    def read_text(self, encoding: str | None = None, errors: str | None = None) -> str:
        """Return a file's text, with its line ends as newlines."""
        with self.open("r", encoding, errors) as file:
            text: str = file.read()
            return text

    def open(self, mode: str = "r", *arguments: Any, **keywords: Any) -> Any:
        """Open a file for reading.

        Raises:
            ValueError: for any mode but 'r' and 'rb'.
            OSError: if there is no such file.
        """
        if mode not in ("r", "rb"):
            raise ValueError(f"a package's data can be opened for reading alone, not as {mode!r}")
        content = io.BytesIO(self.read_bytes())
        return content if mode == "rb" else io.TextIOWrapper(content, *arguments, **keywords)

    def __repr__(self) -> str:
        """Show the path."""
        return f"Entry({self._path!r})"


class Reader(TraversableResources):
    """What `importlib.resources` asks of a package's loader."""

    def __init__(self, root: Entry) -> None:
        """Read below the package's folder."""
        self._root = root

    def files(self) -> Entry:
        """Return the package's folder."""
        return self._root
