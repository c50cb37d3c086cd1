"""Keys and what they protect: nothing opens with the wrong key, owner or byte."""

import base64

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st
from nacl.public import PrivateKey, PublicKey, SealedBox

from infra.vault import MASTER_KEY_BYTES, PlatformVault

RUNNER_KEY = PrivateKey(b"r" * 32)
RUNNER_PUBLIC_KEY = base64.b64encode(bytes(RUNNER_KEY.public_key)).decode()
ACCOUNT, OTHER = "acct_" + "a" * 16, "acct_" + "b" * 16


def _vault(master: bytes = b"m" * 32) -> PlatformVault:
    return PlatformVault(master, RUNNER_PUBLIC_KEY)


@given(st.binary(max_size=2000), st.text(max_size=40))
@settings(max_examples=50)
def test_what_is_encrypted_comes_back_for_its_owner(content: bytes, owner: str) -> None:
    vault = _vault()
    sealed = vault.encrypt(owner, content)
    assert vault.decrypt(owner, sealed) == content
    assert len(sealed) == 12 + len(content) + 16


def test_another_process_with_the_same_master_key_reads_it() -> None:
    assert _vault().decrypt(ACCOUNT, _vault().encrypt(ACCOUNT, b"content")) == b"content"


def test_the_same_content_is_never_encrypted_to_the_same_bytes() -> None:
    vault = _vault()
    assert len({vault.encrypt(ACCOUNT, b"content") for _ in range(50)}) == 50


def test_another_owner_cannot_read_it() -> None:
    sealed = _vault().encrypt(ACCOUNT, b"content")
    for owner in (OTHER, "platform", "", ACCOUNT.upper(), ACCOUNT + "a"):
        with pytest.raises(ValueError, match="does not decrypt"):
            _vault().decrypt(owner, sealed)


def test_another_master_key_cannot_read_it() -> None:
    sealed = _vault().encrypt(ACCOUNT, b"content")
    with pytest.raises(ValueError, match="does not decrypt"):
        _vault(b"n" * 32).decrypt(ACCOUNT, sealed)


def test_one_changed_bit_anywhere_is_noticed() -> None:
    sealed = _vault().encrypt(ACCOUNT, b"content")
    for at in range(len(sealed)):
        changed = bytearray(sealed)
        changed[at] ^= 1
        with pytest.raises(ValueError, match="does not decrypt"):
            _vault().decrypt(ACCOUNT, bytes(changed))


@pytest.mark.parametrize("length", range(0, 36, 5))
def test_what_is_cut_off_is_noticed(length: int) -> None:
    sealed = _vault().encrypt(ACCOUNT, b"content")
    with pytest.raises(ValueError, match="does not decrypt|must be|too short"):
        _vault().decrypt(ACCOUNT, sealed[: min(length, len(sealed) - 1)])


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
def test_a_master_key_has_one_length(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes") as caught:
        _vault(b"secret".ljust(length, b"x")[:length])
    assert "secret" not in str(caught.value)
    assert MASTER_KEY_BYTES == 32


@pytest.mark.parametrize("key", ["", "%%%", "AAAA", base64.b64encode(b"x" * 31).decode()])
def test_a_runner_key_that_is_none_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match=r"base64|32 bytes"):
        PlatformVault(b"m" * 32, key)


def test_only_the_fleet_opens_what_is_sealed_to_it() -> None:
    sealed = _vault().seal_to_runners(b"inputs")
    raw = base64.b64decode(sealed, validate=True)
    assert SealedBox(RUNNER_KEY).decrypt(raw) == b"inputs"
    with pytest.raises(ValueError, match="does not open"):
        _vault().open_reply(sealed)


def test_a_reply_opens_for_every_process_of_the_platform() -> None:
    key = PublicKey(base64.b64decode(_vault().reply_public_key))
    sealed = base64.b64encode(SealedBox(key).encrypt(b"output")).decode()
    assert _vault().open_reply(sealed) == b"output"
    with pytest.raises(ValueError, match="does not open"):
        _vault(b"n" * 32).open_reply(sealed)


@pytest.mark.parametrize("sealed", ["", "%%%", "AAAA", "A" * 100, "ä"])
def test_a_reply_that_is_none_does_not_open(sealed: str) -> None:
    with pytest.raises(ValueError, match=r"not base64|does not open|ASCII"):
        _vault().open_reply(sealed)


def test_keys_for_different_purposes_differ() -> None:
    vault = _vault()
    pepper = vault.api_key_pepper
    assert (len(pepper), pepper) == (32, _vault().api_key_pepper)
    assert pepper != _vault(b"n" * 32).api_key_pepper
    assert pepper not in (b"m" * 32, base64.b64decode(vault.reply_public_key))


def test_a_vault_does_not_show_its_keys() -> None:
    master = bytes(range(32))
    shown = repr(_vault(master)) + str(vars(_vault(master)).keys())
    assert master.hex() not in shown
    assert repr(master) not in shown


def test_many_owners_do_not_grow_it_for_ever() -> None:
    vault = _vault()
    sealed = vault.encrypt("owner 0", b"x")
    for number in range(10_050):
        vault.encrypt(f"owner {number}", b"")
    assert len(vault._ciphers) < 10_010
    assert vault.decrypt("owner 0", sealed) == b"x"


def test_derived_bytes_are_the_same_in_every_process_with_the_master_key() -> None:
    assert _vault().derive("cast", "seed", 32) == _vault().derive("cast", "seed", 32)
    assert _vault(b"n" * 32).derive("cast", "seed", 32) != _vault().derive("cast", "seed", 32)


def test_owner_and_purpose_are_kept_apart_in_what_is_derived() -> None:
    asked = [("cast", "seed"), ("cast", "salt"), ("castseed", ""), ("", "castseed"), ("cas", "t")]
    assert len({_vault().derive(owner, purpose, 16) for owner, purpose in asked}) == len(asked)


def test_more_bytes_than_a_digest_cannot_be_derived() -> None:
    assert len(_vault().derive("cast", "salt", 16)) == 16
    for length in (0, -1, 33):
        with pytest.raises(ValueError, match="1 to 32 bytes"):
            _vault().derive("cast", "seed", length)


def test_a_signature_is_the_same_each_time_and_checks_by_the_public_key() -> None:
    signature = _vault().sign("receipts", b"content")
    assert signature == _vault().sign("receipts", b"content")
    key = Ed25519PublicKey.from_public_bytes(_vault().public_key("receipts"))
    key.verify(signature, b"content")
    with pytest.raises(InvalidSignature):
        key.verify(signature, b"other content")


def test_each_purpose_signs_by_a_key_of_its_own() -> None:
    keys = {_vault().public_key(purpose) for purpose in ("receipts", "code", "")}
    assert len(keys) == 3
    assert _vault().public_key("receipts") != _vault(b"n" * 32).public_key("receipts")
