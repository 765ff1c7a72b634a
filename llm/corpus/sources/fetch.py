"""One verified file from the network: mirror first, retries, resume, SHA-256 always."""

from __future__ import annotations

import email.utils
import json
import os
import shutil
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from llm.errors import ConfigError, InputError, PipelineError, ServiceError
from llm.files import sha256_of, write_text
from llm.progress import Progress

if TYPE_CHECKING:
    import httpx
    import tenacity

_LONGEST_WAIT_SECONDS = 120.0
# Worth another try (RFC 9110 section 15, RFC 6585 section 4); every other 4xx is final.
_PASSING_STATUS = frozenset({408, 425, 429, *range(500, 600)})


class PassingError(Exception):
    """A fault that may pass. wait_seconds: how long the server asked to wait, if it did."""

    def __init__(self, message: str, *, wait_seconds: float | None = None) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds


class _RefusedError(Exception):
    """A fault that another try does not mend, as 404."""


class _WrongBytesError(Exception):
    """The whole file arrived and is another one. `found`: its SHA-256."""

    def __init__(self, found: str, *, resumed: bool) -> None:
        super().__init__(f"sha256 {found}")
        self.found = found
        self.resumed = resumed


@dataclass
class Fetcher:
    """Brings files to `partial`, each named by its expected SHA-256, and keeps them till `clear`.

    A file that is whole there is checked and used again, an unfinished one is resumed (HTTP Range
    with If-Range, RFC 9110 sections 13.1.5 and 14), so a killed download loses nothing.
    mirror: folder or base URL laid out as <host>/<path>, tried before the file's own address.
    retries: further tries per address after the first. backoff_seconds: the first wait at most;
    it doubles with each try, and a random part of it is slept.
    """

    partial: Path
    retries: int
    timeout_seconds: float
    backoff_seconds: float = 1.0
    mirror: str | None = None
    _fetched: set[str] = field(default_factory=set)

    def fetch(self, url: str, sha256: str) -> Path:
        """Return the path of a local copy of `url` whose SHA-256 is `sha256`; do not change it.

        Raises InputError where the bytes differ, ServiceError where no address answers, each
        after all retries.
        """
        self._fetched.add(sha256)
        path = self.partial / sha256
        if path.is_file() and sha256_of(path) == sha256:
            return path
        faults: list[str] = []
        for origin in self._origins(url):
            try:
                if isinstance(origin, Path):
                    return _checked_copy(origin, sha256)
                self._download(origin, path, sha256)
            except _WrongBytesError as error:
                if origin == url:
                    raise wrong_checksum(url, error.found, sha256) from error
                faults.append(f"{origin}: sha256 {error.found}")
                print(f"The mirror holds another file: {faults[-1]}", flush=True)
            except (PassingError, _RefusedError) as error:
                faults.append(f"{origin}: {error}")
                print(f"Download failed: {faults[-1]}", flush=True)
            else:
                return path
        raise _no_answer(url, faults, self.partial)

    def clear(self) -> None:
        """Remove the kept copies of every file fetched by this object."""
        for sha256 in self._fetched:
            _discard(self.partial / sha256)
        if self.partial.is_dir() and not any(self.partial.iterdir()):
            self.partial.rmdir()

    def _origins(self, url: str) -> Iterator[str | Path]:
        parts = urlsplit(url)
        place = f"{parts.hostname}{parts.path}"
        if self.mirror and self.mirror.startswith(("http://", "https://")):
            yield f"{self.mirror.rstrip('/')}/{place}"
        elif self.mirror:
            root = Path(self.mirror).expanduser()
            if not root.is_dir():
                raise ConfigError(
                    "The mirror is not a folder.",
                    where="environment variable LLM_MIRROR",
                    found=repr(self.mirror),
                    expected="an existing folder, or an http(s) address, laid out as <host>/<path>",
                    remedy="mend or unset LLM_MIRROR",
                )
            local = root / unquote(place)
            if local.is_file():
                yield local
        yield url

    def _download(self, url: str, path: Path, sha256: str) -> None:
        try:
            self._attempts()(self._attempt, url, path, sha256)
        except _WrongBytesError as error:
            if not error.resumed:
                raise
            # The beginning may stem from other bytes than the rest: once more from the start.
            self._attempts()(self._attempt, url, path, sha256)

    def _attempts(self) -> tenacity.Retrying:
        return attempts(self.retries, self.backoff_seconds)

    def _attempt(self, url: str, path: Path, sha256: str) -> None:
        """Bring the rest of the file to `path` and check it; on wrong bytes remove it."""
        self.partial.mkdir(parents=True, exist_ok=True)
        state = _read_state(path, url)
        done = path.stat().st_size if state is not None else 0
        headers = {"Accept-Encoding": "identity"}
        if done:
            headers["Range"] = f"bytes={done}-"
            if state:
                headers["If-Range"] = state
        with self._get(url, headers) as response:
            if response.status_code == 416:  # nothing after what stands there already
                whole = sha256_of(path) == sha256
                if not whole:
                    _discard(path)
                    raise PassingError("the server has no such range; starting over")
                return
            done = done if _continues(response, done) else 0
            _write_state(path, url, response)
            _receive(response, path, done)
        found = sha256_of(path)
        if found != sha256:
            _discard(path)
            raise _WrongBytesError(found, resumed=done > 0)

    @contextmanager
    def _get(self, url: str, headers: dict[str, str]) -> Iterator[httpx.Response]:
        import httpx

        try:
            with (
                httpx.Client(follow_redirects=True, timeout=self.timeout_seconds) as client,
                client.stream("GET", url, headers=headers) as response,
            ):
                if response.status_code in _PASSING_STATUS:
                    raise PassingError(
                        f"HTTP status {response.status_code}", wait_seconds=_asked_wait(response)
                    )
                if response.status_code not in (200, 206, 416):
                    raise _RefusedError(f"HTTP status {response.status_code}")
                yield response
        except httpx.TransportError as error:
            reason = f"{type(error).__name__}: {error}"
            if isinstance(_root_cause(error), ssl.SSLCertVerificationError):
                raise _RefusedError(reason) from error
            raise PassingError(reason) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _RefusedError(f"{type(error).__name__}: {error}") from error


def attempts(retries: int, backoff_seconds: float) -> tenacity.Retrying:
    """Try again after each PassingError, `retries` times, with growing and partly random waits."""
    import tenacity

    grow = tenacity.wait_random_exponential(multiplier=backoff_seconds, max=_LONGEST_WAIT_SECONDS)

    def wait(state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = getattr(error, "wait_seconds", None) or 0.0
        return max(min(asked, _LONGEST_WAIT_SECONDS), grow(state))

    def announce(state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        pause = state.next_action.sleep if state.next_action else 0.0
        print(f"Try {state.attempt_number} failed: {error}; again in {pause:.1f} s", flush=True)

    return tenacity.Retrying(
        stop=tenacity.stop_after_attempt(retries + 1),
        wait=wait,
        retry=tenacity.retry_if_exception_type(PassingError),
        before_sleep=announce,
        reraise=True,
    )


def _receive(response: httpx.Response, path: Path, done: int) -> None:
    length = response.headers.get("Content-Length", "")
    total = done + int(length) if length.isdecimal() else None
    name = unquote(urlsplit(str(response.request.url)).path.rsplit("/", 1)[-1])
    with path.open("r+b" if done else "wb") as stream, Progress(name, total=total, unit="B") as bar:
        stream.seek(done)
        bar.advance(done)
        for chunk in response.iter_bytes():  # as they come, so that a break loses none
            stream.write(chunk)
            bar.advance(len(chunk))
        stream.truncate()
        stream.flush()
        os.fsync(stream.fileno())


def _continues(response: httpx.Response, done: int) -> bool:
    """Whether the answer goes on at byte `done` (206 with that Content-Range) or starts anew."""
    return response.status_code == 206 and response.headers.get("Content-Range", "").startswith(
        f"bytes {done}-"
    )


def _state_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _write_state(path: Path, url: str, response: httpx.Response) -> None:
    etag = response.headers.get("ETag", "")
    # If-Range takes strong validators only (RFC 9110 section 13.1.5).
    validator = etag if etag and not etag.startswith("W/") else ""
    write_text(_state_path(path), json.dumps({"url": url, "etag": validator}) + "\n")


def _read_state(path: Path, url: str) -> str | None:
    """The ETag ("" if none) of the unfinished file, or None where none of this URL stands there."""
    try:
        state: dict[str, Any] = json.loads(_state_path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return str(state.get("etag", "")) if state.get("url") == url and path.is_file() else None


def _discard(path: Path) -> None:
    path.unlink(missing_ok=True)
    _state_path(path).unlink(missing_ok=True)


def _asked_wait(response: httpx.Response) -> float | None:
    """Seconds of the Retry-After header: a number or a date (RFC 9110 section 10.2.3)."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    moment = email.utils.parsedate_tz(text)
    return max(0.0, email.utils.mktime_tz(moment) - time.time()) if moment else None


def _root_cause(error: BaseException) -> BaseException:
    while cause := error.__cause__ or error.__context__:
        error = cause
    return error


def _checked_copy(path: Path, sha256: str) -> Path:
    found = sha256_of(path)
    if found != sha256:
        raise _WrongBytesError(found, resumed=False)
    return path


def copy_file(file: Path, target: Path, *, linkable: Path | None = None) -> None:
    """Put a copy of `file` at `target`; a hard link where it stands in the folder `linkable`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if linkable is not None and file.parent == linkable:
        try:
            os.link(file, target)
        except OSError:  # another file system
            pass
        else:
            return
    shutil.copyfile(file, target)


def wrong_checksum(url: str, found: str, expected: str) -> PipelineError:
    return InputError(
        "A downloaded file is not the one that params.yaml names.",
        where=url,
        found=f"sha256 {found}",
        expected=f"sha256 {expected}",
        remedy=(
            "if the file was renewed on purpose, check it and put the new sha256 under "
            "download.sources; else point LLM_MIRROR at a copy with the right bytes. "
            "The wrong copy is removed."
        ),
    )


def _no_answer(url: str, faults: list[str], partial: Path) -> PipelineError:
    return ServiceError(
        "A file cannot be downloaded.",
        where=url,
        found="; ".join(faults),
        expected="an answer with the file's bytes",
        remedy=(
            "check the address under download.sources, the network and HTTPS_PROXY; or set "
            "LLM_MIRROR to a folder or address that holds <host>/<path>; then start again: "
            f"what arrived is kept in {partial} and goes on from there"
        ),
    )
