"""What a program asked of the file system, in order, and the disks that a power loss may leave of it.

`tool_disk_shim` records the calls of one run below one directory (tests/tools/disk_shim.cpp). `Disk` reads the records up
to some point and keeps apart what a sync has made certain and what may or may not have reached the disk; `Disk.build`
writes one of the directories that a machine may find there after it lost its power at that point:

- what was written to a file is certain once a sync of that file has ended that began after the write;
- a name (made, renamed, removed) is certain once a sync of its directory has ended that began after it. Only POSIX
  promises that little; ext4 and XFS keep the order of names, which is one of the outcomes here;
- everything else is there or not, a sector at a time, in any order; a file may have its new size without the content;
- a rename is whole: its target and the end of its source come together, or neither does;
- after a sync that failed, what it should have written never becomes certain: the kernel marks such pages as clean.

The same shim fails calls: `Rules`."""
from __future__ import annotations

import contextlib
import dataclasses
import enum
import json
import os
import pathlib
import random
import struct
import uuid
from collections.abc import Callable, Iterable, Iterator

from harness import BINARY

SHIM = BINARY.parent / "tests" / "tools" / "tool_disk_shim.so"
HEAD = struct.Struct("<IBBHIiQQQ")
TAKE_ALL_ROOM = -1  # in the place of an errno: the call is made on a file system without room


class Kind(enum.IntEnum):
    CREATE = 1
    WRITE = 2
    TRUNCATE = 3
    SYNC_BEGIN = 4
    SYNC_END = 5
    SYNC_FAILED = 6
    RENAME = 7
    UNLINK = 8
    MKDIR = 9
    RMDIR = 10
    LINK = 11
    FAULT = 12
    MARK = 13
    OPEN = 14


# The names that rules have for calls.
CALLS = {Kind.CREATE: "create", Kind.WRITE: "write", Kind.TRUNCATE: "truncate", Kind.SYNC_BEGIN: "sync",
         Kind.RENAME: "rename", Kind.UNLINK: "unlink", Kind.MKDIR: "mkdir", Kind.LINK: "link", Kind.OPEN: "open"}


@dataclasses.dataclass(frozen=True)
class Record:
    kind: Kind
    name: str  # below the root
    other: str  # the target of a rename or link; the call of a fault
    number: int
    inode: int
    offset: int
    length: int
    data: bytes

    @property
    def target(self) -> str:
        """The name by which rules know the call."""
        return self.other if self.kind in (Kind.RENAME, Kind.LINK) else self.name


def read_trace(file: pathlib.Path) -> list[Record]:
    content = file.read_bytes() if file.exists() else b""
    records = []
    at = 0
    while at < len(content):
        size, kind, _, name_bytes, other_bytes, number, inode, offset, length = HEAD.unpack_from(content, at)
        name_at = at + HEAD.size
        other_at = name_at + name_bytes
        data_at = other_at + other_bytes
        records.append(Record(Kind(kind), content[name_at:other_at].decode(), content[other_at:data_at].decode(), number,
                              inode, offset, length, content[data_at:at + size]))
        at += size
    assert at == len(content), "the last record is cut"
    return records


@dataclasses.dataclass
class Recorder:
    """The shim in front of programs that work below `root`, and what it wrote down."""

    root: pathlib.Path
    trace: pathlib.Path
    rules: pathlib.Path

    @classmethod
    def below(cls, folder: pathlib.Path) -> Recorder:
        root = folder / "disk"
        root.mkdir(parents=True, exist_ok=True)
        return cls(root, folder / "trace", folder / "rules")

    @property
    def environment(self) -> dict[str, str]:
        assert SHIM.is_file(), f"there is no {SHIM}; build the target tool_disk_shim"
        return {"LD_PRELOAD": str(SHIM), "DISK_ROOT": str(self.root), "DISK_TRACE": str(self.trace),
                "DISK_RULES": str(self.rules), "DISK_NO_SYNC": "1"}

    def append(self, kind: Kind, name: str, *, inode: int = 0, offset: int = 0, length: int = 0, number: int = 0,
               data: bytes = b"") -> None:
        head = HEAD.pack(HEAD.size + len(name.encode()) + len(data), kind, 0, len(name.encode()), 0, number, inode,
                         offset, length)
        with self.trace.open("ab", buffering=0) as file:
            file.write(head + name.encode() + data)

    def mark(self, fact: object) -> None:
        """To be called once somebody outside knows: whatever the program had to make certain before, it has."""
        self.append(Kind.MARK, "", data=json.dumps(fact).encode())

    def note_file(self, path: pathlib.Path) -> None:
        """A file that was written by something else, which synced nothing."""
        name, found = str(path.relative_to(self.root)), path.stat()
        self.append(Kind.CREATE, name, inode=found.st_ino, number=found.st_mode & 0o777)
        self.append(Kind.WRITE, name, inode=found.st_ino, data=path.read_bytes())

    def records(self) -> list[Record]:
        return read_trace(self.trace)

    def faults(self) -> list[Record]:
        return [record for record in self.records() if record.kind is Kind.FAULT]

    def set_rules(self, *rules: Rule) -> None:
        """From the next call on; counting begins anew."""
        fresh = self.rules.with_suffix(".new")
        fresh.write_text("".join(f"{rule}\n" for rule in rules))
        fresh.rename(self.rules)


@dataclasses.dataclass(frozen=True)
class Rule:
    """Calls that fail: of those that match, the first `skip` go through, then `count` fail, all others where it is 0."""

    call: str
    pattern: str
    error: int
    skip: int = 0
    count: int = 0

    def __str__(self) -> str:
        return f"{self.call} {self.pattern} {self.error} {self.skip} {self.count}"


@dataclasses.dataclass
class Op:
    """One change of a file or a directory. Of a file: bytes at a place, or a new length. Of a directory: names with what
    stands under them from then on, None for nothing."""

    seq: int
    data: bytes = b""
    offset: int = 0
    length: int | None = None
    names: dict[str, Node | None] = dataclasses.field(default_factory=dict)
    waits_for: tuple[Node, Op] | None = None  # what must be there where this is: the other end of a rename
    lost: bool = False  # its sync failed


@dataclasses.dataclass(eq=False)
class Node:
    """A file or a directory, by whatever name."""

    is_directory: bool
    mode: int = 0o644
    content: bytes = b""  # of a file, certain from the beginning
    entries: dict[str, Node] = dataclasses.field(default_factory=dict)  # of a directory, likewise
    ops: list[Op] = dataclasses.field(default_factory=list)
    certain: int = 0  # so many of the ops


@dataclasses.dataclass(frozen=True)
class Fate:
    """How a disk treats what is not certain: the probability that a sector, that a name is there; what was asked of it
    up to `until` is there in any case; in sectors of so many bytes."""

    name: str
    sectors: float
    names: float
    until: int = 0
    sector: int = 4096
    sizes: bool = False  # files have the size that they would have had, filled with zeros


class Disk:
    """The state of a recorded run after `count` records. `forgets` names syncs that are taken for never made: a control."""

    def __init__(self, records: list[Record], count: int, *, before: pathlib.Path | None = None,
                 forgets: Callable[[Record], bool] = lambda record: False):
        self.root = Node(True)
        self._now: dict[str, Node] = {"": self.root}  # by the names that the program saw
        self._inodes: dict[int, Node] = {}
        self._syncs: dict[int, tuple[Node, int]] = {}
        if before is not None:
            self._load(before)
        for seq, record in enumerate(records[:count]):
            if record.kind in (Kind.SYNC_BEGIN, Kind.SYNC_END) and forgets(record):
                continue
            self._take(seq, record)

    def _load(self, folder: pathlib.Path) -> None:
        for path in sorted(folder.rglob("*")):
            name, found = str(path.relative_to(folder)), path.stat()
            node = Node(path.is_dir(), found.st_mode & 0o777, b"" if path.is_dir() else path.read_bytes())
            self._parent(name).entries[os.path.basename(name)] = node
            self._now[name] = node  # found by its name at its first use: the copy has other inodes

    def _parent(self, name: str) -> Node:
        folder = os.path.dirname(name)
        if folder not in self._now:  # was there before the recording
            self._now[folder] = self._parent(folder).entries.setdefault(os.path.basename(folder), Node(True, 0o700))
        return self._now[folder]

    def _set(self, seq: int, name: str, node: Node | None) -> tuple[Node, Op]:
        parent = self._parent(name)
        op = Op(seq, names={os.path.basename(name): node})
        parent.ops.append(op)
        return parent, op

    def _file(self, record: Record) -> Node:
        node = self._inodes.get(record.inode) or self._now.get(record.name)
        if node is None:
            node = Node(False)
            self._parent(record.name).entries[os.path.basename(record.name)] = node
            self._now[record.name] = node
        self._inodes[record.inode] = node
        return node

    def _take(self, seq: int, record: Record) -> None:
        match record.kind:
            case Kind.CREATE | Kind.MKDIR:
                node = Node(record.kind is Kind.MKDIR, record.number & ~0o022 & 0o777)
                self._now[record.name] = self._inodes[record.inode] = node
                self._set(seq, record.name, node)
            case Kind.OPEN:
                if record.name in self._now:
                    self._inodes[record.inode] = self._now[record.name]
            case Kind.WRITE:
                self._file(record).ops.append(Op(seq, record.data, record.offset))
            case Kind.TRUNCATE:
                self._file(record).ops.append(Op(seq, length=record.length))
            case Kind.SYNC_BEGIN:
                node = self._now[""] if record.name == "" else self._inodes.get(record.inode) or self._now.get(record.name)
                if node is not None:
                    self._syncs[record.offset] = node, len(node.ops)
            case Kind.SYNC_END:
                if record.offset in self._syncs:
                    node, count = self._syncs.pop(record.offset)
                    node.certain = max(node.certain, count)
            case Kind.SYNC_FAILED:
                node = self._inodes.get(record.inode) or self._now.get(record.name)
                for op in node.ops[node.certain:] if node else []:
                    op.lost = True
            case Kind.RENAME:
                self._rename(seq, record.name, record.other)
            case Kind.UNLINK | Kind.RMDIR:
                self._set(seq, record.name, None)
                self._now.pop(record.name, None)
            case Kind.LINK:
                self._now[record.other] = self._now[record.name]
                self._set(seq, record.other, self._now[record.name])

    def _rename(self, seq: int, old: str, new: str) -> None:
        node = self._now.get(old) or Node(False)
        parent, arrives = self._set(seq, new, node)
        if self._parent(old) is parent:
            arrives.names[os.path.basename(old)] = None
        else:
            self._set(seq, old, None)[1].waits_for = parent, arrives
        for name in [name for name in self._now if name == old or name.startswith(old + "/")]:
            self._now[new + name[len(old):]] = self._now.pop(name)

    # Images

    def build(self, target: pathlib.Path, fate: Fate, generator: random.Random) -> None:
        """Writes one disk that a power loss may leave; `target` is the root, and must be empty."""
        kept: dict[int, bool] = {}

        def is_kept(node: Node, index: int, op: Op, held: set[str]) -> bool:
            if id(op) not in kept:
                there = (index < node.certain and not op.lost) or op.seq < fate.until
                if not there:
                    there = not held.intersection(op.names) and generator.random() < fate.names
                if there and op.waits_for is not None:
                    other, arrives = op.waits_for
                    there = is_kept(other, other.ops.index(arrives), arrives, set())
                kept[id(op)] = there
            return kept[id(op)]

        def write(node: Node, path: pathlib.Path) -> None:
            if not node.is_directory:
                path.write_bytes(self._content(node, fate, generator))
                path.chmod(node.mode)
                return
            path.mkdir(exist_ok=True)
            entries = dict(node.entries)
            held: set[str] = set()  # names of which something is missing: what came later is missing as well
            for index, op in enumerate(node.ops):
                if not is_kept(node, index, op, held):
                    held.update(op.names)
                    continue
                for name, entry in op.names.items():
                    if entry is None:
                        entries.pop(name, None)
                    else:
                        entries[name] = entry
            for name, entry in entries.items():
                write(entry, path / name)

        write(self.root, target)

    @staticmethod
    def _content(node: Node, fate: Fate, generator: random.Random) -> bytes:
        content = bytearray(node.content)
        size = len(content)  # as it would have been
        for index, op in enumerate(node.ops):
            certain = (index < node.certain and not op.lost) or op.seq < fate.until
            if op.length is not None:
                size = op.length
                if certain or generator.random() < fate.sectors:
                    if op.length < len(content):
                        del content[op.length:]
                    else:
                        content.extend(bytes(op.length - len(content)))
                continue
            size = max(size, op.offset + len(op.data))
            for start, end in sectors_of(op.offset, len(op.data), fate.sector):
                if not certain and generator.random() >= fate.sectors:
                    continue
                if len(content) < start:
                    content.extend(bytes(start - len(content)))
                content[start:end] = op.data[start - op.offset:end - op.offset]
        if fate.sizes and size > len(content):
            content.extend(bytes(size - len(content)))
        return bytes(content)


def sectors_of(offset: int, count: int, sector: int) -> Iterator[tuple[int, int]]:
    at, end = offset, offset + count
    while at < end:
        until = min(end, (at // sector + 1) * sector)
        yield at, until
        at = until


def fates(generator: random.Random, count: int) -> Fate:
    """One way in which a disk may treat the first `count` records."""
    sector = generator.choice([512, 4096])
    recent = generator.randrange(max(count - 400, 0), count + 1)
    return generator.choice([
        Fate("everything unsynced is lost", 0, 0, sector=sector),
        Fate("content is lost, names are there", 0, 1, sector=sector),
        Fate("content and sizes without it", 0, 1, sector=sector, sizes=True),
        Fate("names are lost, content is there", 1, 0, sector=sector),
        Fate("everything is there", 1, 1, sector=sector),
        Fate("all up to some point is there", 0, 0, until=recent, sector=sector),
        Fate("all up to some point, and names", 0, 1, until=recent, sector=sector),
        Fate("all up to some point, and torn after it", 0.5, 0.5, until=recent, sector=sector),
        Fate("few sectors", 0.1, 0.5, sector=sector),
        Fate("half of the sectors", 0.5, 0.5, sector=sector),
        Fate("half of the sectors, and sizes", 0.5, 1, sector=sector, sizes=True),
        Fate("most sectors", 0.9, 0.5, sector=sector),
    ])


def after_power_loss(folder: pathlib.Path) -> dict[str, str]:
    """The environment of a program for which the machine has been started anew."""
    boot = folder / "boot_id"
    boot.write_text(f"{uuid.uuid4()}\n")
    return {"LD_PRELOAD": str(SHIM), "DISK_BOOT": str(boot)}


def certain_only(name: str = "everything unsynced is lost") -> Fate:
    return Fate(name, 0, 0)


@contextlib.contextmanager
def failing(recorder: Recorder, *rules: Rule) -> Iterator[None]:
    """For as long as the block runs, calls fail."""
    recorder.set_rules(*rules)
    try:
        yield
    finally:
        recorder.set_rules()


def marks(records: Iterable[Record]) -> list[tuple[int, object]]:
    """(number of records up to and with it, what was marked)."""
    return [(index + 1, json.loads(record.data)) for index, record in enumerate(records) if record.kind is Kind.MARK]
