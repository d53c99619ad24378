"""Trains the offline classifier on taxonomy and labelled tickets, and says how good it is."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from closeloop.errors import BadInput
from closeloop.models.triage import OTHER_INTENT, ClassifyRequest
from closeloop.offline.classifier import OfflineClassifier
from closeloop.offline.labelled import (
    LABELLED_FILE,
    MAX_LABELLED,
    Labelled,
    labelled_in,
    merged,
    read_labelled,
    write_labelled,
)
from closeloop.offline.taxonomy import Taxonomy, load_taxonomy

MAX_CONFUSIONS = 20


def open_classifier(folder: Path) -> OfflineClassifier:
    """Return the classifier of a folder of policies.

    Raises:
        ConfigurationError: the taxonomy or the labelled tickets are wrong; names the place.
    """
    taxonomy = load_taxonomy(folder)
    return OfflineClassifier(taxonomy, _labelled(folder, taxonomy))


def learn(folder: Path, file: Path) -> dict[str, object]:
    """Add the labelled tickets of ``file`` to those of the folder; return what is there now.

    Raises:
        BadInput: a line of the file is wrong, or there would be more than ``MAX_LABELLED``;
            nothing was added.
        ConfigurationError: the taxonomy is wrong, or what is labelled already.
    """
    taxonomy = load_taxonomy(folder)
    before = _labelled(folder, taxonomy)
    tickets = merged(before, read_labelled(file, _ids(taxonomy)))
    target = folder / LABELLED_FILE
    if len(tickets) > MAX_LABELLED:
        raise BadInput(
            f"{file}: {len(before)} tickets are labelled already in {target}, and these would make"
            f" them {len(tickets)}; at most {MAX_LABELLED} are learnt",
            field="file",
        )
    write_labelled(target, tickets)
    return {
        "file": str(target),
        "labelled": len(tickets),
        "added": len(tickets) - len(before),
        "by_intent": dict(Counter(ticket.intent for ticket in tickets)),
    }


def examine(folder: Path, file: Path | None) -> dict[str, object]:
    """Return how well tickets are read: those of ``file``, else all that were trained with.

    The latter are each read as if they had not been trained with (leave-one-out).

    Raises:
        BadInput: a line of the file is wrong.
        ConfigurationError: the taxonomy or the folder's labelled tickets are wrong.
    """
    classifier = open_classifier(folder)
    if file is None:
        return _measured("leave-one-out", classifier.model.unseen_decisions())
    tickets = read_labelled(file, _ids(load_taxonomy(folder)))
    pairs = [(ticket.intent, _intent(classifier, ticket)) for ticket in tickets]
    return _measured(str(file), pairs)


def _intent(classifier: OfflineClassifier, ticket: Labelled) -> str:
    request = ClassifyRequest(subject="", messages=(ticket.text,))
    return classifier.classify("", request).intent


def _measured(on: str, pairs: Sequence[tuple[str, str]]) -> dict[str, object]:
    wrong = Counter((true, read) for true, read in pairs if true != read)
    outside = [read == OTHER_INTENT for true, read in pairs if true == OTHER_INTENT]
    inside = [read == true for true, read in pairs if true != OTHER_INTENT]
    return {
        "on": on,
        "tickets": len(pairs),
        "accuracy": _share(len(pairs) - wrong.total(), len(pairs)),
        "in_scope_accuracy": _share(sum(inside), len(inside)),
        "out_of_scope_recall": _share(sum(outside), len(outside)),
        "confusions": [
            {"intent": true, "read_as": read, "tickets": count}
            for (true, read), count in wrong.most_common(MAX_CONFUSIONS)
        ],
    }


def _share(part: int, whole: int) -> float | None:
    """Return a share in percent; None where there is nothing to share."""
    return round(100 * part / whole, 1) if whole else None


def _labelled(folder: Path, taxonomy: Taxonomy) -> tuple[Labelled, ...]:
    return labelled_in(folder, _ids(taxonomy))


def _ids(taxonomy: Taxonomy) -> tuple[str, ...]:
    return tuple(intent.id for intent in taxonomy.intents)
