"""What clients of a local Sigstore need: the trusted root, and where to sign.

The formats are those of Sigstore's protobuf-specs, as JSON. The trusted root depends on the keys
alone, never on ports or the time: its digest, which is in every decision, stays while they stay.
"""

import base64
import hashlib
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from infra.embedded.sigstore.keys import Keys, public_der
from infra.embedded.sigstore.transparency_log import NAME

Json = dict[str, Any]
TRUSTED_ROOT_TYPE = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
_SIGNING_CONFIG_TYPE = "application/vnd.dev.sigstore.signingconfig.v0.2+json"
_CLIENT_CONFIG_TYPE = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"
_OPERATOR = "spell.localhost"


def trusted_root(keys: Keys) -> Json:
    """What verifiers trust: the authority, and both kinds of log."""
    born_at = _born_at(keys)
    return {
        "mediaType": TRUSTED_ROOT_TYPE,
        "tlogs": [_log(f"https://{NAME}", public_der(keys.entry_log.public_key()), born_at)],
        "certificateAuthorities": [
            _authority(keys, keys.issuing_certificate, "https://fulcio.spell.localhost")
        ],
        "ctlogs": [
            _log(
                "https://ct.spell.localhost", public_der(keys.certificate_log.public_key()), born_at
            )
        ],
        "timestampAuthorities": [],
    }


def client_config(keys: Keys, url: str) -> Json:
    """The trusted root, and where to sign: Sigstore's `ClientTrustConfig`.

    Args:
        keys: the instance's keys.
        url: where its server is, without a slash at its end.
    """
    return {
        "mediaType": _CLIENT_CONFIG_TYPE,
        "trustedRoot": trusted_root(keys),
        "signingConfig": signing_config(keys, url),
    }


def signing_config(keys: Keys, url: str) -> Json:
    """Where to sign."""
    born_at = _born_at(keys)
    return {
        "mediaType": _SIGNING_CONFIG_TYPE,
        "caUrls": [_service(url, 1, born_at)],
        "oidcUrls": [_service(url, 1, born_at)],
        "rekorTlogUrls": [_service(url, 1, born_at)],
        "tsaUrls": [],
        "rekorTlogConfig": {"selector": "ANY"},
        "tsaConfig": {"selector": "ANY"},
    }


def _service(url: str, version: int, born_at: str) -> Json:
    return {
        "url": url,
        "majorApiVersion": version,
        "validFor": {"start": born_at},
        "operator": _OPERATOR,
    }


def _log(url: str, public_key: bytes, born_at: str) -> Json:
    return {
        "baseUrl": url,
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": _base64(public_key),
            "keyDetails": "PKIX_ECDSA_P256_SHA_256",
            "validFor": {"start": born_at},
        },
        "logId": {"keyId": _base64(hashlib.sha256(public_key).digest())},
    }


def _authority(keys: Keys, certificate: x509.Certificate, url: str) -> Json:
    chain = (certificate, keys.root_certificate)
    return {
        "subject": {"organization": _OPERATOR, "commonName": "Spell local Sigstore"},
        "uri": url,
        "certChain": {
            "certificates": [
                {"rawBytes": _base64(each.public_bytes(Encoding.DER))} for each in chain
            ]
        },
        "validFor": {"start": _born_at(keys)},
    }


def _born_at(keys: Keys) -> str:
    return keys.root_certificate.not_valid_before_utc.strftime("%Y-%m-%dT%H:%M:%SZ")


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
