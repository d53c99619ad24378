"""What the offline model scores on each set; every figure as the sets' own README defines it.

The model is the product's, with its own constants. It sees the training files alone; the threshold
of the outside comes from the validation files.
"""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from sklearn.metrics import f1_score

from closeloop.offline.intents import IntentModel
from evals.classify.data import Labelled, by_intent, read
from evals.report import Score, percent

FEW: Final = 20
SEEDS: Final = (1, 2, 3)
OUTSIDE: Final = "oos"
BATCH: Final = 256

BANKING_BAR: Final = 93.5
FEW_BAR: Final = 89.0
IN_SCOPE_BAR: Final = 94.0
OUTSIDE_BAR: Final = 65.0

Step = Callable[[], None]


def banking(data: Path, step: Step) -> list[Score]:
    """Score Banking77 with all of its training texts, then with a few of each intent."""
    folder = data / "banking77"
    train = read(folder, "train*.csv", intent="category")
    test = read(folder, "test*.csv", intent="category")
    truth = [row.intent for row in test]
    answers = _answers(IntentModel(by_intent(train)), test)
    step()
    few: list[float] = []
    for seed in SEEDS:
        model = IntentModel(by_intent(_drawn(train, seed)))
        few.append(_accuracy(_answers(model, test), truth))
        step()
    macro = round(100 * float(f1_score(truth, answers, average="macro")), 1)
    return [
        Score(name="banking77", value=_accuracy(answers, truth), at_least=BANKING_BAR),
        Score(name="banking77, macro-F1", value=macro),
        Score(
            name=f"banking77, {FEW} a class, mean of {len(SEEDS)} draws",
            value=round(sum(few) / len(few), 1),
            at_least=FEW_BAR,
        ),
        *(
            Score(name=f"banking77, {FEW} a class, seed {seed}", value=value)
            for seed, value in zip(SEEDS, few, strict=True)
        ),
    ]


def clinc(data: Path, step: Step) -> list[Score]:
    """Score CLINC150 in scope, and how much of what is out of scope is told to be."""
    folder = data / "clinc150"
    train, validation, test = (
        [*read(folder, f"{part}.jsonl", intent="intent")] for part in ("train", "val", "test*")
    )
    train += read(folder, "oos_train.jsonl", intent="intent")
    validation += read(folder, "oos_val.jsonl", intent="intent")
    model = IntentModel(by_intent(train), outside=OUTSIDE, validation=by_intent(validation))
    step()
    truth, answers = [row.intent for row in test], _answers(model, test)
    pairs = [*zip(truth, answers, strict=True)]
    inside = [answer == intent for intent, answer in pairs if intent != OUTSIDE]
    outside = [answer == OUTSIDE for intent, answer in pairs if intent == OUTSIDE]
    said = [intent == OUTSIDE for intent, answer in pairs if answer == OUTSIDE]
    step()
    return [
        Score(
            name="clinc150, in scope",
            value=percent(sum(inside), len(inside)),
            at_least=IN_SCOPE_BAR,
        ),
        Score(
            name="clinc150, out-of-scope recall",
            value=percent(sum(outside), len(outside)),
            at_least=OUTSIDE_BAR,
        ),
        Score(name="clinc150, out-of-scope precision", value=percent(sum(said), len(said))),
    ]


def bitext(data: Path, step: Step) -> list[Score]:
    """Score Bitext's templated questions, also by each letter of their tags: a smoke test."""
    folder = data / "bitext"
    train, test = (
        read(folder, pattern, text="utterance", intent="intent", tags="tags")
        for pattern in ("train*.csv", "dev*.csv")
    )
    answers = _answers(IntentModel(by_intent(train)), test)
    step()
    letters = sorted({letter for row in test for letter in row.tags})
    rows = [*zip(test, answers, strict=True)]
    scores = [Score(name="bitext", value=_accuracy(answers, [row.intent for row in test]))]
    for letter in letters:
        tagged = [(row, answer) for row, answer in rows if letter in row.tags]
        right = sum(row.intent == answer for row, answer in tagged)
        name = f"bitext, tag {letter} ({len(tagged)} texts)"
        scores.append(Score(name=name, value=percent(right, len(tagged))))
    return scores


def _answers(model: IntentModel, rows: Sequence[Labelled]) -> list[str]:
    answers: list[str] = []
    for start in range(0, len(rows), BATCH):
        probabilities, _ = model.read([row.text for row in rows[start : start + BATCH]])
        answers += map(model.decide, probabilities)
    return answers


def _accuracy(answers: Sequence[str], truth: Sequence[str]) -> float:
    return percent(sum(a == t for a, t in zip(answers, truth, strict=True)), len(truth))


def _drawn(rows: Sequence[Labelled], seed: int) -> list[Labelled]:
    chance = random.Random(seed)
    found: dict[str, list[Labelled]] = {}
    for row in rows:
        found.setdefault(row.intent, []).append(row)
    return [row for own in found.values() for row in chance.sample(own, min(FEW, len(own)))]
