# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false
"""What the offline models see of a text: its words, its characters, and its sense.

Together with ``machine`` this is the only place that touches scikit-learn and the encoder.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from closeloop.encoder import sentence_model

Floats = NDArray[np.float32]


def encoded(texts: Sequence[str]) -> Floats:
    """Return a row of unit length for each text, of 512 numbers: near where the sense is."""
    return np.asarray(sentence_model().encode(list(texts)), dtype=np.float32)


class Terms:
    """A fitted ``TfidfVectorizer`` with a lighter way to read single texts.

    The vectorizer's own ``transform`` spends five times as long on checking its input.
    """

    def __init__(
        self, texts: Sequence[str], *, analyzer: str, shortest: int, longest: int, rarest: int
    ) -> None:
        """Learn the terms of ``texts``; those in fewer than ``rarest`` of them are left out."""
        make: Any = TfidfVectorizer
        vectorizer: Any = make(
            analyzer=analyzer,
            ngram_range=(shortest, longest),
            min_df=rarest,
            sublinear_tf=True,
            dtype=np.float32,
        )
        self.matrix: Any = vectorizer.fit_transform(texts)
        self._analyse = cast("Callable[[str], list[str]]", vectorizer.build_analyzer())
        self._columns = cast("dict[str, int]", vectorizer.vocabulary_)
        self._idf = cast("Floats", vectorizer.idf_)

    def read(self, text: str) -> tuple[list[int], Floats]:
        """Return the columns of the known terms of a text, and their weights: of length one."""
        counts = Counter(filter(self._columns.__contains__, self._analyse(text)))
        columns = [self._columns[term] for term in counts]
        weights = (1 + np.log(np.array([*counts.values()], dtype=np.float32))) * self._idf[columns]
        return columns, weights / np.sqrt((weights**2).sum()) if columns else weights
