"""Errors that a person can fix: what, where, found, expected, remedy, and an exit code each."""

from __future__ import annotations


class PipelineError(Exception):
    """A fault with a remedy. Printed without a traceback; the process ends with `exit_code`.

    what: one sentence, the fault itself. where: file, line, column or key. found, expected: the
    offending value and what belongs there. remedy: what to do next, as an instruction.
    """

    exit_code = 1

    def __init__(
        self,
        what: str,
        *,
        where: object = None,
        found: object = None,
        expected: object = None,
        remedy: object = None,
    ) -> None:
        self.what = what
        self.details = {"where": where, "found": found, "expected": expected, "remedy": remedy}
        super().__init__(str(self))

    def __str__(self) -> str:
        lines = [self.what]
        for label, value in self.details.items():
            if value is not None:
                lines.append(f"  {label + ':':<10}{value}")
        return "\n".join(lines)


class ConfigError(PipelineError):
    """Settings are wrong: edit a file, then start again."""

    exit_code = 2


class InputError(PipelineError):
    """Data is missing or bad: run the earlier stage, or mend the data."""

    exit_code = 3


class ServiceError(PipelineError):
    """Something outside did not answer: try later, or point elsewhere."""

    exit_code = 4
