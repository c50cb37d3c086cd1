"""Where a webhook may lead to, and what its secret looks like. Read once, used as it was read."""

import base64
import binascii
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

SECRET_PREFIX = "whsec_"  # noqa: S105  (how secrets begin, not one)
PUBLIC_KEY_PREFIX = "whpk_"
SECRET_BYTES = 32
URL_CHARS_MAX = 2048
_HTTPS_PORT = 443
# Below are the ports of other protocols, which a request must not be smuggled to.
_OWN_PORT_MIN = 1024
_PORT_MAX = 65535
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_HOST = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_UNFIT = re.compile(r"[^\x21-\x7e]|[\\#]")


@dataclass(frozen=True)
class WebhookTarget:
    """One https URL, in parts."""

    host: str
    """A name in lower-case ASCII; never an address."""
    port: int
    path: str
    """Path and query."""

    @property
    def authority(self) -> str:
        """As the Host header has it."""
        return self.host if self.port == _HTTPS_PORT else f"{self.host}:{self.port}"


def webhook_target(url: str) -> WebhookTarget:
    """Read the URL of a webhook.

    Raises:
        ValueError: why it cannot be used.
    """
    if len(url) > URL_CHARS_MAX or _UNFIT.search(url):
        raise ValueError(
            f"must be at most {URL_CHARS_MAX} visible ASCII characters, without # or \\"
        )
    parts = urlsplit(url)
    host, port = (parts.hostname or "").removesuffix("."), parts.port or _HTTPS_PORT
    if parts.scheme != "https" or parts.username is not None or parts.password is not None:
        raise ValueError("must be https://host/path, without a user or password")
    if _HOST.fullmatch(host) is None or _NUMBER.fullmatch(host.rpartition(".")[2]):
        raise ValueError("must name a host, not an address")
    if port != _HTTPS_PORT and not _OWN_PORT_MIN <= port <= _PORT_MAX:
        raise ValueError(f"must have port {_HTTPS_PORT}, or one from {_OWN_PORT_MIN} on")
    query = f"?{parts.query}" if parts.query else ""
    return WebhookTarget(host, port, (parts.path or "/") + query)


def webhook_url(url: str) -> str:
    """The URL, once it is read. Raises ValueError: why it cannot be used."""
    webhook_target(url)
    return url


def webhook_secret(key: bytes) -> str:
    """A secret in the form of Standard Webhooks."""
    return SECRET_PREFIX + base64.b64encode(key).decode("ascii")


def secret_bytes(secret: str) -> bytes:
    """The key of a secret. Raises ValueError when it has not the form."""
    try:
        return base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error as error:
        raise ValueError("not a webhook's secret") from error
