"""The server's answers to what it does not take: a status, and a sentence that helps."""

import asyncio
import base64
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding

from infra.embedded.sigstore import request_reading, server
from infra.embedded.sigstore.instance import LocalSigstore, wall_clock
from infra.embedded.sigstore.tokens import TokenIssuer
from tests.support.signing import MAKER, WORKFLOW, new_authority

SECRET = "the secret"
URL = "http://127.0.0.1:1"
AS_USER = {"Authorization": f"Bearer {SECRET}"}


@pytest.fixture
def sigstore() -> LocalSigstore:
    return new_authority()


@pytest.fixture
async def http(sigstore: LocalSigstore) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(server.make_app(sigstore, SECRET, URL))
    async with httpx.AsyncClient(transport=transport, base_url=URL) as client:
        yield client


def refused(answer: httpx.Response, status: int, words: str) -> None:
    document = answer.json()
    assert (answer.status_code, document["code"]) == (status, status), document
    assert words in document["message"]


def request_for(key: Any) -> str:
    """A certificate request, as sigstore's client sends it."""
    algorithm = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    made = x509.CertificateSigningRequestBuilder(x509.Name([])).sign(key, algorithm)
    return base64.b64encode(made.public_bytes(Encoding.PEM)).decode()


P256 = request_for(ec.generate_private_key(ec.SECP256R1()))


async def certificate(http: httpx.AsyncClient, token: str, request: str = P256) -> httpx.Response:
    return await http.post(
        "/api/v2/signingCert",
        json={"certificateSigningRequest": request},
        headers={"Authorization": f"Bearer {token}"},
    )


async def test_who_knows_the_secret_gets_a_token_for_anybody(http: httpx.AsyncClient) -> None:
    keys = (await http.get("/keys")).json()["keys"]
    assert (await http.get("/.well-known/openid-configuration")).json()["jwks_uri"] == f"{URL}/keys"
    asked: dict[str, Any]
    for asked, subject in (
        ({"email": MAKER.email}, MAKER.email),
        (WORKFLOW.model_dump(), "repo:acme/spells:ref:refs/tags/v1"),
    ):
        answer = await http.post("/token", json=asked, headers=AS_USER)
        token = answer.json()["id_token"]
        claims = jwt.decode(token, jwt.PyJWK(keys[0]), ["ES256"], audience="sigstore")
        assert (claims["sub"], claims["iss"]) == (subject, "https://oidc.spell.localhost")


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({}, "no bearer token"),
        ({"Authorization": "Basic x"}, "no bearer token"),
        ({"Authorization": "Bearer another"}, "the secret is another one"),
        ({"Authorization": "Bearer "}, "the secret is another one"),
    ],
)
async def test_nobody_else_gets_a_token(
    http: httpx.AsyncClient, headers: dict[str, str], words: str
) -> None:
    answer = await http.post("/token", json={"email": MAKER.email}, headers=headers)
    refused(answer, 401, words)


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"email": "nobody"},
        {"email": "a@b\n"},
        {"email": "ü@example.com"},
        {"email": 1},
        {"repository": "acme"},
        {"repository": "acme/x", "ref": "main"},
        {"repository": "acme/x", "sha": "abc"},
        {"repository": "acme/x", "workflow": "../x"},
    ],
)
async def test_an_identity_that_is_none_gets_no_token(
    http: httpx.AsyncClient, asked: dict[str, Any]
) -> None:
    refused(await http.post("/token", json=asked, headers=AS_USER), 400, "No identity")


async def test_a_token_of_another_issuer_gets_no_certificate(http: httpx.AsyncClient) -> None:
    foreign = new_authority().tokens.issue(MAKER)
    refused(await certificate(http, foreign), 401, "knows no other issuer")
    refused(await certificate(http, "no.token.atall"), 401, "knows no other issuer")


async def test_a_token_of_our_key_with_another_name_gets_no_certificate(
    http: httpx.AsyncClient, sigstore: LocalSigstore
) -> None:
    other = TokenIssuer(sigstore.keys.token, wall_clock, "https://accounts.example.com")
    refused(await certificate(http, other.issue(MAKER)), 401, "knows no other issuer")


async def test_an_unsigned_token_gets_no_certificate(
    http: httpx.AsyncClient, sigstore: LocalSigstore
) -> None:
    claims = jwt.decode(sigstore.tokens.issue(MAKER), options={"verify_signature": False})
    refused(await certificate(http, jwt.encode(claims, "", "none")), 401, "no other issuer")


async def test_an_expired_token_gets_no_certificate(
    http: httpx.AsyncClient, sigstore: LocalSigstore
) -> None:
    early = TokenIssuer(sigstore.keys.token, lambda: wall_clock() - timedelta(hours=1))
    refused(await certificate(http, early.issue(MAKER)), 401, "has expired")


@pytest.mark.parametrize(
    ("request_text", "words"),
    [
        ("", "not the base64"),
        ("%%%", "not the base64"),
        (base64.b64encode(b"no PEM").decode(), "not the base64"),
        (request_for(ec.generate_private_key(ec.SECP384R1())), "not an ECDSA P-256 key"),
        (request_for(ed25519.Ed25519PrivateKey.generate()), "not an ECDSA P-256 key"),
    ],
)
async def test_a_request_over_no_good_key_gets_no_certificate(
    http: httpx.AsyncClient, sigstore: LocalSigstore, request_text: str, words: str
) -> None:
    answer = await certificate(http, sigstore.tokens.issue(MAKER), request_text)
    refused(answer, 400, words)


async def test_a_request_signed_with_another_key_gets_no_certificate(
    http: httpx.AsyncClient, sigstore: LocalSigstore
) -> None:
    der = x509.load_pem_x509_csr(base64.b64decode(P256)).public_bytes(Encoding.DER)
    spoilt = x509.load_der_x509_csr(der[:-1] + bytes([der[-1] ^ 1]))
    text = base64.b64encode(spoilt.public_bytes(Encoding.PEM)).decode()
    answer = await certificate(http, sigstore.tokens.issue(MAKER), text)
    refused(answer, 400, "not signed by the key")


@pytest.mark.parametrize(
    ("path", "size"),
    [
        ("/token", server.TOKEN_REQUEST_BYTES_MAX),
        ("/api/v2/signingCert", server.CERTIFICATE_REQUEST_BYTES_MAX),
        ("/api/v1/log/entries", server.ENTRY_BYTES_MAX),
        ("/api/v2/log/entries", server.ENTRY_BYTES_MAX),
    ],
)
async def test_a_body_that_is_too_large_or_no_json_object_is_refused(
    http: httpx.AsyncClient, path: str, size: int
) -> None:
    answer = await http.post(path, content=b" " * (size + 1), headers=AS_USER)
    refused(answer, 413, f"larger than {size} bytes")
    for content, words in (
        (b" " * size, "not JSON"),
        (b"[" * size, "not JSON"),
        (b"\xff", "not JSON"),
        (b"[]", "not a JSON object"),
    ):
        refused(await http.post(path, content=content, headers=AS_USER), 400, words)


async def test_a_time_stamp_query_is_bounded_and_has_to_be_one(http: httpx.AsyncClient) -> None:
    path, size = "/api/v1/timestamp", server.TIMESTAMP_QUERY_BYTES_MAX
    refused(await http.post(path, content=b" " * (size + 1)), 413, f"larger than {size} bytes")
    refused(await http.post(path, content=b" " * size), 400, "not a time-stamp query")


async def test_a_body_that_does_not_come_is_not_waited_for(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def begun() -> AsyncIterator[bytes]:
        yield b'{"email":'
        await asyncio.Event().wait()

    monkeypatch.setattr(request_reading, "BODY_SECONDS_MAX", 0.05)
    answer = await http.post("/token", content=begun(), headers=AS_USER)
    refused(answer, 408, "did not come")


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/api/v1/log/entries?logIndex=0", 404, "no such entry"),
        ("/api/v1/log/entries?logIndex=-1", 400, "not a natural number"),
        (f"/api/v1/log/entries?logIndex={'9' * 30}", 400, "not a natural number"),
        ("/api/v1/log/entries", 400, "not a natural number"),
        ("/api/v1/log/entries/zz", 404, "no such entry"),
        ("/api/v1/log/proof?firstSize=1&lastSize=2", 400, "The tree has 0 leaves"),
    ],
)
async def test_what_the_log_does_not_have_is_refused(
    http: httpx.AsyncClient, path: str, status: int, words: str
) -> None:
    refused(await http.get(path), status, words)
