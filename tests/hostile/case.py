"""What the table of hostile guests is made of."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from schema.limits import MIB

SEED = "5eed" * 16
ALLOWED_HOST = "api.example.com"
CLOCK_UNIX_MS = 1_700_000_000_000

# By number, as the standard has them: what a guest answers is compared by name.
_NAMES = """
SUCCESS 2BIG ACCES ADDRINUSE ADDRNOTAVAIL AFNOSUPPORT AGAIN ALREADY BADF BADMSG BUSY CANCELED CHILD
CONNABORTED CONNREFUSED CONNRESET DEADLK DESTADDRREQ DOM DQUOT EXIST FAULT FBIG HOSTUNREACH IDRM
ILSEQ INPROGRESS INTR INVAL IO ISCONN ISDIR LOOP MFILE MLINK MSGSIZE MULTIHOP NAMETOOLONG NETDOWN
NETRESET NETUNREACH NFILE NOBUFS NODEV NOENT NOEXEC NOLCK NOLINK NOMEM NOMSG NOPROTOOPT NOSPC NOSYS
NOTCONN NOTDIR NOTEMPTY NOTRECOVERABLE NOTSOCK NOTSUP NOTTY NXIO OVERFLOW OWNERDEAD PERM PIPE PROTO
PROTONOSUPPORT PROTOTYPE RANGE ROFS SPIPE SRCH STALE TIMEDOUT TXTBSY XDEV NOTCAPABLE
"""
ERRNO_NAMES = tuple(_NAMES.split())
# Added to counts that stand among errnos (`$count` of prelude.wat).
_COUNT = 128


@dataclass(frozen=True)
class Grants:
    """What the policy of a run gives its guest; by default nothing."""

    resources: bool = False
    """A tree with the file `data`, which holds `data`, and the file `folder/file`."""
    scratch_bytes: int = 0
    artifacts_bytes: int = 0
    net_allow: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    deterministic: bool = True

    def environment_json(self) -> bytes:
        """The variables as a run is given them."""
        return json.dumps(dict(self.environment)).encode() if self.environment else b""


NOTHING = Grants()
SCRATCH = Grants(scratch_bytes=MIB)
ARTIFACTS = Grants(artifacts_bytes=MIB)
TREES = Grants(scratch_bytes=MIB, artifacts_bytes=MIB)
FILES = Grants(resources=True, scratch_bytes=MIB)
REAL = Grants(deterministic=False)
NETWORK = Grants(net_allow=(ALLOWED_HOST, "*.example.org"), deterministic=False)


@dataclass(frozen=True)
class Case:
    """One guest, what it is given, and how it must end.

    What is None is not compared.
    """

    module: str
    entry: str
    must_not: str
    """What would be wrong, as the end of "it must not …"."""
    code: str | None = None
    details: Mapping[str, object] | None = None
    answers: str | None = None
    """Errnos by name, and counts, that the guest writes to its output, one byte each."""
    output: bytes | None = None
    stderr: bytes | None = None
    artifacts: Mapping[str, bytes] | None = None
    """What it leaves, by name."""
    violations: frozenset[str] = frozenset()
    """Kinds, all of them and no others."""
    progress: int = 0
    """Reports that arrive; those that come too fast are put together."""
    stdin: bytes = b""
    limits: Mapping[str, int] = field(default_factory=dict)
    grants: Grants = NOTHING

    def __str__(self) -> str:
        return f"{self.module}-{self.entry}"


def answered(output: bytes) -> str:
    """The output of a guest that tells what it was answered: errnos by name, and counts."""
    return " ".join(str(n - _COUNT) if n >= _COUNT else ERRNO_NAMES[n] for n in output)
