"""The server process: `python -m infra.embedded.sigstore FOLDER PORT`."""

import json
import os
import sys
from pathlib import Path

import uvicorn

from infra.embedded.ports import LOOPBACK
from infra.embedded.private_file import write_private
from infra.embedded.sigstore.configs import client_config, signing_config, trusted_root
from infra.embedded.sigstore.files import (
    CLIENT_CONFIG,
    CLIENT_CONFIG_REKOR_2,
    SIGNING_CONFIG,
    TOKEN_SECRET,
    TRUSTED_ROOT,
    url_of,
)
from infra.embedded.sigstore.instance import LocalSigstore
from infra.embedded.sigstore.server import make_app


def main() -> None:
    """Open the folder, write what clients need, and serve until a signal."""
    folder, port = Path(sys.argv[1]), int(sys.argv[2])
    url = url_of(port)
    sigstore = LocalSigstore.open(folder)
    _write_configs(sigstore, folder, url)
    uvicorn.run(
        make_app(sigstore, os.environ[TOKEN_SECRET], url),
        host=LOOPBACK,
        port=port,
        log_level="warning",
        access_log=False,
        # It may be reached through no proxy, and its clients hang up when they have their answer.
        proxy_headers=False,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=2,
    )


def _write_configs(sigstore: LocalSigstore, folder: Path, url: str) -> None:
    documents = {
        TRUSTED_ROOT: trusted_root(sigstore.keys),
        SIGNING_CONFIG: signing_config(sigstore.keys, url),
        CLIENT_CONFIG: client_config(sigstore.keys, url),
        CLIENT_CONFIG_REKOR_2: client_config(sigstore.keys, url, rekor=2),
    }
    for name, document in documents.items():
        write_private(folder / name, json.dumps(document, indent=2))


if __name__ == "__main__":
    main()
