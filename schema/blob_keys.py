"""Where object storage keeps what: keys that several processes must agree on."""

import hashlib


def package_key(package_digest: str) -> str:
    """The uploaded archive."""
    return f"packages/{package_digest.removeprefix('sha256:')}"


def bundle_key(bundle_digest: str) -> str:
    """A Sigstore bundle, as it came with a package."""
    return f"bundles/{bundle_digest.removeprefix('sha256:')}"


def evidence_key(publication_id: str) -> str:
    """What the checks of a publication look at; gone when it has ended."""
    return f"publications/{publication_id}/evidence"


def upload_chunk_key(upload_id: str, chunk: str) -> str:
    """A part of an archive that is on its way."""
    return f"uploads/{upload_id}/{chunk}"


def module_key(module_digest: str) -> str:
    """A WebAssembly module, in clear: it is published code."""
    return f"modules/{module_digest.removeprefix('sha256:')}"


def code_key(engine: str, module_digest: str) -> str:
    """A module's compiled code for one engine, with the platform's signature in front."""
    return f"code/{engine}/{module_digest.removeprefix('sha256:')}"


def converted_bill_key(bill_digest: str, family: str) -> str:
    """A bill of materials in the other format. The number goes up with each change of writing."""
    return f"bills/{bill_digest.removeprefix('sha256:')}/{family}-1"


def resources_key(resources_digest: str) -> str:
    """The archive of what a module may read of its package, in clear as well."""
    return f"resources/{resources_digest.removeprefix('sha256:')}"


def ledger_anchor_key(number: int) -> str:
    """What is kept of a seal of the ledger outside the database; names sort as seals count."""
    return f"ledger/seals/{number:012d}"


def cast_folder(cast_id: str) -> str:
    """What is kept of a cast, and ends with it."""
    return f"casts/{cast_id}/"


def output_key(cast_id: str) -> str:
    """A cast's output, encrypted for its account."""
    return f"casts/{cast_id}/output"


def run_inputs_key(cast_id: str) -> str:
    """A cast's inputs on their way to GitHub Actions, encrypted; gone when the run has ended."""
    return f"casts/{cast_id}/run-inputs"


def artifact_key(cast_id: str, name: str) -> str:
    """An artifact besides the output, encrypted for the cast's account.

    By the name's digest: in a folder of files `a` and `a/b` could not both be, and the storage
    need not know what callers' files are called.
    """
    return f"casts/{cast_id}/artifacts/{hashlib.sha256(name.encode('utf-8')).hexdigest()}"


def replay_key(cast_id: str) -> str:
    """The report on a cast's replay, encrypted for its account."""
    return f"casts/{cast_id}/replay"


def error_stream_key(cast_id: str) -> str:
    """A cast's error stream, encrypted for its account."""
    return f"casts/{cast_id}/stderr"
