"""How many roots a batch takes in hand, so that it lasts as long as it may: others wait for what it has locked."""

from __future__ import annotations

EXPECTED = 0.001
"""Seconds that a root is taken to need before anything is known."""
SMALLEST = 10


class Pace:
    """The next batch's size, from what the last ones took: it grows by half at most, and shrinks at once.

    `seconds` is how long a batch may last, from its first lock to its commit, and `most` the largest that there is.
    Several threads may tell it at the same time: then the last one has said it.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self.most = most
        self.seconds = seconds
        self.size = min(max(int(seconds / EXPECTED), SMALLEST), most)

    def took(self, claimed: int, seconds: float) -> None:
        """A batch of so many roots took so long; a small one says nothing of large ones."""
        if claimed < min(self.size, SMALLEST):
            return
        fitting = int(self.seconds * claimed / max(seconds, 1e-6))
        self.size = max(min(fitting, self.size + self.size // 2 + 1, self.most), min(SMALLEST, self.most))
