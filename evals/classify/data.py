"""The labelled texts of the public sets, found by glob below ``--data``."""

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from closeloop.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """A text, its intent, and the letters of its linguistic tags where the set has them."""

    text: str
    intent: str
    tags: str = ""


def read(
    folder: Path, pattern: str, *, text: str = "text", intent: str, tags: str = ""
) -> tuple[Labelled, ...]:
    """Return the rows of every file in ``folder`` that fits ``pattern`` (CSV or JSON lines).

    Args:
        folder: where the set lies.
        pattern: a glob for the names of the files.
        text: the column of the text.
        intent: the column of the intent.
        tags: the column of the tags, if there is one.

    Raises:
        ConfigurationError: there is no such file, or a row lacks a field; names file, row, field.
    """
    files = sorted(folder.glob(pattern))
    if not files:
        raise ConfigurationError(f"--data: there is no {pattern} in {folder}")
    rows: list[Labelled] = []
    for file in files:
        for number, row in enumerate(_rows(file), start=1):
            missing = [name for name in (text, intent) if not row.get(name)]
            if missing:
                raise ConfigurationError(f"{file}: row {number}: {missing[0]}: is missing")
            letters = row.get(tags, "") if tags else ""
            rows.append(Labelled(text=row[text], intent=row[intent], tags=letters))
    return tuple(rows)


def _rows(file: Path) -> Iterable[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        if file.suffix == ".csv":
            yield from csv.DictReader(lines)
        else:
            yield from (json.loads(line) for line in lines if line.strip())


def by_intent(rows: Sequence[Labelled]) -> dict[str, list[str]]:
    """Return the texts by intent, as an ``IntentModel`` is given them."""
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row.intent, []).append(row.text)
    return found
