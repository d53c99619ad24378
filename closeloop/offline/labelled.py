"""The tenant's own labelled tickets, which the offline classifier learns beside the taxonomy.

``labelled.csv`` in the folder of the policies, with the columns ``text`` and ``intent``; the worker
reads it when it starts. Files given to ``starter.py taxonomy`` may be JSON lines as well.
"""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple, cast

from closeloop.errors import BadInput, ConfigurationError
from closeloop.offline.text import fold

LABELLED_FILE: Final = "labelled.csv"
MAX_LABELLED: Final = 2_000
"""More of them would make the worker's start slow: the model is trained anew each time."""
MAX_TEXT_CHARS: Final = 5_000


class Labelled(NamedTuple):
    """A customer's words, and the intent that a person gave them."""

    text: str
    intent: str


def read_labelled(path: Path, intents: Sequence[str]) -> tuple[Labelled, ...]:
    """Return the labelled tickets of a CSV file, or of JSON lines.

    Raises:
        BadInput: it cannot be read, or a line is wrong; names file, line and field.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}", field="file") from None
    except UnicodeDecodeError:
        raise BadInput(f"{path}: is not UTF-8 text", field="file") from None
    read = _csv if path.suffix.lower() == ".csv" else _json_lines
    found = [_checked(row, f"{path}: line {line}", intents) for line, row in read(path, text)]
    if not found:
        raise BadInput(f"{path}: holds no labelled ticket", field="file")
    if len(found) > MAX_LABELLED:
        raise BadInput(
            f"{path}: {len(found)} tickets; at most {MAX_LABELLED} are learnt", field="file"
        )
    return tuple(found)


def labelled_in(folder: Path, intents: Sequence[str]) -> tuple[Labelled, ...]:
    """Return the labelled tickets of a folder of policies.

    Raises:
        ConfigurationError: a line is wrong; names file, line and field.
    """
    path = folder / LABELLED_FILE
    try:
        return read_labelled(path, intents) if path.exists() else ()
    except BadInput as error:
        raise ConfigurationError(str(error)) from error


def merged(old: Sequence[Labelled], new: Sequence[Labelled]) -> tuple[Labelled, ...]:
    """Return all of them, each text once; a new label replaces an old one."""
    by_text = {fold(one.text).casefold(): one for one in (*old, *new)}
    return tuple(by_text.values())


def write_labelled(path: Path, tickets: Sequence[Labelled]) -> None:
    """Write them as CSV, in one step: a worker that starts meanwhile reads the old or the new."""
    content = io.StringIO()
    writer = csv.writer(content, lineterminator="\n")
    writer.writerow(Labelled._fields)
    writer.writerows(tickets)
    beside = path.with_suffix(".tmp")
    try:
        beside.write_text(content.getvalue(), encoding="utf-8")
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _csv(path: Path, text: str) -> Iterator[tuple[int, dict[str, object]]]:
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    missing = [name for name in Labelled._fields if name not in (rows.fieldnames or ())]
    if missing:
        raise BadInput(f"{path}: line 1: the column {missing[0]} is missing", field=missing[0])
    try:
        for row in rows:
            yield rows.line_num, cast("dict[str, object]", row)
    except csv.Error as error:
        raise BadInput(f"{path}: line {rows.line_num}: is no CSV: {error}", field="file") from None


def _json_lines(path: Path, text: str) -> Iterator[tuple[int, dict[str, object]]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise BadInput(f"{path}: line {number}: is no JSON: {error}", field="file") from None
        if not isinstance(row, dict):
            raise BadInput(f"{path}: line {number}: is no object", field="file")
        yield number, cast("dict[str, object]", row)


def _checked(row: dict[str, object], where: str, intents: Sequence[str]) -> Labelled:
    text, intent = row.get("text"), row.get("intent")
    if not isinstance(text, str) or not text.strip():
        raise BadInput(f"{where}: text: must be a text that is not empty", field="text")
    if len(text) > MAX_TEXT_CHARS:
        raise BadInput(f"{where}: text: is longer than {MAX_TEXT_CHARS} characters", field="text")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise BadInput(f"{where}: text: holds half a character (a lone surrogate)", field="text")
    if intent not in intents:
        raise BadInput(
            f"{where}: intent: {str(intent)[:60]!r} is no intent of the taxonomy", field="intent"
        )
    return Labelled(text, str(intent))
