"""Reads a free-text query the same way for every store, and joins what a store's two legs found.

A search has two legs: *words* (BM25, every telling word as often as the query says it) and
*meaning* (nearest vectors). Their rankings are joined by reciprocal-rank fusion (Cormack, Clarke
and Buettcher, 2009), which needs no scores that compare.

One vector says what a sentence is about, not what a page is about. In a query longer than a few
sentences the words therefore weigh more, and the vector is steered to the best passages that the
words found (pseudo-relevance feedback, after Rocchio).
"""

import math
import re
import threading
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import apsw

RANK_CONSTANT: Final = 10
"""How fast a rank loses weight: on the scale of the few passages that are read, not the usual 60,
which suits lists of a thousand."""
TITLE_WEIGHT: Final = 3
"""How many times a word of a passage's title counts, beside one of its text."""
DEPTH: Final = 200
"""How far down each leg is read."""
LONG_QUERY_WORDS: Final = 64
"""From here on a query is more than the few sentences that one vector can stand for."""
LONG_QUERY_MEANING: Final = 0.3
"""What meaning weighs beside words (1.0) in a long query."""
FEEDBACK: Final = 5
"""How many of the best passages by words steer the vector of a long query."""
TOKENIZER: Final = "porter unicode61 remove_diacritics 2"
"""What SQLite's full-text index makes words with."""
_TOKENIZING: Final = threading.Lock()
_MAX_WORDS: Final = 512
"""About three pages: what comes after has been said before."""

# Words that say nothing about what is asked, and what is left of "don't", "I'll", "we've".
_STOP_TEXT: Final = """
a about after again all also am an and any anyone are aren as at be because been before being
but by can cannot could couldn d did didn do does doesn doing don done each else for from get
gets getting give got had has hasn have haven having he hello her here hi him his how i if in
into is isn it its just know let like ll m many may me might mine more most much must my need
no not now of off on once one only or other our out over own please possible re really s said
say she should so some still such t tell than thank thanks that the their them then there these
they thing things this those to too up us ve very want wanted was wasn we were weren what when
where which while who whom why will with won would wouldn yes you your yours
"""
_STOP_WORDS: Final = frozenset(_STOP_TEXT.split())


@dataclass(frozen=True, slots=True)
class Query:
    """A query as both legs read it."""

    text: str
    words: tuple[str, ...]
    """The telling words in lower case, in order and as often as they are said; none: no results."""
    is_long: bool

    @property
    def meaning_weight(self) -> float:
        """What the leg of meaning weighs where the leg of words weighs one."""
        return LONG_QUERY_MEANING if self.is_long else 1.0


def read_query(text: str) -> Query:
    """Return what there is to search for in any text."""
    words = re.findall(r"[^\W_]+", unicodedata.normalize("NFC", text).lower())
    telling = [word for word in words if word not in _STOP_WORDS]
    return Query(text, tuple(telling[:_MAX_WORDS]), len(words) > LONG_QUERY_WORDS)


def stems(text: str) -> list[str]:
    """Return the words of a text as SQLite's full-text index has them: in order, by Porter's stems.

    A store that has no stems of its own indexes these, and every store finds by the same words.
    """
    with _TOKENIZING:
        return _tokenizer()(
            text.encode("utf-8", "replace"),
            apsw.FTS5_TOKENIZE_DOCUMENT,
            None,
            include_offsets=False,
            include_colocated=False,
        )


@cache
def _tokenizer() -> Any:
    name, *arguments = (str(part) for part in TOKENIZER.split())
    return apsw.Connection(":memory:").fts5_tokenizer(name, arguments)


def primary_language(tag: str) -> str:
    """Return the first part of a language tag: ``pt`` of ``pt-BR``."""
    return tag.partition("-")[0].lower()


def fuse(*legs: tuple[float, Sequence[str]]) -> list[tuple[str, float]]:
    """Return the ids of all legs with their joint score, best first.

    A leg is its weight and its ids, best first. Equal scores go by id.
    """
    scores: defaultdict[str, float] = defaultdict(float)
    for weight, ids in legs:
        for rank, one in enumerate(ids, start=1):
            scores[one] += weight / (RANK_CONSTANT + rank)
    return sorted(scores.items(), key=lambda item: (-item[1], item[0]))


def steered(vector: Sequence[float], towards: Iterable[Sequence[float]]) -> list[float]:
    """Return the vector half way to the mean of others; as it is where there are none."""
    others = list(towards)
    if not others:
        return list(vector)
    middle = _unit([sum(column) for column in zip(*others, strict=True)])
    return _unit([a + b for a, b in zip(vector, middle, strict=True)])


def _unit(vector: Sequence[float]) -> list[float]:
    length = math.sqrt(sum(x * x for x in vector))
    return [x / length for x in vector] if length else list(vector)
