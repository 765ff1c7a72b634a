"""The surroundings of a pipeline run: where tools keep their state, which Python stages find."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from llm.errors import ConfigError
from llm.mlflow_tracking import tracking_uri
from llm.runtime import silence_telemetry


def checkout() -> Path:
    """The folder that holds dvc.yaml: the one we stand in. Raises ConfigError elsewhere."""
    root = Path.cwd()
    if not (root / "dvc.yaml").is_file():
        raise ConfigError(
            "There is no pipeline here.",
            where=root,
            expected="a folder with dvc.yaml",
            remedy="change to the checkout's top folder and start again",
        )
    return root


def prepare(root: Path) -> None:
    """Point every tool at this checkout, in this process and its children.

    Prefect keeps its database in data/prefect, MLflow in data/mlflow, unless the environment
    names another place. Call it before Prefect is imported: it reads the environment then.
    """
    silence_telemetry()
    root = root.resolve()
    home = Path(os.environ.setdefault("PREFECT_HOME", str(root / "data" / "prefect")))
    home.mkdir(parents=True, exist_ok=True)  # Prefect makes the last folder of the path only
    # Its first start makes the database: 11 seconds alone, more on a busy machine.
    os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")
    os.environ.setdefault("MLFLOW_TRACKING_URI", tracking_uri(root))
    # Stages are `python -m llm ...`: that python must be this one.
    places = [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
    os.environ["PATH"] = os.pathsep.join(places)
    os.environ["PYTHONPATH"] = os.pathsep.join(
        part for part in (str(root), os.environ.get("PYTHONPATH")) if part
    )
    os.environ.setdefault("PYTHONUNBUFFERED", "1")  # progress lines appear as they are printed


def whole_number(name: str, default: int) -> int:
    """A count of at least 1 from the environment. Raises ConfigError for anything else."""
    text = os.environ.get(name) or str(default)
    if not text.isdecimal() or int(text) < 1:
        raise ConfigError(
            "An environment variable is not a whole number of at least 1.",
            where=f"environment variable {name}",
            found=repr(text),
            remedy=f"unset {name} or give it a number",
        )
    return int(text)
