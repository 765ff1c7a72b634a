"""Imported by the process from which workers are forked: what each of them would read for itself.

The code of cleaning, and the model that tells languages, which takes as long to unpack as a
megabyte and a half of text to clean. Importing it does work, so nothing else may import it.
"""

from __future__ import annotations

import gc
import threading
from importlib import import_module

from llm.arrow import spare_pandas
from llm.corpus.filtering.language import load_identifier

# Unpacking leaves the interpreter free to import the rest. The thread has ended before any fork.
_loading = threading.Thread(target=load_identifier)
_loading.start()
import_module("llm.corpus.units")
spare_pandas()
_loading.join()
gc.freeze()  # a collection would write to, and so copy, what workers share
