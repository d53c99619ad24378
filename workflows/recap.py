"""What of a long conversation stays known when it is shown no more: a line a message, pure."""

import re
from collections.abc import Sequence
from typing import Final

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from closeloop.models.base import clip
    from closeloop.models.ticket import Message

LINE_CHARS: Final = 160
FIRST_LINES: Final = 4
MAX_LINES: Final = 24
"""Lines kept: the first ones say what it was about, the last ones where it stands."""

_SENTENCE: Final = re.compile(r"(?<=[.!?])\s+|\n+")
_FIGURE: Final = re.compile(r"\d+")


def lines_of(messages: Sequence[Message]) -> tuple[str, ...]:
    """Return one line for each message: who, and the sentence of it that has the most figures.

    Order numbers, amounts and dates are what is asked about later; without any it is the first.
    """
    return tuple(f"{m.sender}: {_gist(m.text)}" for m in messages)


def bounded(lines: Sequence[str]) -> tuple[str, ...]:
    """Return the first and the last lines, as many as are kept."""
    if len(lines) <= MAX_LINES:
        return tuple(lines)
    return (*lines[:FIRST_LINES], *lines[FIRST_LINES - MAX_LINES :])


def _gist(text: str) -> str:
    sentences = [s for s in _SENTENCE.split(text) if s.strip()] or [""]
    chosen = max(sentences, key=lambda sentence: len(_FIGURE.findall(sentence)))
    return clip(" ".join(chosen.split()), LINE_CHARS)
