"""What a pickle holds, read off its opcodes without running any: types, sizes, and what went by value.

Python's pickletools documents the opcodes; here each does to a stack of `Part`s what it does to values in an unpickler.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

_KINDS = {"int_or_bool": "int", "integer_or_bool": "int", "long": "int", "bytes_or_str": "bytes"}
_STRINGS = frozenset({"str", "string"})


@dataclass(slots=True, eq=False)
class Part:
    """A value inside a pickle."""

    kind: str
    """Its type, or what makes it: 'list', 'numpy.ndarray', 'again' for one that stands elsewhere too."""
    size: int = 0
    """Bytes of the pickle, and of buffers beside it, that are its own; with those of its parts once it is whole."""
    parts: list[Part] = field(default_factory=list)
    """What it holds."""
    name: str = ""
    """The key or attribute under which its holder has it; '' if it has none."""
    text: str | None = None
    """Its characters, if it is a string, or the dotted name of a global."""


def anatomy(pickled: bytes | memoryview, buffers: Sequence[int] = ()) -> Part:
    """Return the value in a pickle as parts, each with its size in bytes; `buffers` are the lengths of those beside the pickle.

    Raises:
        ValueError: if it is no pickle, or one that no unpickler would take.
    """
    walk = _Walk(iter(buffers))
    previous: Callable[[int], None] | None = None
    began = 0
    try:
        for opcode, argument, position in pickletools.genops(bytes(pickled)):
            at = position or 0
            if previous is not None:
                previous(at - began)
            began = at
            walk.take(opcode, argument)
            previous = walk.charge
        walk.charge(1)
        root = walk.stack.pop()
    except (LookupError, StopIteration, AttributeError) as error:
        raise ValueError(f"no pickle: {type(error).__name__} at byte {began}") from error
    _add_up(root)
    return root


class _Walk:
    """An unpickler's stack, marks and memo, with parts in place of values."""

    def __init__(self, buffers: Iterator[int]) -> None:
        self.stack: list[Part] = []
        self._marks: list[int] = []
        self._memo: dict[int, Part] = {}
        self._buffers = buffers
        self._loose = 0
        self._simple: dict[str, Callable[[], None]] = {
            "MARK": lambda: self._marks.append(len(self.stack)),
            "POP": self._pop,
            "POP_MARK": lambda: self._loosen(self._since_mark()),
            "DUP": lambda: self.stack.append(self._again(self.stack[-1])),
            "MEMOIZE": lambda: self._memo.update({len(self._memo): self.stack[-1]}),
            "STACK_GLOBAL": self._global_of_two,
            "REDUCE": lambda: self._make(self._taken(1)),
            "NEWOBJ": lambda: self._make(self._taken(1)),
            "NEWOBJ_EX": lambda: self._make(self._taken(2)),
            "OBJ": self._old_object,
            "APPEND": lambda: self._put_into_last(self._taken(1)),
            "APPENDS": lambda: self._put_into_last(self._since_mark()),
            "ADDITEMS": lambda: self._put_into_last(self._since_mark()),
            "SETITEM": lambda: self._name_in_last(self._taken(2)),
            "SETITEMS": lambda: self._name_in_last(self._since_mark()),
            "BUILD": self._build,
            "TUPLE": lambda: self._hold("tuple", self._since_mark()),
            "TUPLE1": lambda: self._hold("tuple", self._taken(1)),
            "TUPLE2": lambda: self._hold("tuple", self._taken(2)),
            "TUPLE3": lambda: self._hold("tuple", self._taken(3)),
            "LIST": lambda: self._hold("list", self._since_mark()),
            "FROZENSET": lambda: self._hold("frozenset", self._since_mark()),
            "DICT": self._dict,
            "NEXT_BUFFER": lambda: self.stack.append(Part("buffer", next(self._buffers))),
            "READONLY_BUFFER": lambda: None,
            "BINPERSID": lambda: self._hold("persistent", self._taken(1)),
        }

    def take(self, opcode: pickletools.OpcodeInfo, argument: object) -> None:
        """Do what an opcode does."""
        name = opcode.name
        simple = self._simple.get(name)
        if simple is not None:
            simple()
        elif name in ("GLOBAL", "INST"):
            dotted = Part("global", text=str(argument).replace(" ", ".", 1))
            if name == "INST":
                self.stack.append(Part(str(dotted.text), parts=self._since_mark()))
            else:
                self.stack.append(dotted)
        elif name.endswith("GET"):
            assert isinstance(argument, int)
            self.stack.append(self._again(self._memo[argument]))
        elif name.endswith("PUT"):
            assert isinstance(argument, int)
            self._memo[argument] = self.stack[-1]
        elif opcode.stack_after:
            kind = opcode.stack_after[0].name
            kind = _KINDS.get(kind, kind)
            if kind in _STRINGS:
                self.stack.append(Part("str", text=str(argument)))
            else:
                self.stack.append(Part(type(argument).__name__ if kind == "int" else kind))

    def charge(self, length: int) -> None:
        """Count the bytes of the last opcode for what is on top."""
        if self.stack:
            self.stack[-1].size += length + self._loose
            self._loose = 0
        else:
            self._loose += length

    def _taken(self, count: int) -> list[Part]:
        taken = self.stack[-count:]
        if len(taken) < count:
            raise IndexError(count)
        del self.stack[-count:]
        return taken

    def _since_mark(self) -> list[Part]:
        at = self._marks.pop()
        taken = self.stack[at:]
        del self.stack[at:]
        return taken

    def _pop(self) -> None:
        if self._marks and self._marks[-1] == len(self.stack):
            self._marks.pop()
        else:
            (part,) = self._taken(1)
            if part.parts and self.stack:
                # A call whose result nobody takes gives what is below its state: functions travel so.
                self.stack[-1].parts.append(part)
            else:
                self._loosen([part])

    def _loosen(self, parts: list[Part]) -> None:
        for part in parts:
            _add_up(part)
            self._loose += part.size

    @staticmethod
    def _again(part: Part) -> Part:
        return Part("again" if part.text is None else part.kind, text=part.text)

    def _hold(self, kind: str, parts: list[Part]) -> None:
        self.stack.append(Part(kind, parts=parts))

    def _global_of_two(self) -> None:
        module, name = self._taken(2)
        self.stack.append(Part("global", module.size + name.size, text=f"{module.text}.{name.text}"))

    def _make(self, arguments: list[Part]) -> None:
        (maker,) = self._taken(1)
        made = Part(maker.text or maker.kind, maker.size, maker.parts)
        for argument in arguments:
            made.size += argument.size
            made.parts = made.parts + argument.parts
        self.stack.append(made)

    def _old_object(self) -> None:
        maker, *arguments = self._since_mark()
        self.stack.append(Part(maker.text or maker.kind, maker.size, arguments))

    def _put_into_last(self, parts: list[Part]) -> None:
        self.stack[-1].parts += parts

    def _name_in_last(self, pairs: list[Part]) -> None:
        holder = self.stack[-1]
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            if key.parts or key.kind == "buffer":
                holder.parts.append(key)
            else:
                holder.size += key.size
            value.name = key.text or key.kind
            holder.parts.append(value)

    def _dict(self) -> None:
        pairs = self._since_mark()
        self._hold("dict", [])
        self._name_in_last(pairs)

    def _build(self) -> None:
        """Give a value its state; the attributes of a plain one become its own parts."""
        (state,) = self._taken(1)
        made = self.stack[-1]
        if state.kind in ("dict", "tuple"):
            made.size += state.size
            made.parts += state.parts
        else:
            made.parts.append(state)


def _add_up(root: Part) -> None:
    """Add the sizes of parts to what holds them; chains of any depth are worked off, not recursed into."""
    pending = [(root, False)]
    while pending:
        part, seen = pending.pop()
        if seen:
            part.size += sum(inner.size for inner in part.parts)
        else:
            pending.append((part, True))
            pending += [(inner, False) for inner in part.parts]
