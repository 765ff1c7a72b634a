"""Objects of S3-compatible stores and of Google Cloud Storage, by fsspec: listed, brought, hashed.

Addresses and credentials come from the environment, as the packages define it. For s3 (s3fs, boto3)
AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_PROFILE, AWS_DEFAULT_REGION; for gs
(gcsfs) GOOGLE_APPLICATION_CREDENTIALS, STORAGE_EMULATOR_HOST. FSSPEC_S3 and FSSPEC_GS take a JSON
object of options, as {"anon": true}. The packages are the extra `cloud`, imported only where such a
source is named. s3 is tested against a server; gs goes the same way and is not.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from llm.corpus.sources.fetch import PassingError, attempts, wrong_checksum
from llm.errors import ConfigError, InputError, ServiceError
from llm.files import sha256_of
from llm.progress import Progress

T = TypeVar("T")

SCHEMES = ("s3", "gs")
_BLOCK_BYTES = 8 * 1024 * 1024
_GLOB = "*?["


@dataclass(frozen=True)
class RemoteObject:
    """One object: its address, its name below the address asked for, its size, its version."""

    url: str
    name: str
    size: int
    version: str


def names_many(url: str) -> bool:
    """Whether an address means many objects: a prefix that ends in "/", or a pattern."""
    key = url.partition("://")[2].partition("/")[2]
    return not key or key.endswith("/") or any(mark in key for mark in _GLOB)


@dataclass
class Store:
    """Brings objects to `partial`, and keeps them there till `clear`, as Fetcher does for URLs.

    Each try goes on where the one before broke off, unless the object became another one.
    """

    partial: Path
    retries: int
    timeout_seconds: float
    backoff_seconds: float = 1.0
    _kept: list[Path] = field(default_factory=list)
    _systems: dict[str, Any] = field(default_factory=dict)

    def find(self, url: str) -> list[RemoteObject]:
        """The objects of an address, by name. Without hidden ones and those that only mark folders.

        Raises ConfigError where the package or credentials are missing, InputError where there is
        no object, ServiceError where the store does not answer.
        """
        scheme, _, path = url.partition("://")
        system = self._system(scheme)
        if not names_many(url):
            found = {path: self._ask(url, lambda: system.info(path))}
            folder = path.rpartition("/")[0] + "/"
        elif any(mark in path for mark in _GLOB):
            found = self._ask(url, lambda: system.glob(path, detail=True))
            fixed = path[: min(path.index(mark) for mark in _GLOB if mark in path)]
            folder = fixed.rpartition("/")[0] + "/"
        else:
            found = self._ask(url, lambda: system.find(path, detail=True))
            folder = path.rstrip("/") + "/"
        objects = [
            RemoteObject(
                f"{scheme}://{key}", key.removeprefix(folder), info["size"], _version(info)
            )
            for key, info in sorted(found.items())
            if info["type"] == "file"
            and key.startswith(folder)
            and not _is_left_out(key.removeprefix(folder))
        ]
        if not objects:
            raise _missing(url, "no object")
        return objects

    def fetch(self, item: RemoteObject, sha256: str | None = None) -> Path:
        """The path of a local copy of an object; do not change it.

        Raises InputError where its SHA-256 is not the one given, or it changes meanwhile.
        """
        identity = f"{item.url}\n{item.size}\n{item.version}"
        path = self.partial / hashlib.sha256(identity.encode("utf-8")).hexdigest()
        self._kept.append(path)
        if not (path.is_file() and path.stat().st_size == item.size):
            self._ask(item.url, lambda: self._bring(item, path))
        if sha256 is not None and (found := sha256_of(path)) != sha256:
            path.unlink()
            raise wrong_checksum(item.url, found, sha256)
        return path

    def clear(self) -> None:
        """Remove the copies."""
        for path in self._kept:
            path.unlink(missing_ok=True)

    def _bring(self, item: RemoteObject, path: Path) -> None:
        self.partial.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.part")
        system = self._system(item.url.partition("://")[0])
        key = item.url.partition("://")[2]
        with (
            part.open("ab") as out,
            system.open(key, "rb", block_size=_BLOCK_BYTES, cache_type="none") as stream,
            Progress(item.name, total=item.size, unit="B") as bar,
        ):
            stream.seek(out.tell())
            bar.advance(out.tell())
            while block := stream.read(_BLOCK_BYTES):
                out.write(block)
                bar.advance(len(block))
            out.flush()
            os.fsync(out.fileno())
        if part.stat().st_size != item.size or _version(system.info(key)) != item.version:
            part.unlink()
            raise InputError(
                "An object changed while it was brought.",
                where=item.url,
                found="another size or version than it had when it was listed",
                expected=f"{item.size} bytes, version {item.version}",
                remedy="start again when nobody writes there",
            )
        os.replace(part, path)

    def _system(self, scheme: str) -> Any:
        if scheme not in self._systems:
            self._systems[scheme] = _open_system(scheme, self.timeout_seconds)
        return self._systems[scheme]

    def _ask(self, url: str, question: Callable[[], T]) -> T:
        scheme = url.partition("://")[0]

        def ask() -> T:
            with _translated(url, scheme):
                return question()

        try:
            answer: T = attempts(self.retries, self.backoff_seconds)(ask)
        except PassingError as error:
            raise ServiceError(
                "An object store does not answer.",
                where=url,
                found=str(error),
                expected="the object's bytes",
                remedy="check the network and the endpoint (AWS_ENDPOINT_URL for s3), then start "
                f"again: what arrived is kept in {self.partial}",
            ) from error
        return answer


def _open_system(scheme: str, timeout_seconds: float) -> Any:
    package = {"s3": "s3fs", "gs": "gcsfs"}[scheme]
    try:
        import fsspec

        options: dict[str, Any] = {"use_listings_cache": False, "skip_instance_cache": True}
        if scheme == "s3":
            patience = {"read_timeout": timeout_seconds, "connect_timeout": timeout_seconds}
            options["config_kwargs"] = {**patience, "retries": {"max_attempts": 1}}
        return fsspec.filesystem(scheme, **options)
    except ImportError as error:
        raise ConfigError(
            f"A package for {scheme}:// sources is not installed.",
            where="download.sources",
            found=str(error),
            expected=f"the package {package}",
            remedy="install them: LLM_EXTRAS=cloud sh infra/setup.sh",
        ) from error


@contextmanager
def _translated(url: str, scheme: str) -> Iterator[None]:
    """Faults of a store as ours: what may pass, what is missing, what is not allowed."""
    import aiohttp

    passing: tuple[type[Exception], ...] = (OSError, aiohttp.ClientError)
    refused: tuple[type[Exception], ...] = (PermissionError,)
    if scheme == "s3":
        from botocore import exceptions

        refused += (exceptions.NoCredentialsError, exceptions.PartialCredentialsError)
        passing += (exceptions.BotoCoreError, exceptions.ClientError)
    else:
        from gcsfs.retry import HttpError
        from google.auth.exceptions import GoogleAuthError

        refused += (GoogleAuthError,)
        passing += (HttpError,)
    try:
        yield
    except FileNotFoundError as error:
        raise _missing(url, str(error)) from error
    except refused as error:
        raise ConfigError(
            "An object store does not let us in.",
            where=url,
            found=f"{type(error).__name__}: {error}",
            expected="credentials that may list and read",
            remedy="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE (s3), "
            "GOOGLE_APPLICATION_CREDENTIALS (gs), or FSSPEC_S3='{\"anon\": true}' for open data",
        ) from error
    except passing as error:
        raise PassingError(f"{type(error).__name__}: {error}") from error


def _version(info: dict[str, Any]) -> str:
    """What changes when an object is written anew: its ETag, else its time."""
    return str(info.get("ETag") or info.get("etag") or info.get("mtime") or info.get("updated"))


def _is_left_out(name: str) -> bool:
    return not name or name.endswith("/") or any(part.startswith(".") for part in name.split("/"))


def _missing(url: str, found: str) -> InputError:
    return InputError(
        "A remote source is missing or empty.",
        where=url,
        found=found,
        expected="an object, or a prefix or pattern with objects",
        remedy="check the address under download.sources (a prefix ends in '/'), and the endpoint",
    )
