"""Codes in a customer's words: finding them, and taking them out of what is kept and shown."""

import re
from typing import Final

DIGITS: Final = 8
MOST: Final = 10
"""How many of a message are looked at; so many wrong ones lock everybody out."""
HIDDEN: Final = "[code]"
"""What stands in a message in the place of a code; a message of nothing else is just this."""

_CODE: Final = re.compile(r"(?<![\w#.,+-])(?<!\d )(\d{4})[ \u00a0-]?(\d{4})(?![\w-]|[., ]\d)")
_WORD: Final = re.compile(r"[^\W\d_]+")
_AROUND: Final = frozenset(
    {"a", "and", "ask", "asked", "code", "for", "got", "hello", "here", "hi", "i", "is", "it"}
    | {"its", "mine", "my", "number", "of", "please", "sent", "thank", "thanks", "that", "the"}
    | {"there", "this", "verification", "was", "you", "your"}
)
"""Words that a message may have around a code and still say nothing else."""


def found(text: str) -> tuple[str, ...]:
    """Return what may be a code, each once, in the order of the text."""
    return tuple(dict.fromkeys(first + last for first, last in _CODE.findall(text)))[:MOST]


def hidden(text: str) -> str:
    """Return the text without what may be a code; only ``HIDDEN`` where nothing else is said."""
    without = _CODE.sub(HIDDEN, text)
    if without == text:
        return text
    words = _WORD.findall(without.replace(HIDDEN, " ").lower())
    return HIDDEN if _AROUND.issuperset(words) else without


def shown(code: str) -> str:
    """Return a code as people read it: ``4821 0937``."""
    return f"{code[:4]} {code[4:]}"
