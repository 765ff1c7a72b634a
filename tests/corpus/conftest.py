"""The settings of cleaning, as in the profile tiny, for tests to change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llm.config import read_params
from llm.corpus.cleaning import Cleaner
from llm.stages.clean import Config

PARAMS = Path(__file__).resolve().parents[2] / "pipelines" / "profiles" / "tiny.yaml"


@pytest.fixture(scope="session")
def config() -> Config:
    """The section clean of the profile tiny, for texts of five words or more."""
    values = read_params(PARAMS)["clean"]
    values["filters"]["minimum_words"] = 5
    return Config.model_validate(values)


@pytest.fixture
def cleaner(config: Config) -> Cleaner:
    """A cleaner of the profile tiny, of texts of 5 to 1,000 words."""
    return Cleaner(
        extract=config.extract,
        personal_data=config.personal_data,
        filters=changed(config.filters, maximum_words=1000),
        reject_characters=config.reject_characters,
    )


def changed(section: Any, **values: Any) -> Any:
    """A section with other values, checked; a name with two underscores reaches further in."""
    data = section.model_dump()
    for name, value in values.items():
        place = data
        *path, last = name.split("__")
        for part in path:
            place = place[part]
        assert last in place, name
        place[last] = value
    return type(section).model_validate(data)
