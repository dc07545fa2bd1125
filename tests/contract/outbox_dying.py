"""Processes that kill themselves by SIGKILL, run as `python -m tests.contract.outbox_dying URL WHEN`.

`committing`: it fires what is due, and dies in the place of the commit. `delivering`: it relays, and dies after a
delivery, before that is recorded.
"""

from __future__ import annotations

import os
import signal
import sys
from datetime import timedelta

from sqlalchemy import event

from lifecycle.engine.outbox import Message
from tests.contract.outbox_world import Post


def die(*_: object) -> None:
    """Now."""
    os.kill(os.getpid(), signal.SIGKILL)


def deliver(message: Message) -> None:
    """Tell the test, and die."""
    sys.stdout.write(f"{message.id}\n")
    sys.stdout.flush()
    die()


def main(url: str, when: str) -> None:
    """Do it."""
    post = Post(url)
    if when == "committing":
        event.listen(post.database.engine, "commit", die)
        post.clock.move_to(post.clock.now() + timedelta(hours=1))
        post.engine.fire_batch()
    else:
        post.relay(office=deliver).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
