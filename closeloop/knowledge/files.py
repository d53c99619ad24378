"""What every reader of knowledge files shares: how a file is read, and how its faults are named.

Every fault is a ``ConfigurationError`` that names the file (relative to its folder) and the key.
"""

from datetime import date
from pathlib import Path
from typing import Annotated, Final

from pydantic import StringConstraints, ValidationError, ValidationInfo, field_validator

from closeloop.errors import ConfigurationError
from closeloop.models.base import Input

MAX_ARTICLE_BYTES: Final = 1_000_000
MAX_FEED_BYTES: Final = 20_000_000

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Version = Annotated[Words, StringConstraints(max_length=32)]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
ArticleId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]


class Dated(Input):
    """What says when it is in force, both days included."""

    valid_from: date | None = None
    valid_until: date | None = None

    @field_validator("valid_until")
    @classmethod
    def _ends_after_it_begins(cls, end: date | None, info: ValidationInfo) -> date | None:
        begin: date | None = info.data.get("valid_from")
        if begin is not None and end is not None and end < begin:
            raise ValueError(f"is before valid_from, {begin}")
        return end


def read_text(name: str, path: Path, *, most: int) -> str:
    """Return what stands in a file of at most ``most`` bytes, as UTF-8.

    Raises:
        ConfigurationError: it cannot be read, is too large, or is not UTF-8.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(most + 1)
    except OSError as error:
        raise ConfigurationError(f"{name}: cannot be read: {error.strerror}") from error
    if len(raw) > most:
        raise ConfigurationError(f"{name}: has more than {most} bytes; split the file")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{name}: is not UTF-8 (byte {error.start}); save it as UTF-8"
        ) from error


def first_fault(name: str, error: ValidationError) -> ConfigurationError:
    """Return the first thing that is wrong with a file's fields, by file and key."""
    first = error.errors(include_url=False)[0]
    key = ".".join(str(step) for step in first["loc"])
    if first["type"] in {"missing", "extra_forbidden"}:
        return ConfigurationError(f"{name}: {key}: {first['msg']}")
    return ConfigurationError(f"{name}: {key}: {first['msg']} (got {str(first['input'])[:80]!r})")


def inert(text: str) -> str:
    """Return plain text as a Markdown paragraph: none of its lines is a heading or a fence."""
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(
        f"\\{line}" if line.startswith(("#", "```", "~~~")) else line for line in lines
    )
