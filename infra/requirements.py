"""What pyproject.toml asks for, a line each: the project's own needs and those of the extras named.

usage: python infra/requirements.py [EXTRA ...]
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
extras = project["optional-dependencies"]
unknown = sorted(set(sys.argv[1:]) - extras.keys())
if unknown:
    sys.exit(f"no such extra: {', '.join(unknown)}; known: {', '.join(sorted(extras))}")
for line in [*project["dependencies"], *(line for name in sys.argv[1:] for line in extras[name])]:
    print(line)
