"""Errors say what, where, found, expected and remedy, and carry their exit code."""

import pytest

from llm.errors import ConfigError, InputError, PipelineError, ServiceError


def test_every_detail_stands_on_its_own_line():
    error = InputError("Broken.", where="a.json", found=3, expected="4", remedy="mend it")
    assert str(error).splitlines() == [
        "Broken.",
        "  where:    a.json",
        "  found:    3",
        "  expected: 4",
        "  remedy:   mend it",
    ]


def test_absent_details_leave_no_line():
    assert str(ConfigError("Wrong.")) == "Wrong."


@pytest.mark.parametrize(("kind", "code"), [(ConfigError, 2), (InputError, 3), (ServiceError, 4)])
def test_exit_codes(kind: type[PipelineError], code: int):
    assert kind("x").exit_code == code
    assert issubclass(kind, PipelineError)
