# pyright: reportMissingTypeStubs=false
"""The one offline model: a kernel machine over words, characters, cues and sense.

Two texts are alike as far as they share words and characters (TF-IDF), cues, and sense: the last by
a radial kernel on the encoder's sphere, which parts wishes that lie on one line. A least-squares
machine on that likeness is solved in closed form (Rifkin, Yeo, Poggio, "Regularized Least-Squares
Classification", 2003). The solution gives the score of each text as it would be had the machine
not seen it, so that calibration costs no second training: the temperature is fitted on those
scores (Guo et al., "On Calibration of Modern Neural Networks", 2017).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from closeloop.offline.features import Floats, Terms, encoded

_LAPACK: Final[Any] = lapack

# Chosen by leave-one-out on training texts: see docs/offline-models.md.
_SHARPNESS: Final = 2.0
"""How fast sense falls off with distance."""
_TERMS_WEIGHT: Final = 0.1
"""Of words, and of characters, beside sense, which weighs one."""
_CUES_WEIGHT: Final = 0.02
_RIDGE: Final = 0.1
_TEMPERATURES: Final = np.geomspace(0.01, 1.0, 80)
_MANY: Final = 2_000
"""From so many texts on, a term that stands in one of them only is left out."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the machine makes of some texts, a row for each.

    ``probabilities`` by label; ``nearest`` is the number of the training text closest in sense, and
    ``closeness`` how close that is, from -1 to 1.
    """

    probabilities: Floats
    nearest: NDArray[np.intp]
    closeness: Floats


class TextMachine:
    """Gives each text a probability for every label; the same texts give the same machine.

    ``unseen`` is a reading of texts that were not trained with, ``truth`` their labels by place.
    """

    def __init__(
        self,
        texts: Sequence[str],
        labels: Sequence[str],
        *,
        names: Mapping[str, str] | None = None,
        held_out: tuple[Sequence[str], Sequence[str]] | None = None,
        cues: Sequence[re.Pattern[str]] = (),
    ) -> None:
        """Train on ``texts``; memory and time grow with the square and the cube of their number.

        ``names`` say by label what it is called: learnt from, but no text that anybody wrote.
        ``held_out`` texts and labels calibrate the probabilities; without them the training texts
        do, each read as if it had not been trained with.
        """
        self.labels: tuple[str, ...] = tuple(sorted(set(labels)))
        written = len(texts)
        texts, labels = [*texts, *(names or {}).values()], [*labels, *(names or {})]
        self._cues = tuple(cues)
        self._known = encoded(texts)
        rarest = 2 if len(texts) >= _MANY else 1
        lower = [text.lower() for text in texts]
        self._views = (
            Terms(lower, analyzer="word", shortest=1, longest=2, rarest=rarest),
            Terms(lower, analyzer="char_wb", shortest=3, longest=5, rarest=rarest),
        )
        cued = self._cued(texts)
        likeness = _sense(self._known @ self._known.T)
        for view in self._views:
            _add_products(likeness, view.matrix, _TERMS_WEIGHT)
        likeness += _CUES_WEIGHT * (cued @ cued.T)

        truth = self._places(labels)
        wanted = np.eye(len(self.labels), dtype=np.float32)[truth]
        factor = _factored(likeness)
        self._weights = _solved(factor, wanted)
        self._term_weights = [
            _TERMS_WEIGHT * np.asarray(view.matrix.T @ self._weights) for view in self._views
        ]
        self._cue_weights = _CUES_WEIGHT * (cued.T @ self._weights)

        if held_out is None:
            scores = _without_itself(factor, wanted, self._weights)[:written]
            closeness = self._known[:written] @ self._known.T
            np.fill_diagonal(closeness, -1)
            truth = truth[:written]
        else:
            scores, closeness = self._scores(held_out[0])
            truth = self._places(held_out[1])
        self._temperature = _best_temperature(scores, truth)
        self.unseen = self._reading(scores, closeness)
        self.truth = truth

    def _places(self, labels: Sequence[str]) -> NDArray[np.intp]:
        return np.array([self.labels.index(label) for label in labels], dtype=np.intp)

    def read(self, texts: Sequence[str]) -> Reading:
        """Return what the machine makes of texts that it was not trained with."""
        return self._reading(*self._scores(texts))

    def _scores(self, texts: Sequence[str]) -> tuple[Floats, Floats]:
        """Return scores by label, and how close each training text is."""
        closeness = encoded(texts) @ self._known.T
        scores = _sense(closeness.copy()) @ self._weights
        scores += self._cued(texts) @ self._cue_weights
        for row, text in zip(scores, texts, strict=True):
            lower = text.lower()
            for view, weights in zip(self._views, self._term_weights, strict=True):
                columns, values = view.read(lower)
                row += values @ weights[columns]
        return scores, closeness

    def _reading(self, scores: Floats, closeness: Floats) -> Reading:
        return Reading(
            probabilities=_softmax(scores / self._temperature),
            nearest=closeness.argmax(axis=1),
            closeness=closeness.max(axis=1),
        )

    def _cued(self, texts: Sequence[str]) -> Floats:
        found = [[cue.search(text) is not None for cue in self._cues] for text in texts]
        return np.asarray(found, dtype=np.float32).reshape(len(texts), len(self._cues))


def _sense(closeness: Floats) -> Floats:
    """Turn cosines into the radial kernel, in place."""
    closeness -= 1
    closeness *= _SHARPNESS
    return np.exp(closeness, out=closeness)


def _add_products(likeness: Floats, rows: Any, weight: float, step: int = 500) -> None:
    """Add the weighted products of all rows with each other, some rows at a time."""
    for start in range(0, len(likeness), step):
        likeness[start : start + step] += weight * (rows[start : start + step] @ rows.T).toarray()


def _factored(likeness: Floats) -> Floats:
    """Return the Cholesky factor of the likeness with the ridge; uses up the likeness."""
    likeness[np.diag_indices_from(likeness)] += _RIDGE
    factor, _ = _LAPACK.spotrf(likeness.T, lower=1, overwrite_a=1)
    return factor


def _solved(factor: Floats, wanted: Floats) -> Floats:
    weights, _ = _LAPACK.spotrs(factor, wanted, lower=1)
    return np.ascontiguousarray(weights, dtype=np.float32)


def _without_itself(factor: Floats, wanted: Floats, weights: Floats) -> Floats:
    """Return the score of each training text had it been left out; uses up the factor."""
    inverse, _ = _LAPACK.spotri(factor, lower=1, overwrite_c=1)
    own = np.asarray(np.diag(inverse), dtype=np.float32)
    return np.subtract(wanted, weights / own[:, None], dtype=np.float32)


def _softmax(scores: Floats) -> Floats:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _best_temperature(scores: Floats, truth: NDArray[np.intp]) -> float:
    """Return the temperature under which the true labels are most likely."""
    rows = np.arange(len(truth))
    losses = [
        -np.log(_softmax(scores / t)[rows, truth] + np.finfo(np.float32).tiny).mean()
        for t in _TEMPERATURES
    ]
    return float(_TEMPERATURES[int(np.argmin(losses))])
