"""Scores the redactor on synthetic sentences: ``python -m evals.redact --data DIR [--json FILE]``.

``DIR`` has a folder ``presidio-pii`` with ``sentences*.jsonl``, laid out as its README says. A gold
span is found if every character of it that is no white space is redacted. Precision is the share of
redacted characters (white space left out) that lie in any gold span. No record of the people is
given: names and addresses that no form tells are out of reach here, and reported apart.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from closeloop.redaction import find

STRUCTURED = (
    "CREDIT_CARD",
    "IBAN_CODE",
    "US_SSN",
    "EMAIL_ADDRESS",
    "PHONE_NUMBER",
    "IP_ADDRESS",
)
UNSTRUCTURED = ("PERSON", "STREET_ADDRESS", "ZIP_CODE")


def score(sentences: Iterator[dict[str, Any]]) -> dict[str, Any]:
    """Return spans, found ones and recall by type, the headline, and precision."""
    spans: Counter[str] = Counter()
    hits: Counter[str] = Counter()
    redacted = right = lines = 0
    for sentence in sentences:
        lines += 1
        text = sentence["text"]
        taken = _letters(text, ((f.start, f.end) for f in find(text)))
        gold: set[int] = set()
        for span in sentence["spans"]:
            letters = _letters(text, [(span["start"], span["end"])])
            spans[span["type"]] += 1
            hits[span["type"]] += letters <= taken
            gold |= letters
        redacted += len(taken)
        right += len(taken & gold)
    return {
        "sentences": lines,
        "types": {
            kind: {
                "spans": spans[kind],
                "found": hits[kind],
                "recall": _percent(hits[kind], spans[kind]),
            }
            for kind in sorted(spans)
        },
        "structured_recall": _percent(
            sum(hits[kind] for kind in STRUCTURED), sum(spans[kind] for kind in STRUCTURED)
        ),
        "precision": _percent(right, redacted),
    }


def _letters(text: str, spans: Any) -> set[int]:
    return {i for start, end in spans for i in range(start, end) if not text[i].isspace()}


def _percent(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 1) if whole else None


def _sentences(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted((folder / "presidio-pii").glob("sentences*.jsonl")):
        with path.open(encoding="utf-8") as lines:
            yield from map(json.loads, lines)


def main() -> None:
    """Print the table, and write the JSON where one is asked for."""
    parser = argparse.ArgumentParser(description="Score the redactor.")
    parser.add_argument("--data", type=Path, required=True, help="a folder with presidio-pii in it")
    parser.add_argument("--json", type=Path, help="where the scores are written")
    given = parser.parse_args()
    scores = score(_sentences(given.data))
    if not scores["sentences"]:
        parser.error(f"{given.data}/presidio-pii has no sentences*.jsonl")
    out = sys.stdout.write
    for title, kinds in (("structured", STRUCTURED), ("names and addresses", UNSTRUCTURED)):
        out(f"{title}\n")
        for kind in kinds:
            row = scores["types"].get(kind)
            if row is not None:
                out(f"  {kind:<15} {row['found']:>4} of {row['spans']:>4}  {row['recall']:>5}\n")
    out(f"structured recall {scores['structured_recall']}, precision {scores['precision']}\n")
    if given.json is not None:
        given.json.write_text(json.dumps(scores, indent=2) + "\n")


if __name__ == "__main__":
    main()
