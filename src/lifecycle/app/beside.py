"""Where a host's own modules are: beside its configuration (rule X32)."""

from __future__ import annotations

import sys
from pathlib import Path


def look_beside(path: Path) -> None:
    """Have modules beside a configuration be found first: a host's own machines, jobs and destinations."""
    beside = str(path.resolve().parent)
    if sys.path[0] != beside:
        sys.path.insert(0, beside)
