"""Every tool keeps its state in the checkout, and stages find this Python."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from llm.errors import ConfigError
from pipelines.environment import checkout, prepare, whole_number


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PATH", "PYTHONPATH", "PYTHONUNBUFFERED"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
    for name in ("PREFECT_HOME", "MLFLOW_TRACKING_URI"):
        monkeypatch.setenv(name, "")  # put back afterwards, whatever prepare sets
        monkeypatch.delenv(name)


def test_state_stays_in_the_checkout(tmp_path: Path):
    prepare(tmp_path)
    assert os.environ["PREFECT_HOME"] == str(tmp_path / "data" / "prefect")
    assert str(tmp_path / "data" / "mlflow") in os.environ["MLFLOW_TRACKING_URI"]
    assert shutil.which("python") == str(Path(sys.executable).parent / "python")


def test_a_named_place_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://server")
    prepare(tmp_path)
    assert os.environ["PREFECT_HOME"] == str(tmp_path / "elsewhere")
    assert os.environ["MLFLOW_TRACKING_URI"] == "http://server"


def test_elsewhere_there_is_no_pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="no pipeline here"):
        checkout()


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5"])
def test_wrong_counts(monkeypatch: pytest.MonkeyPatch, text: str):
    monkeypatch.setenv("LLM_WORKERS", text)
    with pytest.raises(ConfigError, match="LLM_WORKERS"):
        whole_number("LLM_WORKERS", 2)
