"""Imported by the process from which workers are forked: what each of them would read for itself.

The code of cleaning, and the model that tells languages, which takes as long to unpack as a
megabyte and a half of text to clean. Importing it does work, so nothing else may import it.
"""

from __future__ import annotations

import sys

import pyarrow as pa

from llm.corpus import units
from llm.corpus.filtering.language import load_identifier

__all__ = ["units"]


class _NoPandas:
    """An import hook that finds pandas missing."""

    def find_spec(self, name: str, *_: object) -> None:
        if name == "pandas":
            raise ModuleNotFoundError("kept from workers", name=name)


# pyarrow looks for pandas when it makes its first array, which takes each worker as long as all its
# other imports; a worker needs none. Where it finds none pyarrow does not look again.
hook = _NoPandas()
sys.meta_path.insert(0, hook)
pa.array([""])
sys.meta_path.remove(hook)

load_identifier()
