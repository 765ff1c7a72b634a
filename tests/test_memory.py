"""The amount of memory from the environment."""

import pytest

from llm.errors import ConfigError
from llm.memory import DEFAULT_BYTES, memory_bytes


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("", DEFAULT_BYTES),
        ("1GiB", 2**30),
        ("512mib", 2**29),
        (" 1.5 GB ", 3 * 2**29),
        ("64M", 2**26),
        ("33554432", 2**25),
        ("2TiB", 2**41),
    ],
)
def test_amounts(monkeypatch, text, size):
    monkeypatch.setenv("LLM_MEMORY", text)
    assert memory_bytes() == size


def test_unset(monkeypatch):
    monkeypatch.delenv("LLM_MEMORY", raising=False)
    assert memory_bytes() == DEFAULT_BYTES


@pytest.mark.parametrize("text", ["much", "-1GiB", "1 GiB more", "15MiB", "GiB", "1XB", "0", "nan"])
def test_nonsense_names_the_variable(monkeypatch, text):
    monkeypatch.setenv("LLM_MEMORY", text)
    with pytest.raises(ConfigError, match="LLM_MEMORY"):
        memory_bytes()
