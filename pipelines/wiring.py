"""Code dependencies of stages: the files an entry point imports, compared with dvc.yaml."""

from __future__ import annotations

import sys
from pathlib import Path

from llm.__main__ import STAGES
from llm.code import imported_code
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
    return imported_code(entry_point(stage), root, without=EXEMPT).files


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
