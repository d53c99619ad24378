"""An embedder for tests that are not about meaning: quick, and every word has a direction."""

import math
import re
import zlib
from collections.abc import Sequence


class WordVectors:
    """The ``Embedder`` port: texts that share words are near each other. Counts what it embeds."""

    dimensions = 64

    def __init__(self, name: str = "word-vectors") -> None:
        self.name = name
        self.embedded: list[str] = []

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        self.embedded.extend(texts)
        return [self._vector(text) for text in texts]

    def _vector(self, text: str) -> list[float]:
        vector = [0.0] * self.dimensions
        vector[0] = 0.1
        for word in re.findall(r"\w+", text.lower()):
            vector[zlib.crc32(word.encode("utf-8", "replace")) % self.dimensions] += 1.0
        length = math.sqrt(sum(x * x for x in vector))
        return [x / length for x in vector]
