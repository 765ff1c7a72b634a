"""datatrove: its filters, then its four MinHash steps, from JSONL to Parquet, on all cores.

Run as a process of its own: python -m benchmarks.peers.datatrove_dedupe SETTINGS.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def main(settings_path: Path) -> None:
    """settings: input (a folder of JSONL), work (an empty folder), workers, filters (arguments by
    class), minhash (arguments of MinhashConfig). The documents that stay go to work/unique."""
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline import filters
    from datatrove.pipeline.dedup import (
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )
    from datatrove.pipeline.dedup.minhash import MinhashConfig
    from datatrove.pipeline.readers import JsonlReader, ParquetReader
    from datatrove.pipeline.writers import ParquetWriter

    settings: dict[str, Any] = json.loads(settings_path.read_text(encoding="utf-8"))
    work, workers = Path(settings["work"]), int(settings["workers"])
    config = MinhashConfig(**settings["minhash"])

    def run(name: str, steps: list[Any], tasks: int) -> None:
        LocalPipelineExecutor(
            steps, tasks=tasks, workers=min(tasks, workers), logging_dir=str(work / "logs" / name)
        ).run()

    chosen = [
        getattr(filters, name)(**arguments) for name, arguments in settings["filters"].items()
    ]
    folder = {name: str(work / name) for name in ("clean", "signatures", "buckets", "remove")}
    write = {"output_filename": "${rank}.parquet", "compression": "zstd"}
    run(
        "filters",
        [
            JsonlReader(settings["input"], glob_pattern="*.jsonl"),
            *chosen,
            ParquetWriter(folder["clean"], **write),
        ],
        workers,
    )
    run(
        "signatures",
        [ParquetReader(folder["clean"]), MinhashDedupSignature(folder["signatures"], config)],
        workers,
    )
    run(
        "buckets",
        [MinhashDedupBuckets(folder["signatures"], folder["buckets"], config=config)],
        config.num_buckets,
    )
    run("cluster", [MinhashDedupCluster(folder["buckets"], folder["remove"], config=config)], 1)
    run(
        "filter",
        [
            ParquetReader(folder["clean"]),
            MinhashDedupFilter(folder["remove"]),
            ParquetWriter(str(work / "unique"), **write),
        ],
        workers,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
