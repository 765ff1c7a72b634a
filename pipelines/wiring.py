"""Code dependencies of stages: the files an entry point imports, compared with dvc.yaml."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from llm.__main__ import STAGES
from llm.errors import PipelineError
from llm.files import write_text
from pipelines.environment import checkout

# Files that no output depends on: a change in them must not train again.
EXEMPT = {
    "llm/__init__.py": "holds a docstring",
    "llm/__main__.py": "hands settings and paths on, and prints errors",
    "llm/config.py": "checks settings and passes their values on unchanged",
    "llm/errors.py": "words for what went wrong; nothing is written then",
    "llm/lineage.py": "tells MLflow where inputs come from",
    "llm/memory.py": "bounds buffers; no result depends on it",
    "llm/mlflow_tracking.py": "listens, and decides nothing",
    "llm/profiles.py": "writes params.yaml, whose values DVC compares by themselves",
    "llm/progress.py": "tells a person how far the work is",
    "llm/tracking.py": "listens, and decides nothing",
}


def entry_point(stage: str) -> str:
    """The file in which a stage's work begins."""
    return f"llm/stages/{stage}.py"


def code_dependencies(stage: str, root: Path) -> list[str]:
    """Every file of ours that a stage imports, at any depth, also inside functions; sorted.

    Without EXEMPT, and without a package's __init__.py that holds a docstring and nothing else.
    Files that a module reads from its own folder (page templates) count when a string in it
    names them.
    """
    found: set[str] = set()
    waiting = [entry_point(stage)]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        if name.endswith(".py"):
            waiting += [other for other in _imports(name, root) if other not in EXEMPT]
    return sorted(name for name in found if not _is_bare_package(root / name))


def wired_dependencies(stage_dependencies: tuple[str, ...]) -> list[str]:
    """The code among a stage's deps in dvc.yaml, sorted."""
    return sorted(path for path in stage_dependencies if path.startswith("llm/"))


def _imports(name: str, root: Path) -> Iterator[str]:
    """Files of ours that one file imports or names beside itself."""
    path = root / name
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=name)
    type_only = set(_type_checking_nodes(tree))
    for node in ast.walk(tree):
        if node in type_only:
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _module_files(alias.name, root)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield from _module_files(node.module, root)
            for alias in node.names:
                yield from _module_files(f"{node.module}.{alias.name}", root)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from _resource(node.value, path, root)


def _module_files(module: str, root: Path) -> Iterator[str]:
    """The file of a module of ours, and the __init__.py of every package above it."""
    parts = module.split(".")
    if parts[0] != "llm":
        return
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


def rewrite(root: Path) -> list[str]:
    """Write the code dependencies of every stage into dvc.yaml, keeping its comments.

    Returns the stages whose entry changed.
    """
    import io

    from ruamel.yaml import YAML

    path = root / "dvc.yaml"
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 100
    yaml.indent(mapping=2, sequence=4, offset=2)
    content = yaml.load(path.read_text(encoding="utf-8"))
    changed = []
    for name, entry in content["stages"].items():
        if name not in STAGES:
            continue
        present = list(entry.get("deps") or [])
        data = [dependency for dependency in present if not dependency.startswith("llm/")]
        wanted = data + code_dependencies(name, root)
        if present != wanted:
            entry["deps"] = wanted
            changed.append(name)
    if changed:
        stream = io.StringIO()
        yaml.dump(content, stream)
        write_text(path, stream.getvalue())
    return changed


def main() -> int:
    """Rewrite the code dependencies of dvc.yaml; what `make wiring` calls."""
    try:
        changed = rewrite(checkout())
    except PipelineError as error:
        print(f"\n{type(error).__name__}: {error}", file=sys.stderr)
        return error.exit_code
    print("dvc.yaml: " + (f"rewrote {', '.join(changed)}" if changed else "nothing to change"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
