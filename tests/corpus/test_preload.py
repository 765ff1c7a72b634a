"""What workers are forked with: the language model, and a pyarrow that does without pandas."""

import subprocess
import sys


def test_it_holds_the_model_and_keeps_pandas_away(root):
    code = """
import sys
from llm.corpus import preload
import pyarrow as pa
from llm.corpus.filtering.language import load_identifier
assert pa.Table.from_pylist([{"text": "a"}]).num_rows == 1
assert load_identifier.cache_info().currsize == 1
assert "pandas" not in sys.modules
import pandas  # who wants it still gets it
"""
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True, timeout=60)
