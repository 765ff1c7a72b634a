"""The command line: faults of the machine that a person can mend, told as such."""

import errno

import pytest

from llm import __main__
from llm.__main__ import main


def failing(number: int, name: str | None = None):
    def fail(*arguments: object) -> None:
        raise OSError(number, "what the system says", name)

    return fail


def test_a_full_disk_is_told_with_its_remedy(monkeypatch, capsys):
    monkeypatch.setattr(__main__, "read_params", failing(errno.ENOSPC, "data/x.parquet"))
    assert main(["check"]) == 4
    told = capsys.readouterr().err
    assert told.startswith("\nServiceError: The disk is full.\n")
    assert "data/x.parquet" in told
    assert "remedy:   make room" in told


def test_other_faults_of_the_system_keep_their_traceback(monkeypatch):
    monkeypatch.setattr(__main__, "read_params", failing(errno.EACCES))
    with pytest.raises(PermissionError):
        main(["check"])
