"""Everything that one guest can reach, and what it has used of it. Made anew for each run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from runner.sandbox.wasi.abi import Errno, WasiError
from runner.sandbox.wasi.clocks import Chance, Clock
from runner.sandbox.wasi.files import File, Folder, Node, Scratch
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
        on_progress: Callable[[dict[str, Any]], None],
    ) -> None:
        self.arguments = [b"spell"]
        self.environment = [f"{name}={value}".encode() for name, value in environment.items()]
        self.clock = clock
        self.chance = chance
        self.network: Network | None = None
        """The way out, if it has one."""
        self.violations = Violations()
        self.finder = Finder(self._note_escape)
        self.stdout = OutputStream(output_bytes_max)
        self.stderr = ErrorStream(stderr_bytes_max, on_progress, self.violations.note)
        self.descriptors: dict[int, Descriptor] = {
            STDIN: InputStream(stdin),
            STDOUT: self.stdout,
            STDERR: self.stderr,
        }
        if resources is not None:
            self.open(OpenFolder(resources, preopen=b"/resources"))
        self.scratch: Scratch | None = None
        if scratch_bytes_max:
            self.scratch = Scratch(scratch_bytes_max, clock.realtime, self._note_full)
            self.open(OpenFolder(self.scratch.top, preopen=b"/scratch"))

    def open(self, descriptor: Descriptor) -> int:
        """The lowest free number for it. Raises WasiError(MFILE)."""
        if len(self.descriptors) >= limits.OPEN_FILES_MAX:
            self.violations.note(ViolationKind.OPEN_FILES)
            raise WasiError(Errno.MFILE)
        number = next(n for n in range(limits.OPEN_FILES_MAX + 1) if n not in self.descriptors)
        self.descriptors[number] = descriptor
        return number

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
        if node.read_only or self.scratch is None:
            self.violations.note(ViolationKind.READ_ONLY)
            raise WasiError(Errno.ROFS)
        return self.scratch

    def _note_escape(self, path: bytes) -> None:
        self.violations.note(ViolationKind.PATH_ESCAPE, path.decode(errors="replace"))

    def _note_full(self) -> None:
        self.violations.note(ViolationKind.SCRATCH_FULL)
