"""The platform's Sigstore: signs for this machine's user, and nobody elsewhere trusts it."""

import sys
from pathlib import Path

from infra.embedded import probes
from infra.embedded.credentials import Credentials
from infra.embedded.environment import base_environment
from infra.embedded.layout import Layout
from infra.embedded.process_spec import ProcessSpec
from infra.embedded.sigstore.files import CLIENT_CONFIG, TOKEN_SECRET, TRUSTED_ROOT

# The folder that holds our top-level packages, in a checkout as in an installation.
_CODE = Path(__file__).parents[2]


def trusted_root_file(layout: Layout) -> Path:
    """What its signatures are checked against; the server writes it before it is ready."""
    return layout.sigstore / TRUSTED_ROOT


def client_config_file(layout: Layout) -> Path:
    """What its clients need to sign; the server writes it before it is ready."""
    return layout.sigstore / CLIENT_CONFIG


def sigstore_spec(layout: Layout, port: int, credentials: Credentials) -> ProcessSpec:
    """The server process."""
    return ProcessSpec(
        name="sigstore",
        argv=[sys.executable, "-m", "infra.embedded.sigstore", str(layout.sigstore), str(port)],
        environment={**base_environment(), TOKEN_SECRET: credentials.sigstore_token_secret},
        ready=probes.http(port, "/health"),
        working_directory=_CODE,
    )
