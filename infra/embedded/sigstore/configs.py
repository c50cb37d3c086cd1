"""What clients of a local Sigstore need: the trusted root, and where to sign.

The formats are those of Sigstore's protobuf-specs, as JSON. The trusted root depends on the keys
alone, never on ports or the time: its digest, which is in every decision, stays while they stay.
"""

import base64
import hashlib
from typing import Any, Literal

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from infra.embedded.sigstore.keys import Keys, public_der
from infra.embedded.sigstore.tile_log import NAME as TILE_LOG
from infra.embedded.sigstore.tile_log import log_id_of
from infra.embedded.sigstore.transparency_log import NAME as ENTRY_LOG

Json = dict[str, Any]
TRUSTED_ROOT_TYPE = "application/vnd.dev.sigstore.trustedroot+json;version=0.1"
_SIGNING_CONFIG_TYPE = "application/vnd.dev.sigstore.signingconfig.v0.2+json"
_CLIENT_CONFIG_TYPE = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json"
_OPERATOR = "spell.localhost"
_P256, _ED25519 = "PKIX_ECDSA_P256_SHA_256", "PKIX_ED25519"


def trusted_root(keys: Keys) -> Json:
    """What verifiers trust: the authorities, and the logs."""
    start = _born_at(keys)
    entry_log, tile_log = keys.entry_log.public_key(), keys.tile_log.public_key()
    certificate_log = public_der(keys.certificate_log.public_key())
    return {
        "mediaType": TRUSTED_ROOT_TYPE,
        "tlogs": [
            _log(ENTRY_LOG, public_der(entry_log), _P256, start),
            _log(TILE_LOG, public_der(tile_log), _ED25519, start, log_id_of(tile_log)),
        ],
        "certificateAuthorities": [_authority("fulcio", keys, keys.issuing_certificate)],
        "ctlogs": [_log("ct.spell.localhost", certificate_log, _P256, start)],
        "timestampAuthorities": [_authority("timestamp", keys, keys.time_stamping_certificate)],
    }


def client_config(keys: Keys, url: str, *, rekor: Literal[1, 2] = 1) -> Json:
    """The trusted root, and where to sign: Sigstore's `ClientTrustConfig`.

    Args:
        keys: the instance's keys.
        url: where its server is, without a slash at its end.
        rekor: in which of the logs, by the version of Rekor that it is like.
    """
    return {
        "mediaType": _CLIENT_CONFIG_TYPE,
        "trustedRoot": trusted_root(keys),
        "signingConfig": signing_config(keys, url, rekor=rekor),
    }


def signing_config(keys: Keys, url: str, *, rekor: Literal[1, 2] = 1) -> Json:
    """Where to sign; see `client_config`."""
    start = _born_at(keys)
    return {
        "mediaType": _SIGNING_CONFIG_TYPE,
        "caUrls": [_service(url, 1, start)],
        "oidcUrls": [_service(url, 1, start)],
        "rekorTlogUrls": [_service(url, rekor, start)],
        "tsaUrls": [_service(f"{url}/api/v1/timestamp", 1, start)],
        "rekorTlogConfig": {"selector": "ANY"},
        "tsaConfig": {"selector": "ANY"},
    }


def _service(url: str, version: int, start: str) -> Json:
    return {
        "url": url,
        "majorApiVersion": version,
        "validFor": {"start": start},
        "operator": _OPERATOR,
    }


def _log(name: str, public_key: bytes, kind: str, start: str, log_id: bytes | None = None) -> Json:
    return {
        "baseUrl": f"https://{name}",
        "hashAlgorithm": "SHA2_256",
        "publicKey": {
            "rawBytes": _base64(public_key),
            "keyDetails": kind,
            "validFor": {"start": start},
        },
        "logId": {"keyId": _base64(log_id or hashlib.sha256(public_key).digest())},
    }


def _authority(name: str, keys: Keys, certificate: x509.Certificate) -> Json:
    chain = (certificate, keys.root_certificate)
    return {
        "subject": {"organization": _OPERATOR, "commonName": "Spell local Sigstore"},
        "uri": f"https://{name}.spell.localhost",
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
