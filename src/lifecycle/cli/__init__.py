"""The command line: `lifecycle`. Data goes to stdout, words go to stderr, and the exit code tells how it ended.

Nothing that is dear to import is imported before a command needs it, so that `--help` is there at once.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command line (default: the process's own) and return its exit code."""
    from lifecycle.cli.app import built
    from lifecycle.cli.failures import report

    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return built()(args=words, prog_name="lifecycle", standalone_mode=False) or 0
    except Exception as error:
        code = report(error, as_json="--json" in words)
        if code is None:
            raise
        return code
