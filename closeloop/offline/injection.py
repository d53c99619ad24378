# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false
"""Reads whether a text gives orders to the machine that reads it: cues, and a small model.

The cues are the taxonomy's. The model is a linear support vector machine over sentence vectors and
words, trained on the sentences of ``injection.toml``; its threshold comes from cross-validation on
them, so that hardly any ordinary sentence is suspected, for a letter has many. A signal only: what
is allowed never rests on it.
"""

import re
import tomllib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.svm import LinearSVC

from closeloop.offline.features import encoded
from closeloop.offline.taxonomy import Taxonomy
from closeloop.offline.text import fold, sentences

Floats = NDArray[np.float64]

EXAMPLES: Final = Path(__file__).with_name("injection.toml")
MAX_CHARS: Final = 12_000
"""What is read of one text: its beginning and its end."""
CACHED: Final = 8_192
"""Sentences whose score is kept: articles and turns of phrase come again and again."""
EVERY: Final = 3
"""Of the intents' examples every third is learnt from: encoding them all takes seconds."""
CACHED_TEXTS: Final = 512
"""Texts whose answer is kept: the articles of a shop are few."""
SHARE_LET_PASS: Final = 0.995
"""Of the ordinary sentences, out of fold: a letter of twenty is then suspected one time in ten."""
# Chosen by cross-validation on the examples.
_PENALTY: Final = 0.5
_FOLDS: Final = 5
_SEED: Final = 7
_WORDS_WEIGHT: Final = 0.5
_BLANK: Final = re.compile(r"#?\b\w*\d\w*\b")


class OfflineInjectionDetector:
    """The port ``InjectionDetector`` without a language model; safe to share between threads."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        """Train on the examples, those of the taxonomy's intents as ordinary sentences."""
        self._cues = taxonomy.injection
        document = tomllib.loads(EXAMPLES.read_text(encoding="utf-8"))
        orders: list[str] = document["orders"]
        ordinary: list[str] = document["ordinary"]
        every = [text for intent in taxonomy.intents for text in intent.examples]
        ordinary += every[::EVERY]
        self._model = _Model(orders, ordinary)
        self._score = lru_cache(maxsize=CACHED)(self._scored)
        self._read = lru_cache(maxsize=CACHED_TEXTS)(self._suspects)

    def suspects(self, text: str) -> bool:
        """Return whether a cue stands in the text, or a sentence of it reads like an order."""
        return self._read(text)

    def _suspects(self, text: str) -> bool:
        read = _shortened(text)
        if self._cues.found_in(fold(read)):
            return True
        return any(self._score(s) >= self._model.threshold for s in sentences(read))

    def _scored(self, sentence: str) -> float:
        return float(self._model.scores([sentence])[0])


class _Model:
    """Scores sentences; trained when constructed, with fixed seeds."""

    def __init__(self, orders: Sequence[str], ordinary: Sequence[str]) -> None:
        texts = [*orders, *ordinary]
        truth = np.array([1] * len(orders) + [0] * len(ordinary))
        self._words: Any = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
        self._words.fit(map(_plain, texts))
        features = self._features(texts)
        head: Any = LinearSVC(C=_PENALTY, class_weight="balanced", random_state=_SEED)
        folds = StratifiedKFold(n_splits=_FOLDS, shuffle=True, random_state=_SEED)
        unseen = cast("Floats", cross_val_predict(
            head, features, truth, cv=folds, method="decision_function"
        ))  # fmt: skip
        self.threshold = float(np.quantile(unseen[truth == 0], SHARE_LET_PASS))
        head.fit(features, truth)
        self._weights = cast("Floats", head.coef_[0])
        self._bias = float(head.intercept_[0])

    def scores(self, texts: Sequence[str]) -> Floats:
        return self._features(texts) @ self._weights + self._bias

    def _features(self, texts: Sequence[str]) -> Floats:
        plain = [_plain(text) for text in texts]
        words = np.asarray(self._words.transform(plain).todense(), dtype=np.float64)
        return np.hstack([encoded(plain).astype(np.float64), words * _WORDS_WEIGHT])


def _plain(text: str) -> str:
    """Return a sentence without its numbers, which say nothing here."""
    return _BLANK.sub("0", fold(text))


def _shortened(text: str) -> str:
    if len(text) <= MAX_CHARS:
        return text
    return f"{text[: MAX_CHARS // 2]}\n{text[-MAX_CHARS // 2 :]}"
