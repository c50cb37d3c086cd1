"""The platform's signature is for one code of one module and one engine; all else is refused."""

import base64

import pytest
from nacl.signing import SigningKey

from infra.vault import PlatformVault, code_public_key
from runner.compiling.code_verifier import CodeVerifier
from schema.compiled_code import (
    CODE_SIGNING_PURPOSE,
    SIGNATURE_BYTES,
    code_statement,
    is_engine_name,
    join_signed,
)
from tests.modules.code import CODE_PUBLIC_KEY, signed
from tests.support.platform import make_vault

ENGINE = "wasmtime-50.0.1/0123456789ab"
DIGEST = "sha256:" + "a" * 64
CONTENT = b"machine code" * 10


@pytest.fixture
def verifier() -> CodeVerifier:
    return CodeVerifier(CODE_PUBLIC_KEY)


def test_signed_code_is_taken_for_its_module_and_engine(verifier: CodeVerifier) -> None:
    assert verifier.verified(ENGINE, DIGEST, signed(DIGEST, CONTENT, ENGINE)) == CONTENT


@pytest.mark.parametrize(
    ("engine", "digest"),
    [
        ("wasmtime-50.0.1/0123456789ac", DIGEST),
        ("wasmtime-49.0.0/0123456789ab", DIGEST),
        (ENGINE, "sha256:" + "b" * 64),
    ],
)
def test_code_of_another_engine_or_module_is_refused(
    verifier: CodeVerifier, engine: str, digest: str
) -> None:
    """Who can write the bucket may put real code, old or of another module, in this one's place."""
    assert verifier.verified(ENGINE, DIGEST, signed(digest, CONTENT, engine)) is None


def test_a_bit_flipped_anywhere_is_refused(verifier: CodeVerifier) -> None:
    whole = signed(DIGEST, CONTENT, ENGINE)
    for at in range(len(whole)):
        flipped = bytearray(whole)
        flipped[at] ^= 1 << (at % 8)
        assert verifier.verified(ENGINE, DIGEST, bytes(flipped)) is None


def test_code_cut_or_grown_anywhere_is_refused(verifier: CodeVerifier) -> None:
    whole = signed(DIGEST, CONTENT, ENGINE)
    for length in range(len(whole)):
        assert verifier.verified(ENGINE, DIGEST, whole[:length]) is None
    assert verifier.verified(ENGINE, DIGEST, whole + b"\0") is None


def test_another_keys_signature_is_refused(verifier: CodeVerifier) -> None:
    foreign = signed(DIGEST, CONTENT, ENGINE, SigningKey(b"x" * 32))
    assert verifier.verified(ENGINE, DIGEST, foreign) is None


def test_the_vault_signs_what_the_runner_takes_and_only_for_this_purpose() -> None:
    vault = make_vault()
    verifier = CodeVerifier(code_public_key(base64.b64encode(b"m" * 32).decode()))
    statement = code_statement(ENGINE, DIGEST, CONTENT)
    of_code = join_signed(vault.sign(CODE_SIGNING_PURPOSE, statement), CONTENT)
    of_receipts = join_signed(vault.sign("receipt", statement), CONTENT)
    assert verifier.verified(ENGINE, DIGEST, of_code) == CONTENT
    assert verifier.verified(ENGINE, DIGEST, of_receipts) is None


def test_the_key_for_runners_is_the_vaults(runner_public_key: str) -> None:
    vault = PlatformVault(b"k" * 32, runner_public_key)
    public = code_public_key(base64.b64encode(b"k" * 32).decode())
    assert base64.b64decode(public) == vault.public_key(CODE_SIGNING_PURPOSE)


@pytest.fixture
def runner_public_key() -> str:
    return base64.b64encode(bytes(32)).decode()


@pytest.mark.parametrize("key", ["", "not base64!", base64.b64encode(b"short").decode()])
def test_a_key_that_is_none_is_told_at_once(key: str) -> None:
    with pytest.raises(ValueError, match="public key"):
        CodeVerifier(key)


def test_statements_about_different_things_differ() -> None:
    statements = {
        code_statement(engine, digest, content)
        for engine in (ENGINE, "wasmtime-50.0.1/0123456789ac")
        for digest in (DIGEST, "sha256:" + "b" * 64)
        for content in (b"", b"\n", CONTENT)
    }
    assert len(statements) == 2 * 2 * 3


@pytest.mark.parametrize(
    ("engine", "digest"),
    [
        ("", DIGEST),
        (ENGINE + "\n", DIGEST),
        (f"{ENGINE}\n{DIGEST}", DIGEST),
        ("wasmtime-1/../../secrets", DIGEST),
        (ENGINE, ""),
        (ENGINE, DIGEST + "\n"),
        (ENGINE, DIGEST.upper()),
    ],
)
def test_nothing_is_signed_whose_parts_could_run_into_each_other(engine: str, digest: str) -> None:
    with pytest.raises(ValueError, match="engine and a module digest"):
        code_statement(engine, digest, CONTENT)


def test_a_signature_has_its_length() -> None:
    assert len(signed(DIGEST, b"", ENGINE)) == SIGNATURE_BYTES
    assert is_engine_name(ENGINE)
