"""The CLI's way to the API: where it is, which key, and errors as people should read them."""

import base64
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

CLIENT_FILE = "client.json"
DATA_FOLDER = ".spell"
# A little more than the longest `Prefer: wait`.
TIMEOUT = httpx.Timeout(90, connect=5)


class ExitCode:
    """What the shell gets. Documented in docs/cli.md."""

    CAST_FAILED = 1
    USAGE = 2
    REFUSED = 3
    PLATFORM = 4
    INTERRUPTED = 130


class CliError(Exception):
    """Ends the command with a message for people, the document for programs, and an exit code."""

    def __init__(
        self, message: str, exit_code: int, document: dict[str, Any] | None = None
    ) -> None:
        self.exit_code = exit_code
        self.document = document or {"message": message}
        super().__init__(message)


@dataclass(frozen=True)
class LocalSigning:
    """The Sigstore that runs with a local platform."""

    url: str
    token_secret: str = field(repr=False)
    config_file: str
    """What sigstore's clients need to know of it."""

    @classmethod
    def find(cls, start: Path | None = None) -> "LocalSigning | None":
        """That of the platform that commands here talk to; None when it is not a local one.

        Raises:
            CliError: what `spell dev` left cannot be read.
        """
        folder = _data_folder(start)
        if folder is None:
            return None
        saved = Profile.load(folder)
        url = os.environ.get("SPELL_API_URL", saved.api_url).rstrip("/")
        return saved.signing if url == saved.api_url else None


@dataclass(frozen=True)
class Profile:
    """Where the API is and who is asking."""

    api_url: str
    api_key: str
    signing: LocalSigning | None = None

    @classmethod
    def find(cls, start: Path | None = None) -> "Profile":
        """From SPELL_API_URL and SPELL_API_KEY, or what `spell dev` left in `.spell/`.

        Raises:
            CliError: neither is there.
        """
        url, key = os.environ.get("SPELL_API_URL"), os.environ.get("SPELL_API_KEY")
        if url and key:
            return cls(url.rstrip("/"), key)
        folder = _data_folder(start)
        if folder is not None:
            saved = cls.load(folder)
            return cls((url or saved.api_url).rstrip("/"), key or saved.api_key)
        raise CliError(
            "No platform to talk to. Start one with `spell dev`, or set SPELL_API_URL and "
            "SPELL_API_KEY.",
            ExitCode.USAGE,
        )

    @classmethod
    def load(cls, data_dir: Path) -> "Profile":
        """What `save` left."""
        path = data_dir / CLIENT_FILE
        try:
            saved = json.loads(path.read_text("utf-8"))
            signing = saved.get("signing")
            place = LocalSigning(**signing) if signing else None
            return cls(saved["api_url"], saved["api_key"], place)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            message = f"{path} cannot be read ({type(error).__name__}); `spell dev` writes it."
            raise CliError(message, ExitCode.USAGE) from error

    def save(self, data_dir: Path) -> None:
        """Leave the profile for later commands, readable by its owner only."""
        path = data_dir / CLIENT_FILE
        path.touch(mode=0o600)
        path.write_text(json.dumps(asdict(self)), "utf-8")


def _data_folder(start: Path | None) -> Path | None:
    """The nearest data directory with a profile, here or above."""
    here = (start or Path.cwd()).resolve()
    candidates = (folder / DATA_FOLDER for folder in (here, *here.parents))
    return next((each for each in candidates if (each / CLIENT_FILE).is_file()), None)


class Api:
    """Calls the API; every error becomes a CliError."""

    def __init__(self, profile: Profile) -> None:
        try:
            self._client = httpx.Client(
                base_url=profile.api_url,
                headers={"Authorization": f"Bearer {profile.api_key}"},
                timeout=TIMEOUT,
            )
        except (httpx.InvalidURL, UnicodeError) as error:
            # The error itself may quote the key.
            message = "SPELL_API_URL is no address, or SPELL_API_KEY is no key."
            raise CliError(message, ExitCode.USAGE) from error

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One call. Raises CliError for every answer that is not a success."""
        with _reachable(str(self._client.base_url)):
            response = self._client.request(method, path, **options)
        if response.is_error:
            raise error_of(response)
        return response

    def json(self, method: str, path: str, **options: Any) -> Any:
        """One call's JSON document; None where the answer has no body."""
        response = self.request(method, path, **options)
        return response.json() if response.content else None

    @contextmanager
    def stream(self, path: str, headers: dict[str, str]) -> Iterator[Iterator[str]]:
        """The lines of a streamed answer."""
        with (
            _reachable(str(self._client.base_url)),
            self._client.stream("GET", path, headers=headers) as response,
        ):
            if response.is_error:
                response.read()
                raise error_of(response)
            yield response.iter_lines()

    @contextmanager
    def download(self, path: str) -> Iterator[tuple[int, Iterator[bytes]]]:
        """The size of an answer and its content, piece by piece.

        Raises:
            CliError: as `request`; also when the content ends early, or is not what it should be.
        """
        with (
            _reachable(str(self._client.base_url)),
            self._client.stream("GET", path) as response,
        ):
            if response.is_error:
                response.read()
                raise error_of(response)
            size = int(response.headers.get("Content-Length", 0))
            yield size, _checked(response)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _checked(response: httpx.Response) -> Iterator[bytes]:
    """The content as it comes; at its end, whether it has the digest that it came with."""
    sha256 = hashlib.sha256()
    for piece in response.iter_bytes():
        sha256.update(piece)
        yield piece
    said = response.headers.get("Repr-Digest", "")
    if said != f"sha-256=:{base64.b64encode(sha256.digest()).decode('ascii')}:":
        message = "What was received is not what the platform has: get it again."
        raise CliError(message, ExitCode.PLATFORM)


def error_of(response: httpx.Response) -> CliError:
    """The error that a problem document tells, with its remedy."""
    platform_at_fault = 500  # the first status that is not the caller's doing
    exit_code = ExitCode.PLATFORM if response.status_code >= platform_at_fault else ExitCode.REFUSED
    try:
        problem = response.json()
        return CliError(describe_problem(problem), exit_code, problem)
    except (ValueError, KeyError, TypeError):
        return CliError(f"The server answered {response.status_code}.", exit_code)


def describe_problem(problem: dict[str, Any]) -> str:
    """Code, what happened, where, and what to do, over a few lines."""
    lines = [f"{problem['code']}: {problem['message']}"]
    details = problem.get("details") or {}
    for error in details.get("errors", []):
        place = error.get("path") or error.get("field")
        line = f"line {error['line']}:" if error.get("line") else None
        lines.append(" ".join(filter(None, ("  -", line, place, error["message"]))))
    rest = {k: v for k, v in details.items() if k != "errors" and v is not None}
    lines += [f"  {name}: {value}" for name, value in rest.items()]
    if problem.get("remedy"):
        lines.append(f"  What to do: {problem['remedy']}")
    return "\n".join(lines)


def in_path(name: str) -> str:
    """A name as one segment of a path, whatever somebody typed."""
    return quote(name, safe="")


@contextmanager
def _reachable(base_url: str) -> Iterator[None]:
    try:
        yield
    except UnicodeEncodeError as error:
        message = f"{error.object[error.start : error.end]!r} cannot be sent in a header."
        raise CliError(message, ExitCode.USAGE) from error
    except httpx.HTTPError as error:
        raise CliError(
            f"{base_url} does not answer ({type(error).__name__}). Is the platform running? "
            "`spell dev` starts a local one.",
            ExitCode.PLATFORM,
        ) from error
