"""The import law of the house: rooms import only lower rooms, files only those above them."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from llm.__main__ import STAGES
from pipelines.wiring import entry_point

# Importing a stage's module must not cost seconds: it is done for every command.
HEAVY = (
    "torch", "pyarrow", "daft", "mlflow", "great_expectations", "pandas", "sklearn",
    "transformers", "prefect", "dvc", "matplotlib", "numpy", "openai", "httpx",
)  # fmt: skip


def python_files(root: Path, *folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (root / folder).rglob("*.py"))


@pytest.mark.slow
def test_rooms_import_only_lower_rooms(root: Path):
    linter = Path(sys.executable).parent / "lint-imports"
    ended = subprocess.run(
        [linter, "--no-cache"], cwd=root, capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stdout


def test_the_command_line_imports_nothing_heavy(root: Path):
    code = (
        "import sys, llm.__main__ as main; main._parser();"
        f"print(*[name for name in {HEAVY!r} if name in sys.modules])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, timeout=60,
        check=True,
    )  # fmt: skip
    assert ended.stdout.split() == []


def test_llm_knows_no_orchestrator(root: Path):
    for path in python_files(root, "llm"):
        for name in imported(path):
            assert name.split(".")[0] not in ("prefect", "dvc", "pipelines"), path


def test_the_text_room_knows_no_tensors_and_the_model_no_files(root: Path):
    for path in python_files(root, "llm/corpus"):
        assert not any(name.split(".")[0] == "torch" for name in imported(path)), path
    for path in python_files(root, "llm/model"):
        forbidden = {"pathlib", "pyarrow", "json", "csv", "os"}
        assert not {name.split(".")[0] for name in imported(path)} & forbidden, path


def test_every_file_opens_with_its_job(root: Path):
    for path in python_files(root, "llm", "pipelines", "benchmarks", "tests"):
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
        assert docstring, path
        assert len(docstring.splitlines()[0]) <= 100, path


def test_packages_hold_a_docstring_and_nothing_else(root: Path):
    for path in python_files(root, "llm", "pipelines", "benchmarks"):
        if path.name == "__init__.py":
            body = ast.parse(path.read_text(encoding="utf-8")).body
            assert len(body) == 1, path


def test_every_stage_has_its_file_and_every_file_its_stage(root: Path):
    files = {
        path.relative_to(root).as_posix()
        for path in (root / "llm" / "stages").glob("*.py")
        if path.name != "__init__.py"
    }
    assert files == {entry_point(stage) for stage in STAGES}


def test_tests_mirror_the_code(root: Path):
    """Every file of tests/ROOM names a file of llm/ROOM or a stage; no test is an orphan."""
    for path in python_files(root, "tests"):
        relative = path.relative_to(root / "tests")
        if len(relative.parts) == 1 or path.name == "conftest.py":
            continue
        first = relative.parts[0]
        room = first if first in ("pipelines", "benchmarks") else f"llm/{first}"
        assert (root / room).is_dir(), path


def imported(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names
