"""Files that stand on this machine: one, or all of a folder, those behind links too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from llm.errors import InputError
from llm.files import sha256_of


def local_files(source: str, path: Path, sha256: str | None) -> list[tuple[str, Path]]:
    """Name and place of a file, or of every file of a folder but hidden ones."""
    if path.is_dir() and sha256 is None:
        found = sorted(_walk(path))
        if found:
            return [(child.relative_to(path).as_posix(), child) for child in found]
    if path.is_file():
        if sha256 is not None and sha256_of(path) != sha256:
            raise InputError(
                "A local file is not the one that params.yaml names.",
                where=path,
                found=f"sha256 {sha256_of(path)}",
                expected=f"sha256 {sha256}",
                remedy="put the right file there, or set its sha256 (or null) in download.sources",
            )
        return [(path.name, path)]
    raise InputError(
        "A local source is missing or empty.",
        where=f"source {source!r}: {path}",
        found=_what_stands_at(path, sha256),
        expected="a file, or a folder with files",
        remedy="put the data there, or change the address under download.sources",
    )


def _what_stands_at(path: Path, sha256: str | None) -> str:
    if not path.is_dir():
        return "nothing"
    return "a folder, which takes no sha256" if sha256 else "a folder without files"


def _walk(folder: Path) -> Iterator[Path]:
    """The files below a folder, those behind links too; without hidden ones. Nothing else that
    stands there is passed over in silence, but for a link back into a folder it stands in."""
    waiting: list[tuple[Path, tuple[Path, ...]]] = [(folder, (folder.resolve(),))]
    while waiting:
        here, way = waiting.pop()
        try:
            children = [child for child in here.iterdir() if not child.name.startswith(".")]
        except OSError as error:
            raise _no_file(here, str(error.strerror)) from error
        for child in children:
            if child.is_dir():
                if (place := child.resolve()) not in way:
                    waiting.append((child, (*way, place)))
            elif child.is_file():
                yield child
            elif child.is_symlink():
                raise _no_file(child, f"a link to {child.readlink()}, which is not there")
            else:
                raise _no_file(child, "a device, a pipe or a socket")


def _no_file(path: Path, found: str) -> InputError:
    return InputError(
        "A folder holds what cannot be read.",
        where=path,
        found=found,
        expected="files, folders, and links to them",
        remedy="mend it or take it out of the folder that download.sources names",
    )
