"""Idempotency keys (rule B10): the same key and arguments get the first answer again, for 30 days."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime, timedelta
from hashlib import sha256

from lifecycle.domain.machine import Json
from lifecycle.engine.commands import Answer
from lifecycle.engine.records import AnswerRecord

LIFETIME = timedelta(days=30)


def fingerprint(subject: str, event: str, arguments: Json) -> str:
    """What tells two commands apart that come with the same key; hexadecimal."""
    text = json.dumps([subject, event, arguments], sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()


def remembered(scope: str, key: str, of: str, answer: Answer, now: datetime) -> AnswerRecord:
    """The row that remembers an answer."""
    return AnswerRecord(scope, key, of, asdict(answer), now)
