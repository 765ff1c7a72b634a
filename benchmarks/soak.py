"""Kills trainings at random moments, many times; they must end as if nothing had happened.

    make soak                   # 300 kills
    SOAK_KILLS=1000 SOAK_SEED=7 make soak

A training is started, killed with SIGKILL, started again and so on, until it ends by itself. Then
its last checkpoint, which holds weights, optimizer, loader and history, must have the very bytes of
an undisturbed run's, and its batches must hold every sample exactly once per epoch. A third of the
kills fall on a moment of time, a third on a checkpoint that is being written, a third on one that
has just got its name, when older ones are being removed.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from llm.files import sha256_of

KINDS = ("pretraining", "classification", "instructions")  # of benchmarks.trainings
MOMENTS = ("any time", "while writing", "when named")
_POLL_SECONDS = 0.0002
_PATIENCE_SECONDS = 300.0


class NotExactError(AssertionError):
    """A training that was killed on its way ended differently."""


@dataclass
class Tally:
    """torn: kills that left half a checkpoint behind. trainings: those that were killed, and
    ended as they should."""

    kills: dict[str, int] = field(default_factory=lambda: dict.fromkeys(MOMENTS, 0))
    by_kind: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    torn: int = 0
    trainings: int = 0

    @property
    def total(self) -> int:
        """All kills."""
        return sum(self.kills.values())


def soak(kills: int, *, seed: int, quiet: bool = False) -> Tally:
    """Kill until `kills` are reached, each kind of training in its turn, and let each end.

    Raises NotExactError where one ends differently.
    """
    chance = random.Random(seed)
    tally = Tally()
    with tempfile.TemporaryDirectory() as root:
        straight = {}
        for kind in KINDS:
            folder = _new(Path(root), f"{kind}-straight")
            began = time.monotonic()
            process = _start(kind, folder)
            process.join(_PATIENCE_SECONDS)
            _check_ended(process, kind)
            straight[kind] = (_end(folder), time.monotonic() - began)
            check_samples(folder, kind)
        while tally.total < kills:
            for kind in KINDS:
                folder = _new(Path(root), f"{kind}-{tally.trainings}")
                end, seconds = straight[kind]
                _disturb(kind, folder, chance, tally, seconds=seconds)
                check_samples(folder, kind)
                if _end(folder) != end:
                    raise NotExactError(
                        f"{kind}: its end differs from an undisturbed run's: {folder}"
                    )
                tally.trainings += 1
            if not quiet:
                print(f"{tally.total} of {kills} kills, {tally.torn} left half a checkpoint; "
                      f"{tally.trainings} trainings ended exactly", flush=True)  # fmt: skip
    return tally


def _disturb(
    kind: str, folder: Path, chance: random.Random, tally: Tally, *, seconds: float
) -> None:
    """Run a training to its end through as many kills as chance has for it."""
    while True:
        moment = chance.choice(MOMENTS)
        process = _start(kind, folder)
        wait = _moment(moment, folder / "checkpoints", chance, seconds)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while process.is_alive() and next(wait):
            time.sleep(_POLL_SECONDS)
            if time.monotonic() > deadline:
                process.kill()
                raise NotExactError(f"{kind}: no end and no {moment} in {_PATIENCE_SECONDS} s")
        process.kill()
        process.join()
        if process.exitcode != -9:  # it was faster
            _check_ended(process, kind)
            return
        tally.kills[moment] += 1
        tally.by_kind[kind] += 1
        tally.torn += any(folder.glob("checkpoints/.*.partial"))


def _moment(
    moment: str, checkpoints: Path, chance: random.Random, seconds: float
) -> Iterator[bool]:
    """True until the moment to kill has come."""
    if moment == "any time":
        end = time.monotonic() + chance.uniform(0, seconds)
        while time.monotonic() < end:
            yield True
    else:
        half = moment == "while writing"  # a checkpoint without its name begins with a point
        seen = _names(checkpoints)
        for _ in range(chance.randint(1, 4)):  # one of the next writes
            while not any(name.startswith(".") == half for name in _names(checkpoints) - seen):
                yield True
            seen |= _names(checkpoints)
    yield False


def _names(folder: Path) -> set[str]:
    try:
        return {path.name for path in folder.iterdir()}
    except FileNotFoundError:
        return set()


def _check_ended(process: Any, kind: str) -> None:
    if process.exitcode != 0:
        raise NotExactError(f"{kind}: a run ended with exit code {process.exitcode}")


def _end(folder: Path) -> dict[str, str]:
    """The bytes of the last checkpoint, as SHA-256 by file."""
    last = max((folder / "checkpoints").glob("step-*"))
    return {path.name: sha256_of(path) for path in sorted(last.iterdir())}


def check_samples(folder: Path, kind: str) -> None:
    """Every place of an epoch has one batch, whichever run gave it, and every epoch each sample."""
    from benchmarks.trainings import SAMPLES

    batches: dict[tuple[int, int], list[int]] = {}
    for line in (folder / "samples.jsonl").read_text().splitlines():
        epoch, position, ids = json.loads(line)
        if batches.setdefault((epoch, position), ids) != ids:
            raise NotExactError(f"{kind}: two batches at epoch {epoch}, position {position}")
    seen = [number for place in sorted(batches) for number in batches[place]]
    for start in range(0, len(seen), SAMPLES):
        epoch_ids = seen[start : start + SAMPLES]
        whole = len(epoch_ids) == SAMPLES
        if len(set(epoch_ids)) != len(epoch_ids) or (
            whole and set(epoch_ids) != set(range(SAMPLES))
        ):
            raise NotExactError(f"{kind}: an epoch does not hold every sample once: {epoch_ids}")


def _new(root: Path, name: str) -> Path:
    folder = root / name
    folder.mkdir()
    return folder


def _start(kind: str, folder: Path) -> Any:
    """A process of its own, forked from one that has imported all it needs and done nothing."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that wait should not spin
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchmarks.trainings"])
    process = context.Process(target=_run, args=(kind, folder))
    process.start()
    return process


def _run(kind: str, folder: Path) -> None:
    from benchmarks.trainings import run

    run(kind, folder)


def main() -> int:
    """Soak as the environment says, and sum up."""
    kills = int(os.environ.get("SOAK_KILLS") or 300)
    seed = int(os.environ.get("SOAK_SEED") or random.SystemRandom().randrange(10**6))
    print(f"{kills} kills, seed {seed} (the moments also depend on the machine)", flush=True)
    began = time.monotonic()
    tally = soak(kills, seed=seed)
    print(
        f"{tally.total} kills in {time.monotonic() - began:.0f} s, "
        + ", ".join(f"{count} {moment}" for moment, count in tally.kills.items())
        + f"; {tally.torn} left half a checkpoint. By training: "
        + ", ".join(f"{kind} {count}" for kind, count in tally.by_kind.items())
        + f". All {tally.trainings} trainings ended with the bytes of an undisturbed one."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
