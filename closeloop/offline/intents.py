"""The trained part of the offline classifier: examples in, a probability for every intent out.

The same model reads the tenant's tickets and the public sets of ``python -m evals.classify``.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from closeloop.offline.machine import TextMachine
from closeloop.offline.scope import Scope

MAX_CHARACTERS: Final = 1500
"""What is read of one text; longer ones keep beginning and end."""

_WORD: Final = re.compile(r"\w+")

Examples = Mapping[str, Sequence[str]]
"""Texts by the intent that they have."""


def shorten(text: str) -> str:
    """Return the beginning and the end of a text that is too long to be read as one."""
    if len(text) <= MAX_CHARACTERS:
        return text
    return f"{text[: MAX_CHARACTERS * 2 // 3]} {text[-MAX_CHARACTERS // 3 :]}"


class IntentModel:
    """Gives each text a probability for every intent, and says what is none of them.

    Trained when constructed: the same examples give the same model.
    """

    def __init__(
        self,
        examples: Examples,
        *,
        outside: str | None = None,
        validation: Examples | None = None,
        cues: Sequence[re.Pattern[str]] = (),
    ) -> None:
        """Train on ``examples``, prepared in the same way as later texts, and on intents' names.

        Args:
            examples: texts by intent.
            outside: the intent of what is none of the others, if there is one.
            validation: texts by intent that calibration and the threshold of the outside come
                from; without them it is the examples, each read as if not trained with.
            cues: patterns that speak for an intent; they weigh in, they never decide.
        """
        texts, labels = _listed(examples)
        names = {intent: _in_words(intent) for intent in examples if intent != outside}
        self._examples = [*texts, *names.values()]
        held_out = None if validation is None else _listed(validation)
        self._machine = TextMachine(texts, labels, names=names, held_out=held_out, cues=cues)
        self._outside = outside
        self._scope = (
            None
            if outside is None
            else Scope(self._machine.unseen, self._machine.truth, self.intents.index(outside))
        )

    @property
    def intents(self) -> tuple[str, ...]:
        """Every intent, in order."""
        return self._machine.labels

    def read(self, texts: Sequence[str]) -> tuple[list[dict[str, float]], list[str]]:
        """Return, for each text, a probability by intent and the nearest training example."""
        reading = self._machine.read(texts)
        rows = reading.probabilities if self._scope is None else self._scope.applied(reading)
        return (
            [dict(zip(self.intents, map(float, row), strict=True)) for row in rows],
            [self._examples[int(index)] for index in reading.nearest],
        )

    def unseen_decisions(self) -> list[tuple[str, str]]:
        """Return intent and decision for each text that calibrated the model, not trained with."""
        reading, truth = self._machine.unseen, self._machine.truth
        rows = reading.probabilities if self._scope is None else self._scope.applied(reading)
        decided = [self.decide(dict(zip(self.intents, row, strict=True))) for row in rows]
        return [(self.intents[place], read) for place, read in zip(truth, decided, strict=True)]

    def decide(self, probabilities: Mapping[str, float]) -> str:
        """Return the intent that a text with these probabilities has."""
        best = max(
            (intent for intent in self.intents if intent != self._outside),
            key=probabilities.__getitem__,
        )
        if self._outside is None or self._scope is None:
            return best
        return self._outside if probabilities[self._outside] >= self._scope.threshold else best


def _in_words(intent: str) -> str:
    """Return what an intent is called: ``order_status`` is "order status"."""
    return " ".join(_WORD.findall(intent.replace("_", " ")))


def _listed(examples: Examples) -> tuple[list[str], list[str]]:
    texts = [text for own in examples.values() for text in own]
    return texts, [intent for intent, own in examples.items() for _ in own]
