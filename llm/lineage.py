"""Where a stage's inputs come from: git commit, and DVC's hash of every dependency."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any


def git_state(root: Path) -> dict[str, str]:
    """The commit that is checked out and whether tracked files differ from it; {} without git."""

    def ask(*arguments: str) -> str:
        answer = subprocess.run(
            ["git", *arguments], cwd=root, capture_output=True, text=True, timeout=30, check=True
        )
        return answer.stdout.strip()

    try:
        commit = ask("rev-parse", "HEAD")
        # dvc.lock changes while a pipeline runs: that is no edit.
        edited = ask("status", "--porcelain", "--untracked-files=no", "--", ".", ":!dvc.lock")
    except (OSError, subprocess.SubprocessError):
        return {}
    return {"git.commit": commit, "git.dirty": "true" if edited else "false"}


def dependency_hashes(root: Path, stage: str) -> dict[str, str]:
    """MD5 of each dependency of a stage, by path, as DVC counts it.

    Data takes the hash that dvc.lock records for the stage that made it: the lock entry of the
    stage itself is only written after it ends. Other files are hashed here. A dependency that
    no stage has made yet is left out; without a dvc.yaml the answer is {}.
    """
    stages = _read_yaml(root / "dvc.yaml").get("stages", {})
    made = {
        out["path"]: str(out["md5"])
        for entry in _read_yaml(root / "dvc.lock").get("stages", {}).values()
        for out in entry.get("outs", [])
        if "md5" in out
    }
    hashes: dict[str, str] = {}
    for dependency in stages.get(stage, {}).get("deps", []):
        if dependency in made:
            hashes[dependency] = made[dependency]
        elif (root / dependency).exists():
            hashes[dependency] = dvc_hash(root / dependency)
    return hashes


def dvc_hash(path: Path) -> str:
    """The MD5 under which DVC keeps a file, or a folder (its listing as JSON, suffix .dir)."""
    if path.is_file():
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "md5").hexdigest()
    names = sorted(
        child.relative_to(path).as_posix() for child in path.rglob("*") if child.is_file()
    )
    listing = [{"md5": dvc_hash(path / name), "relpath": name} for name in names]
    content = json.dumps(listing, sort_keys=True).encode("utf-8")
    return hashlib.md5(content, usedforsecurity=False).hexdigest() + ".dir"


def _read_yaml(path: Path) -> dict[str, Any]:
    import yaml

    if not path.is_file():
        return {}
    # libyaml where it is built in: ten times faster than pure Python
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    content = yaml.load(path.read_bytes(), Loader=loader)
    return content if isinstance(content, dict) else {}
