"""dvc.yaml, params.yaml, the table of stages and the flow say the same; deps are the imports."""

import inspect
import json
import subprocess
from pathlib import Path

import pytest

from llm.__main__ import STAGES, _path_parameters, sections, stage_module
from llm.config import json_schema, read_params
from pipelines.graph import Stage, read_graph
from pipelines.wiring import EXEMPT, code_dependencies, rewrite

# Handled by the command line itself, not by a stage's `run`.
OWN_FLAGS = {"--params", "--metrics", "--timings"}
# Written and read besides DVC: never the same twice, or not finished.
UNKEPT = ("data/timings", "data/checkpoints/", "data/data_docs/", "data/partial", "data/cache/")


@pytest.fixture(scope="module")
def graph(root: Path) -> dict[str, Stage]:
    return read_graph(root / "dvc.yaml")


def test_all_name_the_same_stages(root: Path, graph: dict[str, Stage]):
    assert set(graph) == set(STAGES)
    assert list(read_params(root / "params.yaml")) == list(STAGES)
    assert list(sections()) == list(STAGES)


def test_the_table_of_stages_is_in_the_order_of_the_data(graph: dict[str, Stage]):
    for stage in graph.values():
        for upstream in stage.upstream:
            assert STAGES.index(upstream) < STAGES.index(stage.name), (upstream, stage.name)


@pytest.mark.parametrize("name", STAGES)
def test_code_dependencies_are_the_imports(name: str, root: Path, graph: dict[str, Stage]):
    """Mend a difference with: make wiring."""
    wired = sorted(path for path in graph[name].dependencies if path.startswith("llm/"))
    assert wired == code_dependencies(name, root)


@pytest.mark.parametrize("name", STAGES)
def test_commands_pass_what_run_takes(name: str, graph: dict[str, Stage]):
    stage = graph[name]
    assert stage.command[:4] == ("python", "-m", "llm", name)
    given = stage.command[4::2]
    assert len(set(given)) == len(given)
    parameters = _path_parameters(stage_module(name).run)
    known = {"--" + parameter.replace("_", "-") for parameter in parameters}
    assert set(given) - OWN_FLAGS <= known
    required = {
        "--" + parameter.replace("_", "-")
        for parameter, kind in parameters.items()
        if kind.default is inspect.Parameter.empty
    }
    assert required <= set(given)


@pytest.mark.parametrize("name", STAGES)
def test_every_path_of_a_command_is_wired(name: str, graph: dict[str, Stage]):
    """What a command names is read (deps) or written (outs), or is state that DVC leaves alone."""
    stage = graph[name]
    known = (*stage.dependencies, *stage.outputs)
    for path in stage.command[5::2]:
        if path == "dvc.lock" or path.startswith(UNKEPT):
            assert path not in known
        else:
            assert any(path == k or k.startswith(path + "/") for k in known), path


@pytest.mark.parametrize("name", STAGES)
def test_settings_are_listed_by_section(name: str, graph: dict[str, Stage]):
    # The report prints every setting, so every one concerns it.
    expected = STAGES if name == "report" else (name,)
    assert graph[name].parameters == expected


def test_one_writer_for_every_path(graph: dict[str, Stage]):
    written = [output for stage in graph.values() for output in stage.outputs]
    assert len(written) == len(set(written))
    for one in written:
        assert not any(other.startswith(one + "/") for other in written)


def test_git_ignores_every_output(root: Path, graph: dict[str, Stage]):
    outputs = [output for stage in graph.values() for output in stage.outputs]
    state = ["data/mlflow/mlflow.db", "data/prefect/prefect.db", "data/checkpoints/x"]
    ended = subprocess.run(
        ["git", "check-ignore", "--no-index", *outputs, *state],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout.split() == outputs + state


def test_exempt_files_exist_and_have_reasons(root: Path):
    for path, reason in EXEMPT.items():
        assert (root / path).is_file(), path
        assert reason


def test_imports_are_followed_into_functions_and_folders(tmp_path: Path):
    for name, text in {
        "llm/__init__.py": '"""x"""\n',
        "llm/errors.py": "",
        "llm/files.py": "from llm.errors import E\n",
        "llm/room/__init__.py": '"""Bare."""\n',
        "llm/room/deep.py": "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from llm.room.types import T\n"
        "PAGE = 'page.html'\ndef f():\n    import llm.files\n",
        "llm/room/types.py": "",
        "llm/room/page.html": "<p>",
        "llm/full/__init__.py": "X = 1\n",
        "llm/full/a.py": "",
        "llm/stages/__init__.py": "",
        "llm/stages/clean.py": "def run():\n    from llm.room import deep\n"
        "    from llm.full.a import x\n",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    expected = [
        "llm/files.py",
        "llm/full/__init__.py",
        "llm/full/a.py",
        "llm/room/deep.py",
        "llm/room/page.html",
        "llm/stages/clean.py",
    ]
    assert code_dependencies("clean", tmp_path) == expected
    dvc = tmp_path / "dvc.yaml"
    dvc.write_text("# Kept.\nstages:\n  clean:\n    cmd: x\n    deps: [data/raw]\n", "utf-8")
    assert rewrite(tmp_path) == ["clean"]
    assert list(read_graph(dvc)["clean"].dependencies) == ["data/raw", *expected]
    assert "# Kept." in dvc.read_text(encoding="utf-8")
    assert rewrite(tmp_path) == []


def test_the_schema_for_editors_is_up_to_date(root: Path) -> None:
    """Else: python -m llm schema."""
    written = json.loads((root / "params.schema.json").read_text(encoding="utf-8"))
    assert written == json_schema(sections())
