"""Quotes articles: the sentences of the retrieved passages that answer what was asked."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from closeloop.models.base import clip
from closeloop.models.knowledge import Passage
from closeloop.offline.playbooks.reading import stem, stems

MAX_QUOTE_CHARS: Final = 420

_LINK: Final = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_SENTENCE_END: Final = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9\"'(])")
_ITEM: Final = re.compile(r"^\s*(?:[-*+]|\d+\.)\s+")
_RULE: Final = re.compile(r"^\|[\s:|-]+\|$")

# Words that carry no topic; what is left of a question is what a sentence has to speak about.
_STOP_TEXT: Final = """
a about after again all also am an and any anyone anything are as at be because been before
being best bought buy but by bye can cannot come could customer dear did do does don't
doesn't ever every find for from get give go going good got had has have hello help her here hey
hi him his how i i'd i'm i've if in into is isn't it it's its just kind know last let like long
look looking made make many may me mean might mine more most much must my need no not now of off
ok on once one only or order ordered other our out over own please pls possible purchase
question quick really regards same say see send shall she should shop so some still such support
sure take team tell than thank thanks that the their them then there these they thing think this
those time to too up us use very want wanted was we well were what what's when where which while
who why will with wonder wondering work would x yes you your yours
"""
_STOP_WORDS: Final = frozenset(map(stem, _STOP_TEXT.split()))


@dataclass(frozen=True, slots=True)
class Quote:
    """Sentences of one passage, with its id to cite."""

    passage_id: str
    title: str
    text: str


def topic_words(text: str) -> frozenset[str]:
    """Return the roots of the words in ``text`` that carry its topic."""
    words = stems(text.replace("-", " "))
    return frozenset(_root(word) for word in words if word not in _STOP_WORDS)


def _root(word: str) -> str:
    """Return what "deliver", "delivered" and "delivery" have in common."""
    for ending in ("ing", "ed"):
        if len(word) > len(ending) + 2 and word.endswith(ending):
            word = word.removesuffix(ending)
            return word[:-1] if word[-1] == word[-2] and word[-1] not in "sl" else word
    return word.rstrip("ey") if len(word) > 4 else word


def statements(text: str) -> tuple[str, ...]:
    """Return the sentences, list items and table rows of a Markdown passage, in plain text."""
    return tuple(
        statement for block in _blocks(text) for part in block if (statement := _plain(part))
    )


def quote_on(
    topic: Collection[str],
    passages: Sequence[Passage],
    *,
    needs: int = 2,
    most: int = 2,
    must: str = "",
) -> Quote | None:
    """Return up to ``most`` statements in a row on a topic; None where nothing speaks of it.

    A title that shares words with the topic is worth more than a statement that does. Title and
    statements together have to hold ``needs`` words of the topic, and one of the statements every
    word of ``must``.
    """
    needed = topic_words(must)
    best: tuple[int, Quote] | None = None
    for passage in passages:
        title = topic_words(passage.title).intersection(topic)
        lines = statements(passage.text)
        spoken = [topic_words(line) for line in lines]
        hits = [words.intersection(topic) for words in spoken]
        for start, end in _runs(hits, most):
            held = title.union(*hits[start:end])
            score = 2 * len(title) + sum(map(len, hits[start:end]))
            said = any(needed <= words for words in spoken[start:end])
            if said and len(held) >= needs and (best is None or score > best[0]):
                text = clip(" ".join(lines[start:end]), MAX_QUOTE_CHARS)
                best = (score, Quote(passage.passage_id, passage.title, text))
    return best[1] if best else None


def _runs(hits: Sequence[Collection[str]], most: int) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of up to ``most`` statements that begin and end on the topic."""
    for start in range(len(hits)):
        for end in range(start + 1, min(start + most, len(hits)) + 1):
            if hits[start] and hits[end - 1]:
                yield start, end


def fact_on(question: str, passages: Sequence[Passage]) -> Quote | None:
    """Return the statements that answer a question about a subject; None where none do.

    The subject has to be that of the article ("Stoneware Mug"), and its section or a statement has
    to speak of what is asked beyond it ("dishwasher"): one that only names the subject answers
    nothing.
    """
    asked = topic_words(question)
    best: tuple[int, Quote] | None = None
    for passage in passages:
        article, _, section = passage.title.partition(":")
        subject = asked & topic_words(article)
        beyond = asked - subject
        lines = statements(passage.text)
        hits = [len(beyond & topic_words(line)) for line in lines]
        strongest = max(hits, default=0)
        headed = len(beyond & topic_words(section))
        score = 3 * len(subject) + 2 * strongest + headed
        if lines and subject and strongest + headed and (best is None or score > best[0]):
            chosen = [line for line, hit in zip(lines, hits, strict=True) if hit == strongest][:2]
            text = clip(" ".join(chosen), MAX_QUOTE_CHARS)
            best = (score, Quote(passage.passage_id, passage.title, text))
    return best[1] if best else None


def _blocks(text: str) -> Iterator[list[str]]:
    """Yield the statements of every paragraph, list and table of a Markdown text."""
    for block in re.split(r"\n\s*\n", text.strip()):
        lines = [line.strip() for line in block.splitlines() if line.strip()]
        if lines and lines[0].startswith("|"):
            yield _rows(lines)
            continue
        joined: list[str] = []
        for line in lines:
            if _ITEM.match(line) or not joined:
                joined.append(_ITEM.sub("", line))
            else:
                joined[-1] += f" {line}"
        yield [part for entry in joined for part in _SENTENCE_END.split(entry)]


def _rows(lines: Sequence[str]) -> list[str]:
    """Return each row of a table as ``header: cell`` pairs in one sentence."""
    table = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in lines
        if not _RULE.match(line)
    ]
    if not table:
        return []
    header, *rows = table
    return [
        ", ".join(f"{name} {cell}".strip() for name, cell in zip(header, row, strict=False)) + "."
        for row in rows
    ]


def _plain(text: str) -> str:
    words = _LINK.sub(r"\1", text).replace("**", "").replace("*", "").replace("`", "")
    return " ".join(words.replace("{{", "{ {").replace("}}", "} }").split())
