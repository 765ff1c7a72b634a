"""Settings: every fault at once, suggestions, strict types, frozen objects."""

from pathlib import Path

import pytest
from pydantic import Field, ValidationError

from llm.config import Section, check_params, json_schema, read_params
from llm.errors import ConfigError


class Inner(Section):
    depth: int = Field(ge=1)


class Stage(Section):
    rate: float = Field(gt=0)
    name: str | None = None
    inner: Inner
    items: list[Inner] = []


SECTIONS = {"stage": Stage}
PATH = Path("params.yaml")


def faults_of(params: dict) -> str:
    with pytest.raises(ConfigError) as caught:
        check_params(params, SECTIONS, path=PATH)
    return str(caught.value)


def test_good_settings_become_frozen_objects():
    section = check_params({"stage": {"rate": 1e-3, "inner": {"depth": 2}}}, SECTIONS, path=PATH)
    stage = section["stage"]
    assert isinstance(stage, Stage)
    assert stage.inner.depth == 2
    with pytest.raises(ValidationError):
        # The type checker knows too that it is frozen; here it is tried.
        stage.rate = 2.0  # type: ignore[misc]


def test_all_faults_are_told_at_once():
    text = faults_of({"stage": {"rate": -1.0, "inner": {"depth": "2"}, "nmae": "x"}, "extra": {}})
    assert "4 settings are wrong" in text
    assert "stage.rate: found -1.0" in text
    assert "stage.inner.depth: found '2'" in text
    assert "stage.nmae: unknown setting; did you mean 'name'?" in text
    assert "extra: unknown section" in text


def test_unknown_setting_deep_inside_is_compared_with_its_neighbours():
    text = faults_of({"stage": {"rate": 1.0, "inner": {"depth": 1}, "items": [{"depht": 1}]}})
    assert "stage.items.0.depht: unknown setting; did you mean 'depth'?" in text


def test_missing_section_and_missing_setting():
    assert "stage: the section is missing" in faults_of({})
    assert "stage.rate: the setting is missing" in faults_of({"stage": {"inner": {"depth": 1}}})


@pytest.mark.parametrize("number", ["4e-4", "4.0e-4", ".0004"])
def test_numbers_are_yaml_1_2(tmp_path: Path, number: str):
    path = tmp_path / "params.yaml"
    path.write_text(f"stage:\n  rate: {number}\n", encoding="utf-8")
    assert read_params(path)["stage"]["rate"] == 4e-4


@pytest.mark.parametrize("text", ["a: [1", "- 1\n- 2\n", "a: 1\na: 2\n"])
def test_files_that_are_no_settings(tmp_path: Path, text: str):
    path = tmp_path / "params.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_params(path)
    assert str(path) in str(caught.value)


def test_missing_file_names_the_remedy(tmp_path: Path):
    with pytest.raises(ConfigError, match="python -m llm profile tiny"):
        read_params(tmp_path / "params.yaml")


def test_schema_describes_every_section():
    schema = json_schema(SECTIONS)
    assert schema["required"] == ["stage"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["stage"]["properties"]["rate"]["exclusiveMinimum"] == 0
    assert "Inner" in schema["$defs"]
