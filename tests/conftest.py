"""What every test stands on: no telemetry, no tracking of its own accord, real components."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from llm.runtime import silence_telemetry

if TYPE_CHECKING:
    from llm.model.gpt import GPTModel
    from llm.runtime import Runtime
    from llm.tokens.tokenizer import Tokenizer

silence_telemetry()
# Where the tests run in a shell's background, interrupts are ignored, by their children too: those
# that are to be interrupted would not hear it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# A test that wants MLflow opens its own; the others run stages without it.
os.environ["LLM_TRACKING"] = "off"
for name in ("MLFLOW_TRACKING_URI", "PREFECT_API_URL", "PREFECT_HOME", "LLM_PIPELINE_RUN"):
    os.environ.pop(name, None)
# Clusters of the tests ask for no token, whatever ~/.ray holds: Ray reads the mode when it is
# imported, and a cluster started in another mode does not answer.
os.environ["RAY_AUTH_MODE"] = "disabled"

ROOT = Path(__file__).resolve().parents[1]


def need(present: bool, what: str) -> None:
    """Skip the test where a real component is missing; with CI=true, fail instead."""
    if present:
        return
    if os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(f"missing in CI: {what}")
    pytest.skip(f"missing here: {what}")


def need_library(name: str) -> None:
    """Skip the test where a project that the benchmarks measure against is not installed."""
    need(importlib.util.find_spec(name) is not None, f"{name} (LLM_EXTRAS=bench make setup)")


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout's top folder."""
    return ROOT


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The folder of real data, laid out as <host>/<path>; named by LLM_MIRROR."""
    place = Path(os.environ.get("LLM_MIRROR", ""))
    need(bool(os.environ.get("LLM_MIRROR")) and place.is_dir(), "real data (LLM_MIRROR)")
    return place.resolve()


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium that renders pages without a screen."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    need(found is not None, "Chromium")
    return str(found)


@pytest.fixture(scope="session")
def postgresql() -> Path:
    """The folder that holds initdb and postgres."""
    candidates = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    if on_path:
        candidates.append(Path(on_path))
    need(bool(candidates), "PostgreSQL (initdb)")
    return candidates[-1].parent if candidates else Path()


@pytest.fixture
def compiler() -> None:
    """A C++ compiler, which torch.compile needs on a CPU."""
    from llm.runtime import has_compiler

    need(has_compiler(), "a C++ compiler")


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    """A tokenizer of a few words, in no time."""
    from llm.tokens.tokenizer import train

    text = "the cat sat on the mat and the dog ran to the red house with a big ball " * 20
    return train([text], vocab_size=290)


@pytest.fixture
def model(tokenizer: Tokenizer) -> GPTModel:
    """A GPT of two small blocks for that tokenizer."""
    import torch

    from llm.model.config import GPTConfig
    from llm.model.gpt import GPTModel

    torch.manual_seed(1)
    config = GPTConfig(
        vocab_size=tokenizer.vocab_size,
        context_length=128,
        emb_dim=32,
        n_heads=2,
        n_layers=2,
        drop_rate=0.0,
        qkv_bias=True,
        tie_embeddings=True,
    )
    return GPTModel(config).eval()


@pytest.fixture
def runtime() -> Runtime:
    """The CPU, one thread, float32, uncompiled."""
    import torch

    from llm.runtime import Runtime

    return Runtime(device=torch.device("cpu"), autocast=False, threads=1, compile=False)
