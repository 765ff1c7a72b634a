"""Which files of ours, and which packages of others, a piece of code imports at any depth."""

from __future__ import annotations

import ast
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Code:
    """What code stands on.

    files: its own file and those it imports, relative to the checkout, sorted; without a
    package's __init__.py that holds a docstring and nothing else. packages: the top-level names
    of all that is imported and not ours, the standard library's included, sorted.
    """

    files: list[str]
    packages: list[str]


def imported_code(entry: str, root: Path, *, without: Container[str] = ()) -> Code:
    """What `entry`, as llm/stages/clean.py, imports, also inside functions; not for types alone.

    Files that a module reads from its own folder (page templates) count when a string in it
    names them. without: files that are left out, with what only they import.
    """
    found: set[str] = set()
    packages: set[str] = set()
    waiting = [entry]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        if name.endswith(".py"):
            files, others = _imports(name, root)
            packages.update(others)
            waiting += [other for other in files if other not in without]
    return Code(
        files=sorted(name for name in found if not _is_bare_package(root / name)),
        packages=sorted(packages),
    )


def _imports(name: str, root: Path) -> tuple[list[str], set[str]]:
    """Files of ours that one file imports or names beside itself, and packages of others."""
    path = root / name
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=name)
    type_only = set(_type_checking_nodes(tree))
    files: list[str] = []
    modules: list[str] = []
    for node in ast.walk(tree):
        if node in type_only:
            continue
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            modules.append(node.module)
            if _is_ours(node.module):
                modules += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            files += _resource(node.value, path, root)
    for module in modules:
        files += _module_files(module, root)
    return files, {module.partition(".")[0] for module in modules if not _is_ours(module)}


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == "llm"


def _module_files(module: str, root: Path) -> Iterator[str]:
    """The file of a module of ours, and the __init__.py of every package above it."""
    if not _is_ours(module):
        return
    parts = module.split(".")
    for depth in range(1, len(parts) + 1):
        base = root.joinpath(*parts[:depth])
        for path in (base.with_suffix(".py"), base / "__init__.py"):
            if path.is_file():
                yield path.relative_to(root).as_posix()


def _resource(text: str, path: Path, root: Path) -> Iterator[str]:
    if not text or len(text) > 100 or "\n" in text or "\0" in text or "." not in text:
        return
    resource = path.parent / text
    if resource.is_file() and resource.suffix != ".py" and resource.is_relative_to(path.parent):
        yield resource.relative_to(root).as_posix()


def _type_checking_nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """Everything under `if TYPE_CHECKING:`, which no run imports."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.If)
            and isinstance(node.test, ast.Name)
            and node.test.id == "TYPE_CHECKING"
        ):
            for statement in node.body:
                yield from ast.walk(statement)


def _is_bare_package(path: Path) -> bool:
    if path.name != "__init__.py":
        return False
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in body)
