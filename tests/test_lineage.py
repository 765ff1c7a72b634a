"""Lineage: our hashes are DVC's, inputs are known before DVC writes them down, git is optional."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from llm.lineage import dependency_hashes, dvc_hash, git_state


def run(*command: str, cwd: Path) -> None:
    subprocess.run(command, cwd=cwd, check=True, capture_output=True, timeout=60)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    run("git", "init", "-q", cwd=tmp_path)
    run("git", "config", "user.email", "test@example.org", cwd=tmp_path)
    run("git", "config", "user.name", "Test", cwd=tmp_path)
    run(sys.executable, "-m", "dvc", "init", "-q", cwd=tmp_path)
    return tmp_path


def test_hashes_are_those_of_dvc(repository: Path):
    (repository / "dvc.yaml").write_text(
        "stages:\n"
        "  make:\n"
        "    cmd: mkdir -p out/b && echo 1 > out/b/x && echo 2 > out/b-c && echo 3 > out/a"
        " && echo 4 > one\n"
        "    outs: [out, one]\n"
        "  use:\n    cmd: 'true'\n    deps: [out, one, code.py]\n"
        "  later:\n    cmd: 'true'\n    deps: [absent]\n",
        encoding="utf-8",
    )
    (repository / "code.py").write_text("pass\n", encoding="utf-8")
    run(sys.executable, "-m", "dvc", "repro", "make", cwd=repository)
    lock = yaml.safe_load((repository / "dvc.lock").read_text(encoding="utf-8"))
    made = {out["path"]: out["md5"] for out in lock["stages"]["make"]["outs"]}
    assert {path: dvc_hash(repository / path) for path in ("out", "one")} == made
    hashes = dependency_hashes(repository, "use")
    assert hashes == {**made, "code.py": dvc_hash(repository / "code.py")}
    assert dependency_hashes(repository, "later") == {}
    assert dependency_hashes(repository, "unknown") == {}


def test_git_state(repository: Path):
    (repository / "a").write_text("1", encoding="utf-8")
    run("git", "add", "a", cwd=repository)
    run("git", "commit", "-qm", "first", cwd=repository)
    clean = git_state(repository)
    assert len(clean["git.commit"]) == 40
    assert clean["git.dirty"] == "false"
    (repository / "a").write_text("2", encoding="utf-8")
    assert git_state(repository)["git.dirty"] == "true"


def test_without_git_there_is_no_state(tmp_path: Path):
    assert git_state(tmp_path) == {}
    assert dependency_hashes(tmp_path, "clean") == {}
