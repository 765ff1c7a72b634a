"""A folder in which stages run by the commands of dvc.yaml, under a profile's changed settings."""

from __future__ import annotations

import io
import shlex
import shutil
import sys
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.measure import Ran, run_measured
from llm.files import read_json, write_json, write_text
from llm.profiles import render_profile

ROOT = Path(__file__).resolve().parents[1]
Settings = dict[str, Any]
_GATE_FLAG = "--validated"  # of every stage that waits for a gate


def settings_of(profile: str, changes: Mapping[str, Any]) -> Settings:
    """Every setting of a profile, with `changes` merged in. Raises KeyError for a setting that
    the profile does not hold."""
    from ruamel.yaml import YAML

    text = render_profile(profile, profiles_dir=ROOT / "pipelines" / "profiles")
    settings: Settings = YAML(typ="safe", pure=True).load(text)
    _merge(settings, changes, "")
    return settings


def _merge(target: Settings, changes: Mapping[str, Any], place: str) -> None:
    for key, value in changes.items():
        if key not in target:
            raise KeyError(f"no setting {place}{key}")
        if isinstance(value, Mapping) and isinstance(target[key], dict):
            _merge(target[key], value, f"{place}{key}.")
        else:
            target[key] = value


class House:
    """A work folder with params.yaml and data/, as a checkout has them.

    Its raw corpus is brought by the stage download, from local folders. Stages run as processes of
    their own, by the very commands of dvc.yaml, and so with the flags that the pipeline gives them.
    Gates stand open: what they check is not measured here.
    """

    def __init__(
        self, folder: Path, *, profile: str = "tiny", changes: Mapping[str, Any] | None = None
    ) -> None:
        from ruamel.yaml import YAML

        self.folder = folder
        self.settings = settings_of(profile, changes or {})
        graph = (ROOT / "dvc.yaml").read_text(encoding="utf-8")
        self._stages = YAML(typ="safe", pure=True).load(graph)["stages"]
        shutil.rmtree(folder, ignore_errors=True)
        self._write_params()

    def fill(self, corpus: Path, *, vocabulary: Path | None = None) -> None:
        """Bring every file of local folders to data/raw."""
        sources = [_source("corpus", f"file:{corpus}")]
        if vocabulary:
            sources.append(_source("vocabulary", f"file:{vocabulary}"))
        self._download(sources)

    def fill_from_url(self, url: str) -> None:
        """Bring one source, with all that it says of itself, to data/raw/corpus."""
        self._download([_source("corpus", url)])

    def _download(self, sources: list[Settings]) -> None:
        self.settings["download"]["sources"] = sources
        self._write_params()
        self.run("download")

    def run(self, *stages: str) -> Ran:
        """Run stages one after the other; returns their seconds together, and the highest peak."""
        runs = [self._run(stage) for stage in stages]
        return Ran(sum(ran.seconds for ran in runs), max(ran.peak_bytes for ran in runs))

    def _run(self, stage: str) -> Ran:
        words = shlex.split(self._stages[stage]["cmd"])
        for flag, gate in pairwise(words):
            if flag == _GATE_FLAG and not (self.folder / gate).exists():
                write_json(self.folder / gate, {"success": True})
        return run_measured(
            [sys.executable if word == "python" else word for word in words],
            cwd=self.folder,
            log=self.folder / "logs" / f"{stage}.log",
            environment={"PYTHONPATH": str(ROOT), "LLM_TRACKING": "off", "PYTHONUNBUFFERED": "1"},
        )

    def clear(self) -> None:
        """Remove everything but the raw data, caches of work too: the next run is a first one."""
        for child in (self.folder / "data").iterdir():
            if child.name != "raw":
                shutil.rmtree(child)

    def data(self, path: str) -> Path:
        """The place of something below data/."""
        return self.folder / "data" / path

    def metrics(self, stage: str) -> Any:
        """What a stage measured."""
        return read_json(self.data(f"metrics/{stage}.json"), made_by=stage)

    def timings(self, stage: str) -> Any:
        """What a stage says about its time."""
        return read_json(self.data(f"timings/{stage}.json"), made_by=stage)

    def _write_params(self) -> None:
        from ruamel.yaml import YAML

        stream = io.StringIO()
        YAML(typ="safe", pure=True).dump(self.settings, stream)
        write_text(self.folder / "params.yaml", stream.getvalue())


def _source(holds: str, url: str) -> Settings:
    return {
        "name": holds,
        "holds": holds,
        "urls": [url],
        "sha256": None,
        "licence": "Public domain",
        "language": "en",
    }


def folder_bytes(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
