"""The graph: order, upstream stages, and what is wrong with a dvc.yaml."""

from pathlib import Path

import pytest

from llm.errors import ConfigError
from pipelines.graph import read_graph


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "dvc.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_stages_come_after_those_they_read_from(tmp_path: Path):
    path = write(
        tmp_path,
        "stages:\n"
        "  last: {cmd: x, deps: [a/part, m.json, code.py]}\n"
        "  first: {cmd: x, outs: [a], metrics: [{m.json: {cache: false}}]}\n"
        "  alone: {cmd: python -m llm alone --out data/x, params: [alone], outs: [b]}\n",
    )
    graph = read_graph(path)
    names = list(graph)
    assert names.index("first") < names.index("last")
    assert graph["last"].upstream == ("first",)
    assert graph["first"].outputs == ("a", "m.json")
    assert graph["alone"].upstream == ()
    assert graph["alone"].command == ("python", "-m", "llm", "alone", "--out", "data/x")


def test_a_folder_name_is_no_prefix_of_another(tmp_path: Path):
    path = write(
        tmp_path, "stages:\n  one: {cmd: x, outs: [data/a]}\n  two: {cmd: x, deps: [data/ab]}\n"
    )
    assert read_graph(path)["two"].upstream == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "stages:\n  a: {cmd: x, deps: [q], outs: [p]}\n  b: {cmd: x, deps: [p], outs: [q]}\n",
            "wait for each other",
        ),
        ("stages: {}\n", "holds no stages"),
        ("stages: [", "not valid YAML"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, text: str, message: str):
    with pytest.raises(ConfigError, match=message):
        read_graph(write(tmp_path, text))


def test_missing_file(tmp_path: Path):
    with pytest.raises(ConfigError, match="no pipeline here"):
        read_graph(tmp_path / "dvc.yaml")
