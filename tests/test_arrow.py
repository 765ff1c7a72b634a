"""pyarrow without pandas, and still with it where a data frame is asked for."""

import subprocess
import sys


def test_pandas_is_imported_only_for_data_frames(root):
    code = """
import sys
from llm.arrow import spare_pandas
spare_pandas()
import pyarrow as pa
table = pa.Table.from_pylist([{"text": "a"}])
assert pa.scalar(1).as_py() == 1
assert "pandas" not in sys.modules
assert table.to_pandas()["text"].tolist() == ["a"]
import pandas
assert pa.array(pandas.Series([1, None])).null_count == 1
spare_pandas()
assert pa.Table.from_pandas(table.to_pandas()).num_rows == 1
"""
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True, timeout=60)
