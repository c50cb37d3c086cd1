"""Everything that one guest can reach, and what it has used of it. Made anew for each run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from runner.sandbox.wasi.abi import Errno, WasiError
from runner.sandbox.wasi.artifacts import ArtifactTree
from runner.sandbox.wasi.clocks import Chance, Clock
from runner.sandbox.wasi.files import Device, File, Folder, Node, Scratch
from runner.sandbox.wasi.paths import Finder
from runner.sandbox.wasi.streams import ErrorStream, InputStream, OutputStream
from schema import limits
from schema.violations import ViolationKind

STDIN, STDOUT, STDERR = 0, 1, 2


class Network(Protocol):
    """How the guest reaches other hosts."""

    requests: int
    bytes_used: int
    waited_ns: int

    def fetch(self, head: bytes, body: bytes) -> bytes:
        """The response: a line of JSON, then the body. Raises WasiError."""


@dataclass(eq=False)
class OpenFile:
    """A file that is open. The offset belongs to the descriptor."""

    file: File
    readable: bool
    writable: bool
    flags: int = 0
    at: int = 0


@dataclass(eq=False)
class OpenFolder:
    """A folder that is open; one with a preopen name was there from the start."""

    folder: Folder
    preopen: bytes | None = None
    names: list[bytes] | None = None
    """What it held when a reading of it began that has not come to its end."""


Stream = InputStream | OutputStream | ErrorStream
Descriptor = Stream | OpenFile | OpenFolder


@dataclass
class Violations:
    """What the guest tried and was not allowed, counted by kind and subject."""

    counts: dict[tuple[ViolationKind, str], int] = field(default_factory=dict)

    def note(self, kind: ViolationKind, subject: str = "") -> None:
        """Count one; beyond the bound, subjects are put together."""
        key = (kind, subject[:200])
        if key not in self.counts and len(self.counts) >= limits.VIOLATIONS_MAX // 2:
            key = (kind, "")
        self.counts[key] = self.counts.get(key, 0) + 1

    def has(self, *kinds: ViolationKind) -> bool:
        """Whether there was one of these kinds."""
        return any(kind in kinds for kind, _ in self.counts)


class World:
    """The surroundings of one guest.

    Args:
        stdin: the inputs.
        output_bytes_max: bound of standard output.
        stderr_bytes_max: bound of the log.
        environment: variables with their values.
        clock: its time.
        chance: its random numbers.
        resources: the read-only tree, if it may read one.
        scratch_bytes_max: quota of its own tree; 0: it has none.
        artifacts_bytes_max: quota of the tree whose files become artifacts; 0: it has none.
        on_progress: called with each progress report.
    """

    def __init__(
        self,
        *,
        stdin: bytes,
        output_bytes_max: int,
        stderr_bytes_max: int,
        environment: Mapping[str, str],
        clock: Clock,
        chance: Chance,
        resources: Folder | None,
        scratch_bytes_max: int,
        artifacts_bytes_max: int,
        on_progress: Callable[[dict[str, Any]], None],
    ) -> None:
        self.arguments = [b"spell"]
        self.environment = [f"{name}={value}".encode() for name, value in environment.items()]
        self.clock = clock
        self.chance = chance
        self.network: Network | None = None
        """The way out, if it has one."""
        self.violations = Violations()
        # None of these refers to the world: it must go, with all its bytes, when the run is over.
        note = self.violations.note
        self.finder = Finder(lambda path: note(ViolationKind.PATH_ESCAPE, path.decode("utf-8")))
        self.stdout = OutputStream(output_bytes_max)
        self.stderr = ErrorStream(stderr_bytes_max, on_progress, note)
        self.descriptors: dict[int, Descriptor] = {
            STDIN: InputStream(stdin),
            STDOUT: self.stdout,
            STDERR: self.stderr,
        }
        self.scratch: Scratch | None = None
        self.artifacts: ArtifactTree | None = None
        self.trees: dict[Device, Scratch] = {}
        """What it may change, by the device of what is in it."""
        if resources is not None:
            self.open(OpenFolder(resources, preopen=b"/resources"))
        if scratch_bytes_max:
            on_full = partial(note, ViolationKind.SCRATCH_FULL)
            self.scratch = Scratch(scratch_bytes_max, clock.realtime, on_full)
            self._preopen(self.scratch, b"/scratch")
        if artifacts_bytes_max:
            on_full = partial(note, ViolationKind.ARTIFACTS_FULL)
            self.artifacts = ArtifactTree(artifacts_bytes_max, clock.realtime, on_full)
            self._preopen(self.artifacts, b"/artifacts")

    def _preopen(self, tree: Scratch, name: bytes) -> None:
        self.trees[tree.device] = tree
        self.open(OpenFolder(tree.top, preopen=name))

    def open(self, descriptor: Descriptor) -> int:
        """The lowest free number for it. Raises WasiError(MFILE)."""
        self.check_room()
        number = next(n for n in range(limits.OPEN_FILES_MAX) if n not in self.descriptors)
        self.descriptors[number] = descriptor
        if isinstance(descriptor, OpenFile) and (tree := self.trees.get(descriptor.file.device)):
            tree.opened(descriptor.file)
        return number

    def check_room(self) -> None:
        """Raise WasiError(MFILE), and note it, unless one more can be opened."""
        if len(self.descriptors) >= limits.OPEN_FILES_MAX:
            self.violations.note(ViolationKind.OPEN_FILES)
            raise WasiError(Errno.MFILE)

    def close(self, number: int) -> None:
        """Give a number back. Raises WasiError(BADF)."""
        found = self.descriptor(number)
        del self.descriptors[number]
        if isinstance(found, OpenFile) and (tree := self.trees.get(found.file.device)):
            tree.closed(found.file)

    def descriptor(self, number: int) -> Descriptor:
        """What is open under a number. Raises WasiError(BADF)."""
        try:
            return self.descriptors[number]
        except KeyError:
            raise WasiError(Errno.BADF) from None

    def folder(self, number: int) -> OpenFolder:
        """An open folder. Raises WasiError: BADF, NOTDIR."""
        found = self.descriptor(number)
        if not isinstance(found, OpenFolder):
            raise WasiError(Errno.NOTDIR)
        return found

    def writable(self, node: Node) -> Scratch:
        """The tree that may change this. Raises WasiError(ROFS), and notes it."""
        tree = self.trees.get(node.device)
        if tree is None:
            self.violations.note(ViolationKind.READ_ONLY)
            raise WasiError(Errno.ROFS)
        return tree
