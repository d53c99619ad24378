"""What stands in files and options, made exact."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from closeloop.errors import BadInput
from closeloop.intake import Model, parse_input

MAX_FILE_BYTES: Final = 4_000_000
"""More than any valid file needs; what is larger is not read at all."""

_AGO: Final = re.compile(r"(?P<number>[1-9][0-9]{0,4})(?P<unit>[dhm])")
_UNITS: Final = {"d": "days", "h": "hours", "m": "minutes"}


def read_model(path: Path, model: type[Model], *, option: str) -> Model:
    """Return the JSON file at ``path`` as ``model``.

    Raises:
        BadInput: names the file and, where there is one, the field.
    """
    data = _read_json(path, option)
    try:
        return parse_input(model, data)
    except BadInput as error:
        raise BadInput(f"{path}: {error}", field=error.field) from None


def parse_since(text: str, *, now: datetime) -> datetime:
    """Return the time that ``7d``, ``24h``, ``30m``, a date or an RFC 3339 time stands for.

    Raises:
        BadInput: it is none of them.
    """
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return now - timedelta(**{_UNITS[ago["unit"]]: int(ago["number"])})
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(
            f"since {text[:60]!r} is not a time: write 7d, 24h, 2027-01-31 or 2027-01-31T12:00:00Z",
            field="since",
        ) from None
    return given.replace(tzinfo=UTC) if given.tzinfo is None else given.astimezone(UTC)


def read_content(path: Path, *, option: str) -> bytes:
    """Return what stands in a file, exactly.

    Raises:
        BadInput: it cannot be read, or is too large; names the file.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}", field=option) from None
    if len(content) > MAX_FILE_BYTES:
        raise BadInput(f"{path}: is larger than {MAX_FILE_BYTES} bytes", field=option)
    return content


def _read_json(path: Path, option: str) -> object:
    content = read_content(path, option=option)
    try:
        return json.loads(content.decode("utf-8-sig"), object_pairs_hook=_each_once)
    except _Twice as error:
        raise BadInput(f"{path}: the field {error} stands there twice", field=option) from None
    except UnicodeDecodeError:
        raise BadInput(f"{path}: is not UTF-8 text", field=option) from None
    except json.JSONDecodeError as error:
        raise BadInput(
            f"{path}: is not JSON: {error.msg} at line {error.lineno}, column {error.colno}",
            field=option,
        ) from None
    except ValueError as error:  # a number with more digits than Python converts
        raise BadInput(f"{path}: is not usable JSON: {error}", field=option) from None
    except RecursionError:
        raise BadInput(f"{path}: is nested too deeply", field=option) from None


class _Twice(Exception):
    """A field that an object names twice: which one is meant cannot be known."""


def _each_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise _Twice(repr(name[:60]))
        found[name] = value
    return found
