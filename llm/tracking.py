"""Who listens to a stage: a small Tracker protocol, and the null and memory trackers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol


class Tracker(Protocol):
    """Receives what a stage has to tell. A tracker decides nothing and never stops a stage."""

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Settings, nested or flat."""

    def log_metrics(self, metrics: Mapping[str, float], *, step: int | None = None) -> None:
        """Numbers that settings and inputs determine; `step` counts optimizer steps."""

    def log_timings(self, timings: Mapping[str, float]) -> None:
        """Numbers of the machine: seconds, tokens per second, bytes. Never part of a DVC out."""

    def log_text(self, text: str, name: str) -> None:
        """A text artefact under a file name, as samples/step-0100.txt."""

    def log_artifact(self, path: Path) -> None:
        """A file or folder to keep beside the run, as a report."""

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Lineage: commit, dependency hashes."""

    def register_model(self, name: str, path: Path) -> None:
        """A new version of a registered model whose weights stand at `path`, kept by DVC."""


class NullTracker:
    """Listens to nothing."""

    def log_params(self, params: Mapping[str, Any]) -> None: ...
    def log_metrics(self, metrics: Mapping[str, float], *, step: int | None = None) -> None: ...
    def log_timings(self, timings: Mapping[str, float]) -> None: ...
    def log_text(self, text: str, name: str) -> None: ...
    def log_artifact(self, path: Path) -> None: ...
    def set_tags(self, tags: Mapping[str, str]) -> None: ...
    def register_model(self, name: str, path: Path) -> None: ...


class MemoryTracker:
    """Remembers everything, for tests."""

    def __init__(self) -> None:
        self.params: dict[str, Any] = {}
        self.metrics: list[tuple[int | None, dict[str, float]]] = []
        self.timings: dict[str, float] = {}
        self.texts: dict[str, str] = {}
        self.artifacts: list[Path] = []
        self.tags: dict[str, str] = {}
        self.models: dict[str, Path] = {}

    def log_params(self, params: Mapping[str, Any]) -> None:
        self.params.update(params)

    def log_metrics(self, metrics: Mapping[str, float], *, step: int | None = None) -> None:
        self.metrics.append((step, dict(metrics)))

    def log_timings(self, timings: Mapping[str, float]) -> None:
        self.timings.update(timings)

    def log_text(self, text: str, name: str) -> None:
        self.texts[name] = text

    def log_artifact(self, path: Path) -> None:
        self.artifacts.append(path)

    def set_tags(self, tags: Mapping[str, str]) -> None:
        self.tags.update(tags)

    def register_model(self, name: str, path: Path) -> None:
        self.models[name] = path
