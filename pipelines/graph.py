"""The graph of dvc.yaml: stages, what each reads and writes, and an order to run them in."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from llm.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One entry of dvc.yaml. upstream: the stages whose outs it reads, sorted."""

    name: str
    command: tuple[str, ...]
    dependencies: tuple[str, ...]
    parameters: tuple[str, ...]
    outputs: tuple[str, ...]
    upstream: tuple[str, ...] = ()


def read_graph(path: Path) -> dict[str, Stage]:
    """Every stage of a dvc.yaml, each after those it reads from, else in the file's order.

    Raises ConfigError where the file is missing or broken, or stages wait for each other.
    """
    entries = _read_stages(path)
    stages = {name: _stage(name, entry) for name, entry in entries.items()}
    upstream = {
        name: tuple(
            other.name
            for other in stages.values()
            if other.name != name and any(_reads(stage, out) for out in other.outputs)
        )
        for name, stage in stages.items()
    }
    try:
        order = list(TopologicalSorter(upstream).static_order())
    except CycleError as error:
        raise ConfigError(
            "Stages wait for each other.",
            where=path,
            found=" -> ".join(error.args[1]),
            expected="a graph without circles",
            remedy="mend deps and outs of these stages",
        ) from error
    return {
        name: Stage(
            name=name,
            command=stages[name].command,
            dependencies=stages[name].dependencies,
            parameters=stages[name].parameters,
            outputs=stages[name].outputs,
            upstream=tuple(sorted(upstream[name])),
        )
        for name in order
    }


def _read_stages(path: Path) -> dict[str, dict[str, Any]]:
    import yaml

    if not path.is_file():
        raise ConfigError(
            "There is no pipeline here.", where=path, expected="a dvc.yaml with stages"
        )
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ConfigError(
            "The pipeline's file is not valid YAML.", where=path, found=str(error)
        ) from error
    stages = content.get("stages") if isinstance(content, dict) else None
    if not isinstance(stages, dict) or not stages:
        raise ConfigError("The pipeline's file holds no stages.", where=path)
    return stages


def _stage(name: str, entry: dict[str, Any]) -> Stage:
    outputs = [_path(out) for kind in ("outs", "metrics", "plots") for out in entry.get(kind) or []]
    return Stage(
        name=name,
        command=tuple(shlex.split(entry["cmd"])),
        dependencies=tuple(entry.get("deps") or []),
        parameters=tuple(entry.get("params") or []),
        outputs=tuple(outputs),
    )


def _path(item: Any) -> str:
    """An out is a path, or a mapping of one path to its options."""
    return item if isinstance(item, str) else str(next(iter(item)))


def _reads(stage: Stage, output: str) -> bool:
    return any(
        dependency == output
        or dependency.startswith(output + "/")
        or output.startswith(dependency + "/")
        for dependency in stage.dependencies
    )
