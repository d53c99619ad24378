"""Did the customer ask for it: plain readings of the customer's own words.

They look for words, they understand nothing. Where they find none a person is asked, so that a
miss costs a minute; every doubt is therefore read as "not asked".
"""

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from closeloop.actions.base import ActionParams
from closeloop.models.records import OrderLine, OrderRecord

_QUOTE_HEAD: Final = re.compile(r"^\s*(on\b.{0,200}\bwrote:|-{2,}\s*original message\b.*)$", re.I)
_WORD: Final = re.compile(r"[a-z0-9]+")
_HASH_ID: Final = re.compile(r"#[A-Za-z0-9_-]{1,40}")

_EVERYTHING: Final = re.compile(
    r"\b(everything|all of (it|them|these|those)|all (the )?items|all \w+ items"
    r"|(whole|entire|complete|full) (order|purchase|amount|refund|price))\b"
)
_SHIPPING: Final = re.compile(r"\b(shipping|postage|delivery (fee|cost|charge)s?)\b")

_CLAUSE_END: Final = re.compile(
    r"[.!?;,:\n()]|\s[-\u2013\u2014]\s"
    r"|\b(?:but|so|please|then|because|instead(?!\s+of)|and(?=\s+(?:i|we|would|please|want|need)\b))\b"
)
_UNWANTED: Final = re.compile(
    r"\b(?:(?:do|does|would|should|shall|will|must|could)\s*n(?:o|')?t|won't|dont|doesnt|wont|no|not"
    r"|never|without|rather\s+than|instead\s+of|cancelled\s+the|withdraw)\b(?P<between>[^\n]*)$"
)
_STILL_OPEN: Final = re.compile(
    r"\b(?:have|has|had|did|was|were|is|am|are)\s*(?:not|never|no)\b"
    r"|\bnot?\s+(?:yet\s+)?(?:been|received|got|gotten|seen|have|had|arrived)\b"
    r"|\b(?:why|cannot|can't|can|could)\b[^\n]*\b(?:not|n't|dont|don't|no)\b"
)
_WINDOW_WORDS: Final = 6
_UNWANTED_AFTER: Final = re.compile(
    r"^\w*\W+(?:\w+\W+){0,2}?(?:not|isn't|is\s+not|no\s+longer)\s+"
    r"(?:needed|necessary|required|wanted|what)\b"
)
_RULE_OF: Final = re.compile(r"^\w*\s+(?:polic|rule|window|terms|conditions|process|period)")


def own_words(message: str) -> str:
    """Return a message in lower case, without what it quotes of others."""
    kept: list[str] = []
    for line in message.replace("\u2019", "'").splitlines():
        if _QUOTE_HEAD.match(line):
            break
        if not line.lstrip().startswith(">"):
            kept.append(line)
    return "\n".join(kept).lower()
