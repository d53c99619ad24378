"""Cuts Markdown articles into passages that are small enough to cite and to read at a glance.

A passage is (part of) one section. Its id says where it stands, its version what it says::

    passage_id   refund-policy                          the text above the first heading
                 refund-policy#how-long-you-have        a section, by the headings it stands under
                 refund-policy#how-long-you-have~2      its second part, or a second such section
    version      3+5f0c2a91d7e4                         article version + hash of title and text

The id survives edits of the text and changes elsewhere in the article; the version does not survive
an edit, so a receipt that names both still says exactly which words an answer rested on.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date

from pydantic import BaseModel, ConfigDict

from closeloop.models.knowledge import Chunk, Document, SourceKind

MAX_PASSAGE_CHARS = 1_200
"""About 300 tokens: a handful of passages fits into any prompt."""
_MAX_SLUG_CHARS = 60

_HEADING = re.compile(r" {0,3}(#{1,6})([ \t].*)?$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)$")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


class Article(BaseModel):
    """One Markdown article: what its front matter says, and its body."""

    model_config = ConfigDict(frozen=True)

    article_id: str
    title: str
    kind: SourceKind
    version: str
    language: str
    valid_from: date | None = None
    valid_until: date | None = None
    body: str


def document_of(article: Article, *, source: str) -> Document:
    """Return the article as stores take it; ``source`` is where it was read from."""
    return Document(
        document_id=article.article_id,
        source=source,
        kind=article.kind,
        language=article.language,
        valid_from=article.valid_from,
        valid_until=article.valid_until,
        chunks=chunk_article(article),
    )


def chunk_article(article: Article, *, max_chars: int = MAX_PASSAGE_CHARS) -> tuple[Chunk, ...]:
    """Return the article's passages in reading order, each text of at most ``max_chars``.

    A section ends at any heading; one that is too long is cut between paragraphs, else between
    lines, sentences or words. A section without text of its own makes no passage.

    Raises:
        ValueError: ``max_chars`` is less than one.
    """
    if max_chars < 1:
        raise ValueError(f"max_chars must be at least 1, got {max_chars}")
    seen: Counter[str] = Counter()
    chunks: list[Chunk] = []
    for headings, text in _sections(article):
        base, title = article.article_id, article.title
        if headings:
            base = f"{base}#{'/'.join(_slug(heading) for heading in headings)}"
            title = f"{title}: {' / '.join(headings)}"
        for part in _pack(text, max_chars):
            seen[base] += 1
            digest = hashlib.sha256(f"{title}\0{part}".encode()).hexdigest()[:12]
            chunks.append(
                Chunk(
                    passage_id=base if seen[base] == 1 else f"{base}~{seen[base]}",
                    title=title,
                    version=f"{article.version}+{digest}",
                    text=part,
                )
            )
    return tuple(chunks)


def _sections(article: Article) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield (headings above, text) of every section that has text.

    A first-level heading that repeats the article's title is not part of the path. Headings within
    fenced code are text.
    """
    path: list[tuple[int, str]] = []
    lines: list[str] = []
    fence = ""
    for line in article.body.splitlines():
        if mark := _FENCE.match(line):
            if not fence:
                fence = mark[1]
            elif mark[1].startswith(fence) and not mark[2].strip():
                fence = ""
        heading = None if fence else _HEADING.match(line)
        if heading is None:
            lines.append(line)
            continue
        if text := "\n".join(lines).strip():
            yield tuple(name for _, name in path), text
        lines = []
        level, name = len(heading[1]), _heading_words(heading[2] or "")
        path = [(above, its_name) for above, its_name in path if above < level]
        if name and not (level == 1 and name.casefold() == article.title.casefold()):
            path.append((level, name))
    if text := "\n".join(lines).strip():
        yield tuple(name for _, name in path), text


def _heading_words(text: str) -> str:
    """Return what a heading says, without the row of ``#`` that may close it."""
    words = text.strip()
    bare = words.rstrip("#")
    return words if bare and not bare[-1].isspace() else bare.rstrip()


def _slug(heading: str) -> str:
    """Return a heading as ids spell it: lower-case words joined by hyphens, never empty."""
    words = re.findall(r"\w+", heading.casefold().replace("'", ""))
    return "-".join(words)[:_MAX_SLUG_CHARS].strip("-") or "section"


def _pack(text: str, max_chars: int) -> Iterator[str]:
    """Yield ``text`` in parts of at most ``max_chars``, cut at boundaries as coarse as can be."""
    cuts = (
        ("\n\n", re.compile(r"\n\s*\n")),
        ("\n", re.compile(r"\n")),
        (" ", _SENTENCE_END),
        (" ", re.compile(r"\s+")),
    )
    pieces: Iterable[tuple[str, str]] = [("", text)]
    for joint, boundary in cuts:
        pieces = list(_split(pieces, joint, boundary, max_chars))
    part = ""
    for joint, piece in pieces:
        for start in range(0, len(piece), max_chars):
            slab = piece[start : start + max_chars]
            if part and not start and len(part) + len(joint) + len(slab) <= max_chars:
                part += joint + slab
                continue
            if part:
                yield part
            part = slab
    if part:
        yield part


def _split(
    pieces: Iterable[tuple[str, str]], joint: str, boundary: re.Pattern[str], max_chars: int
) -> Iterator[tuple[str, str]]:
    """Yield the pieces with those that are too long cut at ``boundary``.

    Each piece comes with the white space that joins it to the piece before.
    """
    for before, piece in pieces:
        if len(piece) <= max_chars:
            yield before, piece
            continue
        fragments = [fragment for fragment in boundary.split(piece) if fragment.strip()]
        for place, fragment in enumerate(fragments):
            yield (joint if place else before), fragment
