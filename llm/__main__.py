"""The command line: the table of stages, their flags, and errors turned into exit codes."""

from __future__ import annotations

import argparse
import errno
import importlib
import inspect
import os
import resource
import sys
import time
import typing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from llm.commands import classify, explain, plan
from llm.commands import generate as talk
from llm.commands import inspect as look
from llm.config import Section, check_params, json_schema, read_params
from llm.errors import PipelineError, ServiceError
from llm.files import write_json
from llm.launch import launch, report, wanted_processes
from llm.runtime import end_with_parent, is_worker, place, silence_telemetry
from llm.tracking import Tracker

# In the order of the data's flow. Each is the module llm.stages.NAME with a settings class
# `Config` and a function `run`, and the section NAME of params.yaml.
STAGES = (
    "download",
    "validate_raw",
    "clean",
    "dedupe",
    "validate_documents",
    "prepare_classification",
    "validate_messages",
    "prepare_instructions",
    "validate_instructions",
    "decontaminate",
    "split",
    "validate_splits",
    "train_tokenizer",
    "tokenize",
    "validate_tokens",
    "validate_drift",
    "pretrain",
    "import_gpt2",
    "finetune_classifier",
    "finetune_instructions",
    "finetune_judge",
    "answer",
    "judge",
    "report",
)


def stage_module(name: str) -> Any:
    """The module of a stage."""
    return importlib.import_module(f"llm.stages.{name}")


def sections() -> dict[str, type[Section]]:
    """The settings class of every stage, by section name."""
    return {name: stage_module(name).Config for name in STAGES}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    silence_telemetry()
    if "DVC_STAGE" in os.environ or is_worker():  # DVC or torchrun started this process
        end_with_parent()
    if place().rank:  # of several processes the first one speaks
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        os.environ["TQDM_DISABLE"] = "1"  # its bars would stand on the error stream
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        options = _parser().parse_args(words)
        if _in_several_processes(options):
            return launch(words)
        options.command(options)
    except PipelineError as error:
        return _tell(error)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        return _tell(_disk_is_full(error))
    except KeyboardInterrupt:
        if is_worker():
            return 130
        print("\nInterrupted. Start the same command again to go on.", file=sys.stderr)
        return 130
    return 0


def _tell(error: PipelineError) -> int:
    """Print an error, once for all processes; its exit code."""
    if is_worker():
        report(error)
    else:
        print(f"\n{type(error).__name__}: {error}", file=sys.stderr)
    return error.exit_code


def _disk_is_full(error: OSError) -> PipelineError:
    return ServiceError(
        "The disk is full.",
        where=error.filename or Path.cwd(),
        found=str(error),
        expected="room for what the stage writes",
        remedy="make room, then start the same command again: finished units of work are "
        "remembered. What was remembered lies in data/cache, which may be removed",
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m llm", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    check = commands.add_parser("check", help="check every setting of params.yaml")
    check.add_argument("--params", type=Path, default=Path("params.yaml"))
    check.set_defaults(command=_check)

    schema = commands.add_parser("schema", help="write the JSON schema of params.yaml")
    schema.add_argument("--output", type=Path, default=Path("params.schema.json"))
    schema.set_defaults(command=_schema)

    profile = commands.add_parser("profile", help="write params.yaml from a profile")
    profile.add_argument("name")
    profile.add_argument("--force", action="store_true", help="overwrite edited settings")
    profile.add_argument("--params", type=Path, default=Path("params.yaml"))
    profile.add_argument("--profiles", type=Path, default=Path("pipelines/profiles"))
    profile.set_defaults(command=_profile)

    accept = commands.add_parser("accept", help="take the data's statistics as those to expect")
    accept.add_argument("--params", type=Path, default=Path("params.yaml"))
    accept.add_argument("--gates", type=Path, default=Path("data/validation"))
    accept.add_argument("--accepted", type=Path, default=Path("accepted_statistics.json"))
    accept.set_defaults(command=_accept)

    for command in (plan, look, talk, classify, explain):
        command.add(commands)

    for name in STAGES:
        module = stage_module(name)
        stage = commands.add_parser(name, help=module.__doc__.splitlines()[0])
        stage.add_argument("--params", type=Path, default=Path("params.yaml"))
        stage.add_argument("--metrics", type=Path, help="where the metrics go, as JSON")
        stage.add_argument("--timings", type=Path, help="where seconds and bytes go, as JSON")
        for flag, parameter in _path_parameters(module.run).items():
            required = parameter.default is inspect.Parameter.empty
            stage.add_argument(
                f"--{flag.replace('_', '-')}", dest=flag, type=Path, required=required, default=None
            )
        stage.set_defaults(command=_run_stage, stage=name)
    return parser


def _in_several_processes(options: argparse.Namespace) -> bool:
    """Whether this is a training that the environment wants in several processes, not yet begun."""
    if "stage" not in options or is_worker() or wanted_processes() == 1:
        return False
    training = getattr(_settings(options), "training", None)
    return training is not None and training.parallel != "none"


def _settings(options: argparse.Namespace) -> Any:
    """The checked settings of the stage that the command line names."""
    return check_params(read_params(options.params), sections(), path=options.params)[options.stage]


def _path_parameters(run: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    hints = typing.get_type_hints(run)
    parameters = inspect.signature(run).parameters
    return {
        name: parameter
        for name, parameter in parameters.items()
        if hints[name] in (Path, Path | None)
    }


def _run_stage(options: argparse.Namespace) -> None:
    from llm.mlflow_tracking import open_tracker

    module = stage_module(options.stage)
    config = _settings(options)
    paths = {name: getattr(options, name) for name in _path_parameters(module.run)}
    with open_tracker(stage=options.stage, config=config) as tracker:
        began = time.perf_counter()
        more: dict[str, Tracker] = {}
        if "tracker" in inspect.signature(module.run).parameters:
            more["tracker"] = tracker
        metrics = module.run(config, **paths, **more)
        tracker.log_metrics({k: v for k, v in metrics.items() if isinstance(v, int | float)})
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        tracker.log_timings(
            {
                "seconds": round(time.perf_counter() - began, 3),
                # kibibytes on Linux, bytes on macOS (getrusage(2))
                "peak_memory_bytes": peak if sys.platform == "darwin" else peak * 1024,
            }
        )
        if options.timings:
            write_json(options.timings, dict(sorted(tracker.timings.items())))
        if options.metrics:
            write_json(options.metrics, metrics)


def _check(options: argparse.Namespace) -> None:
    check_params(read_params(options.params), sections(), path=options.params)
    print(f"{options.params}: every setting is in order.")


def _schema(options: argparse.Namespace) -> None:
    write_json(options.output, json_schema(sections()))
    print(f"Wrote {options.output}.")


def _accept(options: argparse.Namespace) -> None:
    from llm.validation.drift import GATES, accept

    settings = check_params(read_params(options.params), sections(), path=options.params)
    name = settings["validate_drift"].model_dump()["accepted_as"]
    results = [options.gates / f"{gate}.json" for gate in GATES]
    for change in accept(results, name=name, path=options.accepted):
        print(change)
    print(f"{options.accepted} now holds these statistics as {name!r}. Commit it.")


def _profile(options: argparse.Namespace) -> None:
    from llm.profiles import switch_profile

    switch_profile(
        options.name,
        params_path=options.params,
        profiles_dir=options.profiles,
        sections=sections(),
        force=options.force,
    )


if __name__ == "__main__":
    sys.exit(main())
