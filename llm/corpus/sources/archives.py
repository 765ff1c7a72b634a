"""Archives, taken apart without trusting them: names, links, doubles, sizes, whole or not at all.

The dangers, and their names in the Common Weakness Enumeration: path traversal (CWE-22), link
following (CWE-59), decompression bombs (CWE-409), names that differ only by case (CWE-178).
"""

from __future__ import annotations

import errno
import lzma
import stat
import struct
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from llm.corpus.reading.formats import Compression, broken_file, open_stream
from llm.corpus.sources.members import ArchiveLimits, Content

_TAR: dict[str, Compression] = {
    ".tar": "",
    ".tar.gz": ".gz",
    ".tgz": ".gz",
    ".tar.zst": ".zst",
    ".tar.xz": ".xz",
    ".txz": ".xz",
    ".tar.bz2": ".bz2",
    ".tbz2": ".bz2",
}
SUFFIXES = (".zip", *_TAR)
_HEADER_BYTES = 1 << 20  # greatest header of a tar member: long names need a few kilobytes
_ENCRYPTED = 0x1  # general purpose bit flag of ZIP (APPNOTE 4.4.4)
# What zipfile and tarfile raise for bytes that make no sense; besides their own errors, what their
# parsing runs into: numbers, names and encodings that are none, headers nested without end.
_FAULTS = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    RecursionError,
    ValueError,
    LookupError,
    OverflowError,
    struct.error,
)
_WHOLE = "a whole archive"


def is_archive(name: str) -> bool:
    """Whether a file is an archive, by its name."""
    return name.lower().endswith(SUFFIXES)


def extract(
    archive: Path, target: Path, *, limits: ArchiveLimits, name: str = "", shown: object = None
) -> list[str]:
    """Write the files of an archive into the new folder `target`; return their names, sorted.

    name: what tells its format, where the path does not. shown: how errors call the archive.
    Hidden files, as .DS_Store, are left out. Raises InputError, naming archive and member, for a
    name that leads elsewhere or that no file system takes, a link or device, a name that stands
    there twice (also by case or Unicode form), an encrypted member, too many members or bytes,
    and an archive that is truncated or damaged. The caller removes `target` then.
    """
    target.mkdir(parents=True)
    content = Content(archive, shown or archive, target, limits)
    name = (name or archive.name).lower()
    if name.endswith(".zip"):
        _extract_zip(content)
    else:
        compression = next(_TAR[suffix] for suffix in _TAR if name.endswith(suffix))
        _extract_tar(content, compression)
    return sorted(content.files)


def _line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _extract_zip(content: Content) -> None:
    try:
        with zipfile.ZipFile(content.archive) as members:
            for member in members.infolist():
                _extract_zip_member(members, member, content)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a place before the file's beginning
            raise
        raise broken_file(content.shown, _line(error), expected=_WHOLE) from error
    except _FAULTS as error:
        raise broken_file(content.shown, _line(error), expected=_WHOLE) from error


def _extract_zip_member(
    members: zipfile.ZipFile, member: zipfile.ZipInfo, content: Content
) -> None:
    # orig_filename: the name before zipfile cuts it at a zero byte.
    name = member.orig_filename.removesuffix("/") if member.is_dir() else member.orig_filename
    content.enter(name, folder=member.is_dir())
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise content.refusal(name, "a link or a device", "files and folders only")
    if member.flag_bits & _ENCRYPTED:
        raise content.refusal(
            name, "an encrypted member", "members that can be read", remedy="decrypt it first"
        )
    if not member.is_dir():
        with members.open(member) as stream:
            content.write(name, cast("BinaryIO", stream))


def _extract_tar(content: Content, compression: Compression) -> None:
    with open_stream(content.archive, compression, shown=content.shown) as stream:
        meter = _Meter(stream, content)
        try:
            # As a stream, so that nothing is read twice and no header is believed beforehand.
            with tarfile.open(
                fileobj=meter,  # type: ignore[call-overload]  # typed as one that seeks
                mode="r|",
            ) as members:
                for member in _tar_members(members, meter):
                    _extract_tar_member(members, member, meter, content)
                assert members.fileobj is not None, "open"
                if members.fileobj.tell() == members.offset:  # no block of zeros at its end
                    raise broken_file(content.shown, "no end of archive", expected=_WHOLE)
                meter.allow(sys.maxsize)
                _read_padding(cast("BinaryIO", members.fileobj), content)
        except _FAULTS as error:
            raise broken_file(content.shown, _line(error), expected=_WHOLE) from error


def _read_padding(stream: BinaryIO, content: Content) -> None:
    """Read what follows the archive's end, so that a checksum there is checked. Only zeros may: a
    second archive, as `cat` puts it there, would be lost in silence."""
    zeros = _Zeros()
    content.copy("(padding)", stream, zeros)
    if not zeros.only:
        found = "more than zeros behind the end of the archive"
        raise broken_file(content.shown, found, expected="one archive in a file")


def _tar_members(members: tarfile.TarFile, meter: _Meter) -> Iterator[tarfile.TarInfo]:
    while True:
        meter.allow(_HEADER_BYTES)
        member = members.next()
        # Every header seen is kept there, for a second look that a stream never takes.
        members.members.clear()  # type: ignore[attr-defined]  # every TarFile has it, its types not
        if member is None:
            return
        yield member


def _extract_tar_member(
    members: tarfile.TarFile, member: tarfile.TarInfo, meter: _Meter, content: Content
) -> None:
    name = member.name.removeprefix("./").removesuffix("/")
    if member.isdir() and name in ("", "."):
        return
    content.enter(name, folder=member.isdir())
    if member.isdir():
        return
    if not member.isreg() or member.issparse():
        raise content.refusal(name, "a link, a device or a sparse file", "files and folders only")
    meter.allow(member.size + _HEADER_BYTES)
    stream = members.extractfile(member)
    assert stream is not None, "a regular file"
    content.write(name, cast("BinaryIO", stream))


class _Zeros:
    """Takes bytes, and notes whether all are zero."""

    only = True

    def write(self, block: bytes) -> None:
        """As a stream's write."""
        self.only = self.only and block.count(0) == len(block)


class _Meter:
    """Hands a stream on, and stops where a header asks for more than a header needs: names and
    comments of tar members are read whole into memory."""

    def __init__(self, stream: BinaryIO, content: Content) -> None:
        self._stream = stream
        self._content = content
        self._left = _HEADER_BYTES  # the first header is read when the archive is opened

    def allow(self, size: int) -> None:
        """Let the next reads go on for `size` bytes."""
        self._left = size

    def read(self, size: int) -> bytes:
        """As a stream's read."""
        self._left -= size
        if self._left < 0:
            raise self._content.refusal(
                "(a header)", "a header over 1 MiB", "names that are shorter than that"
            )
        return self._stream.read(size)

    def close(self) -> None:
        """Nothing: the stream belongs to the caller."""
