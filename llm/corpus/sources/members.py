"""What may come out of an archive: names that stay inside, sizes within limits, nothing twice."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Protocol

from pydantic import Field

from llm.config import Section
from llm.errors import InputError

_COPY_BYTES = 1 << 20
# Below this much content no ratio is a bomb: a short file of blanks packs a thousandfold.
_HARMLESS_BYTES = 16 * 1024 * 1024
_NAME_BYTES, _PATH_BYTES = 255, 1024  # what file systems take (POSIX NAME_MAX), with some room
_REMEDY = "take the archive apart by hand, look at this member, and name the folder as source"


class Sink(Protocol):
    """What bytes are written to."""

    def write(self, block: bytes, /) -> object: ...


class ArchiveLimits(Section):
    """How large an archive may become when it is taken apart."""

    maximum_members: int = Field(
        default=1_000_000, ge=1, description="greatest number of files and folders in one archive"
    )
    maximum_bytes: int = Field(
        default=200_000_000_000, ge=1, description="greatest size of all its files together"
    )
    maximum_ratio: float = Field(
        default=200.0,
        ge=1.0,
        description="greatest size of its files as a multiple of the archive's own "
        "(text packs 3 to 10 times; Deflate reaches 1,032)",
    )


def name_fault(name: str) -> str | None:
    """Why a name from outside must not become a path below a folder of ours, or None."""
    try:
        size = len(name.encode("utf-8"))
    except UnicodeEncodeError:
        return "a name that is not UTF-8"
    parts = name.split("/")
    if name.startswith("/") or re.match("[A-Za-z]:[/\\\\]", name):
        return "an absolute path"
    if ".." in parts:
        return "a path that leads out of the folder"
    if "\\" in name or any(unicodedata.category(character) == "Cc" for character in name):
        return "a name with a backslash or a control character"
    if "" in parts or "." in parts:
        return "a path with an empty part"
    if size > _PATH_BYTES or any(len(part.encode("utf-8")) > _NAME_BYTES for part in parts):
        return "a name that is too long for a file"
    return None


@dataclass
class Content:
    """What was taken out so far, checked against names and limits."""

    archive: Path
    shown: object
    target: Path
    limits: ArchiveLimits
    files: list[str] = field(default_factory=list)
    _members: int = 0
    _bytes: int = 0
    _kinds: dict[str, str] = field(default_factory=dict)  # by folded path: "file" or "folder"

    def enter(self, name: str, *, folder: bool) -> None:
        """Take note of a member, or refuse its name."""
        self._members += 1
        if self._members > self.limits.maximum_members:
            raise self.refusal(
                name,
                "a member beyond the limit",
                f"at most {self.limits.maximum_members} members",
                remedy="raise download.archives.maximum_members if this is meant to be",
            )
        fault = name_fault(name)
        if fault:
            raise self.refusal(name, fault, "a relative path inside the archive")
        folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
        for parent in PurePosixPath(folded).parents[:-1]:
            if self._kinds.setdefault(str(parent), "folder") != "folder":
                raise self.refusal(name, "a file's name used as a folder", "one use of each name")
        if folder and self._kinds.get(folded, "folder") == "folder":
            self._kinds[folded] = "folder"
            return
        if folded in self._kinds:
            raise self.refusal(
                name,
                "a name that stands there twice, perhaps in other case or Unicode form",
                "one member of each name",
            )
        self._kinds[folded] = "file"

    def write(self, name: str, stream: BinaryIO) -> None:
        """Write a member's bytes to its place, unless it is hidden; count them in either case."""
        hidden = any(part.startswith(".") for part in name.split("/"))
        if hidden:
            self.copy(name, stream, None)
            return
        path = self.target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as out:
            self.copy(name, stream, out)
        self.files.append(name)

    def copy(self, name: str, stream: BinaryIO, out: Sink | None) -> None:
        """Hand a member's bytes on, if anywhere; count them against the limits."""
        packed = self.archive.stat().st_size
        while block := stream.read(_COPY_BYTES):
            self._bytes += len(block)
            if self._bytes > self.limits.maximum_bytes:
                raise self.refusal(
                    name,
                    f"more than {self.limits.maximum_bytes} bytes of content",
                    f"at most {self.limits.maximum_bytes} bytes",
                    remedy="raise download.archives.maximum_bytes if this is meant to be",
                )
            if self._bytes > max(_HARMLESS_BYTES, self.limits.maximum_ratio * packed):
                raise self.refusal(
                    name,
                    f"{self._bytes} bytes of content so far, from {packed} bytes: a bomb",
                    f"at most {self.limits.maximum_ratio:g} times the archive's size",
                    remedy="raise download.archives.maximum_ratio if this is meant to be",
                )
            if out is not None:
                out.write(block)

    def refusal(
        self, member: str, found: str, expected: str, *, remedy: str = _REMEDY
    ) -> InputError:
        """The error for a member that is not taken."""
        return InputError(
            "An archive holds what is not safe to take out.",
            where=f"{self.shown}, member {member!r}",
            found=found,
            expected=expected,
            remedy=remedy,
        )
