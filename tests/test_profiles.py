"""Profiles: every one is valid; switching merges, keeps comments, and spares edited settings."""

from pathlib import Path

import pytest

from llm.__main__ import main, sections
from llm.config import Section, check_params, read_params
from llm.errors import ConfigError
from llm.profiles import names, render_profile, switch_profile


class Stage(Section):
    rate: float
    items: list[int] = []


SECTIONS = {"one": Stage, "two": Stage}


@pytest.fixture
def profiles(tmp_path: Path) -> Path:
    folder = tmp_path / "profiles"
    folder.mkdir()
    (folder / "tiny.yaml").write_text(
        "# All settings.\none:\n  rate: 1.0e-3  # per step\n  items: [1, 2]\ntwo:\n  rate: 2.0\n",
        encoding="utf-8",
    )
    (folder / "large.yaml").write_text("one:\n  items: [3]\n", encoding="utf-8")
    return folder


def switch(name: str, profiles: Path, *, force: bool = False) -> Path:
    path = profiles.parent / "params.yaml"
    switch_profile(name, params_path=path, profiles_dir=profiles, sections=SECTIONS, force=force)
    return path


def test_the_base_is_written_as_it_stands(profiles: Path):
    path = switch("tiny", profiles)
    assert path.read_bytes() == (profiles / "tiny.yaml").read_bytes()


def test_an_overlay_replaces_lists_and_keeps_the_rest(profiles: Path):
    path = switch("large", profiles)
    assert read_params(path) == {"one": {"rate": 1e-3, "items": [3]}, "two": {"rate": 2.0}}
    assert "# per step" in path.read_text(encoding="utf-8")
    switch("tiny", profiles)  # what a profile wrote may be replaced by another


def test_edited_settings_are_spared(profiles: Path):
    path = switch("tiny", profiles)
    path.write_text(path.read_text(encoding="utf-8").replace("2.0", "3.0"), encoding="utf-8")
    with pytest.raises(ConfigError, match="--force"):
        switch("large", profiles)
    assert "3.0" in path.read_text(encoding="utf-8")
    switch("large", profiles, force=True)
    assert read_params(path)["two"]["rate"] == 2.0


def test_unknown_profile_and_wrong_overlay(profiles: Path):
    with pytest.raises(ConfigError, match="did you mean 'large'"):
        switch("larg", profiles)
    (profiles / "bad.yaml").write_text("two:\n  rat: 1.0\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"two\.rat: unknown setting"):
        switch("bad", profiles)
    assert not (profiles.parent / "params.yaml").exists()


def test_every_profile_of_the_house_is_valid(root: Path):
    folder = root / "pipelines" / "profiles"
    for name in names(folder):
        path = folder / f"{name}.yaml"
        from ruamel.yaml import YAML

        params = YAML(typ="safe", pure=True).load(render_profile(name, profiles_dir=folder))
        check_params(params, sections(), path=path)


def test_the_committed_settings_are_those_of_tiny(root: Path):
    tiny = root / "pipelines" / "profiles" / "tiny.yaml"
    assert (root / "params.yaml").read_bytes() == tiny.read_bytes()


def test_the_command(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    params = tmp_path / "params.yaml"
    folder = str(root / "pipelines" / "profiles")
    arguments = ["profile", "smoke", "--params", str(params), "--profiles", folder]
    assert main(arguments) == 0
    assert main(["check", "--params", str(params)]) == 0
    assert main(["profile", "nope", "--params", str(params), "--profiles", folder]) == 2
    assert "There is no profile 'nope'" in capsys.readouterr().err
