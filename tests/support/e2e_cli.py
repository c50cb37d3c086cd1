"""The command `spell`, run as a process of its own against the whole platform."""

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.client import DATA_FOLDER, Profile
from cli.local import signing_of
from infra.embedded.environment import base_environment
from tests.support.e2e import Caster

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
# `spell build` compiles 18 MB, here beside many other processes.
_SECONDS_MAX = 200


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it wrote."""

    code: int
    stdout: str
    stderr: str

    def document(self) -> Any:
        """The one JSON document on stdout; anything else there is an error."""
        return json.loads(self.stdout)


@dataclass(frozen=True)
class Shell:
    """A shell in which `spell` knows the platform, its Sigstore and a key."""

    folder: Path
    environment: Mapping[str, str]

    @classmethod
    def of(cls, caster: Caster, folder: Path) -> "Shell":
        """The folder has what `spell dev` leaves; of several shells there, each keeps its key."""
        platform, key = caster.platform, caster.person.key_text
        (folder / DATA_FOLDER).mkdir(exist_ok=True)
        signing = signing_of(platform.embedded.context)
        Profile(platform.api_url, key, signing).save(folder / DATA_FOLDER)
        return cls(folder, {"SPELL_API_URL": platform.api_url, "SPELL_API_KEY": key})

    async def spell(self, *arguments: str, stdin: bytes = b"", **variables: str) -> Said:
        """Run `spell` with these arguments, to its end."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cli.main", *arguments),
            cwd=self.folder,
            env={**base_environment(), **self.environment, **variables},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        stdout, stderr = await asyncio.wait_for(process.communicate(stdin), _SECONDS_MAX)
        assert process.returncode is not None
        said = Said(process.returncode, stdout.decode(), stderr.decode())
        assert "Traceback" not in said.stderr, said.stderr
        return said

    async def json(self, *arguments: str, **options: Any) -> Any:
        """The document that the command prints with `--json`; it must succeed, and say no more."""
        said = await self.spell("--json", *arguments, **options)
        assert said.code == 0, said
        assert said.stderr == ""
        return said.document()
