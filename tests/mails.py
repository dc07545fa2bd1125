"""A mailbox away from the project's folder, for tests that take the project's own configuration."""

from __future__ import annotations

import atexit
from tempfile import TemporaryDirectory

_folder = TemporaryDirectory(prefix="lifecycle-mail-", ignore_cleanup_errors=True)
atexit.register(_folder.cleanup)
AWAY = {"LIFECYCLE_MAIL__PATH": _folder.name}
"""Settings. The folder goes with the process."""
