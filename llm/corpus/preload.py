"""Imported by the process from which workers are forked: what each of them would read for itself.

The code of cleaning, and the model that tells languages, which takes as long to unpack as a
megabyte and a half of text to clean. Importing it does work, so nothing else may import it.
"""

from __future__ import annotations

from llm.arrow import spare_pandas
from llm.corpus import units
from llm.corpus.filtering.language import load_identifier

__all__ = ["units"]

spare_pandas()
load_identifier()
