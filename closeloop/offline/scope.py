# pyright: reportMissingTypeStubs=false
"""What is none of the labels: told by how sure, how close and how much alike the outside it is.

A text is outside where a logistic regression on that evidence says so. Its threshold comes from
texts that the machine was not trained with.
"""

from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from closeloop.offline.features import Floats
from closeloop.offline.machine import Reading

WORTH_OF_AN_ANSWER: Final = 4.0
"""Reading one percent more of what can be answered weighs as much as catching four percent more of
what cannot: the first is what customers write about, and policy still judges the second."""
_SMALLEST: Final = 1e-6


class Scope:
    """Gives the label of the outside the probability that the evidence gives it."""

    def __init__(self, reading: Reading, truth: NDArray[np.intp], outside: int) -> None:
        """Fit on a reading of texts not trained with; ``truth`` and ``outside`` are columns."""
        self._outside = outside
        make: Any = LogisticRegression
        model = make(class_weight="balanced", max_iter=1_000)
        model.fit(_evidence(reading, outside), truth == outside)
        self._weights = cast("Floats", model.coef_[0])
        self._bias = float(model.intercept_[0])
        self.threshold = _best_threshold(self.applied(reading), truth, outside)

    def applied(self, reading: Reading) -> Floats:
        """Return the probabilities by label, with the outside as the evidence has it."""
        # The model's own ``predict_proba`` spends most of its time on checking its input.
        chance = expit(_evidence(reading, self._outside) @ self._weights + self._bias)
        rest = reading.probabilities.copy()
        rest[:, self._outside] = 0
        rest *= ((1 - chance) / np.maximum(rest.sum(axis=1), _SMALLEST))[:, None]
        rest[:, self._outside] = chance
        return rest


def _evidence(reading: Reading, outside: int) -> Floats:
    """Return four columns, probabilities as logarithms of odds.

    How sure the best label is, by how much, how close the nearest text is, how likely the outside.
    """
    inside = np.delete(reading.probabilities, outside, axis=1)
    second, best = np.sort(inside, axis=1)[:, -2:].T
    return np.column_stack(
        [
            _log_odds(best),
            np.log((best + _SMALLEST) / (second + _SMALLEST)),
            reading.closeness,
            _log_odds(reading.probabilities[:, outside]),
        ]
    )


def _log_odds(probabilities: Floats) -> Floats:
    bounded = np.clip(probabilities, _SMALLEST, 1 - _SMALLEST)
    return np.log(bounded / (1 - bounded))


def _best_threshold(probabilities: Floats, truth: NDArray[np.intp], outside: int) -> float:
    """Return the chance of the outside from which on it is believed, worth the most in sum."""
    chance = probabilities[:, outside]
    inside = probabilities.copy()
    inside[:, outside] = -1
    right = inside.argmax(axis=1) == truth
    is_outside = truth == outside

    def worth(threshold: float) -> float:
        answered = (right & (chance < threshold))[~is_outside].mean()
        caught = (chance >= threshold)[is_outside].mean()
        return float(WORTH_OF_AN_ANSWER * answered + caught)

    return float(max(np.unique(chance), key=worth))
