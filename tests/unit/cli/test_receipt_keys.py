"""Keys in every form in which somebody may have them, and what is none."""

import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from cli.client import CliError, ExitCode
from cli.receipt_keys import given_keys, signature_check
from schema.contracts.receipt import SIGNING_PURPOSE, ReceiptKeys
from schema.receipts import key_id_of, read_envelope, web_key_of
from tests.support.platform import make_vault
from tests.support.receipts import a_receipt, signed

RAW = make_vault().public_key(SIGNING_PURPOSE)
SET = ReceiptKeys(keys=[web_key_of(b"o" * 32), web_key_of(RAW)]).model_dump_json().encode()
PEM = Ed25519PublicKey.from_public_bytes(RAW).public_bytes(
    Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
)
EC = generate_private_key(SECP256R1()).public_key()
EC_PEM = EC.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize(
    "content",
    [SET, PEM, base64.b64encode(RAW) + b"\n", base64.urlsafe_b64encode(RAW).rstrip(b"=")],
    ids=["key set", "PEM", "base64", "base64url"],
)
def test_a_file_holds_keys_in_any_form(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    found = given_keys(str(file))
    assert RAW in found
    assert signature_check(read_envelope(signed(a_receipt())), found).passed


def test_a_key_can_be_typed() -> None:
    assert given_keys(base64.b64encode(RAW).decode()) == [RAW]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "neither a file nor base64"),
        (b"\xff\xfe", "neither a file nor base64"),
        (base64.b64encode(b"short"), "neither a file nor base64"),
        (b'{"keys": [{"kty": "RSA"}]}', "no JSON Web Key Set"),
        (b'{"keys": ', "no JSON Web Key Set"),
        (EC_PEM, "no Ed25519 key"),
        (b"-----BEGIN PUBLIC KEY-----\nnonsense\n-----END PUBLIC KEY-----\n", "as PEM"),
        (b"k" * 100_000, "larger than"),
    ],
)
def test_what_is_no_key_is_wrong_use(content: bytes, says: str, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    with pytest.raises(CliError, match=says) as raised:
        given_keys(str(file))
    assert raised.value.exit_code == ExitCode.USAGE


def test_a_signature_by_another_key_says_whose_it_is_not() -> None:
    envelope = read_envelope(signed(a_receipt()))
    check = signature_check(envelope, [b"o" * 32])
    assert (check.passed, check.signed) == (False, key_id_of(RAW))
    assert check.found == f"not by {key_id_of(b'o' * 32)}"
    assert not signature_check(envelope, []).passed


def test_a_key_that_is_no_point_of_the_curve_verifies_nothing() -> None:
    envelope = read_envelope(signed(a_receipt()))
    assert not signature_check(envelope, [b"\xff" * 32]).passed
