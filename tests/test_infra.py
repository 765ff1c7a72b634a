"""Team services: MLflow's server on a real PostgreSQL hears a stage, models included."""

import os
import pwd
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from llm.config import Section
from llm.mlflow_tracking import open_tracker
from pipelines.processes import child
from pipelines.servers import HOST, free_port


@pytest.fixture
def database(postgresql: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an empty database on a PostgreSQL of our own."""
    place = tmp_path_factory.mktemp("postgres")
    user: int | None = None
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        account = pwd.getpwnam("postgres")
        user = account.pw_uid
        for folder in (place, place.parent, place.parent.parent):
            folder.chmod(0o755)
        os.chown(place, account.pw_uid, account.pw_gid)
    data, port = place / "data", free_port()
    init = [
        str(postgresql / "initdb"),
        "-D",
        str(data),
        "-U",
        "mlflow",
        "--auth=trust",
        "-E",
        "UTF8",
    ]
    subprocess.run(init, check=True, capture_output=True, user=user, cwd=place, timeout=120)
    options = ["-h", HOST, "-p", str(port), "-k", str(place), "-c", "fsync=off"]
    server = subprocess.Popen(
        [str(postgresql / "postgres"), "-D", str(data), *options],
        user=user,
        cwd=place,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        import psycopg2

        address = f"postgresql+psycopg2://mlflow@{HOST}:{port}/postgres"
        deadline = time.monotonic() + 60
        while True:
            try:
                psycopg2.connect(host=HOST, port=port, user="mlflow", dbname="postgres").close()
                break
            except psycopg2.OperationalError:
                assert time.monotonic() < deadline, "PostgreSQL did not start"
                time.sleep(0.2)
        yield address
    finally:
        server.terminate()
        server.wait(30)


@pytest.mark.slow
def test_mlflow_on_postgresql_hears_a_stage(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    port = free_port()
    address = f"http://{HOST}:{port}"
    command = ["-m", "mlflow", "server", "--host", HOST, "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", database, "--artifacts-destination", str(tmp_path / "kept")]
    log = tmp_path / "server.log"
    with (
        log.open("w", encoding="utf-8") as stream,
        child([sys.executable, *command], cwd=tmp_path, output=stream) as server,
    ):
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            assert server.poll() is None, log.read_text(encoding="utf-8")
            try:
                if httpx.get(f"{address}/health", timeout=5).is_success:
                    break
            except httpx.HTTPError:
                time.sleep(0.3)
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("LLM_TRACKING", "on")
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        monkeypatch.setenv("LLM_PIPELINE_RUN", "run-1")
        weights = tmp_path / "weights"
        weights.mkdir()
        (weights / "model.safetensors").write_bytes(b"weights")
        with open_tracker(stage="pretrain", config=Section()) as tracker:
            tracker.log_metrics({"loss": 2.0}, step=1)
            tracker.log_text("Once", "samples/1.txt")
            tracker.register_model("gpt", weights)
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=address)
        experiment = client.get_experiment_by_name("llm")
        assert experiment is not None
        runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
        assert runs["pretrain"].data.metrics["loss"] == 2.0
        assert runs["pretrain"].info.status == runs["run-1"].info.status == "FINISHED"
        (version,) = client.search_model_versions("name = 'gpt'")
        assert version.tags["path"] == "weights"
        names = {file.path for file in client.list_artifacts(runs["pretrain"].info.run_id)}
        assert names == {"samples"}
