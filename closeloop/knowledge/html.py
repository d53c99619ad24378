"""Reads HTML pages: their visible text alone, as Markdown, cut at their own headings.

A page says the rest about itself in its head::

    <html lang="en">
    <title>Refund policy</title>                           the article's title
    <meta name="closeloop:id" content="refund-policy">     else from the file's name
    <meta name="closeloop:kind" content="policy">          policy, doc or product; else doc
    <meta name="closeloop:version" content="3">            else 1
    <meta name="closeloop:valid_from" content="2025-01-01">       valid_until likewise

Of a link its words stay; scripts, forms, and what a reader of the page does not see leave no trace.
Where the page has a ``main`` or ``article`` element, the rest is left out.
"""

import re
from collections.abc import Iterator
from datetime import date
from itertools import groupby
from pathlib import PurePosixPath
from typing import Final, Literal

from pydantic import Field, ValidationError
from selectolax.lexbor import LexborHTMLParser, LexborNode

from closeloop.errors import ConfigurationError
from closeloop.knowledge.chunking import Article
from closeloop.knowledge.files import ArticleId, Language, Version, Words, first_fault, inert
from closeloop.models.base import Input

_META: Final = "closeloop:"
_UNSEEN: Final = (
    "script, style, noscript, template, iframe, object, embed, svg, math, form, nav, footer, "
    '[hidden], [aria-hidden="true"], [style*="display:none" i], [style*="display: none" i], '
    '[style*="visibility:hidden" i], [style*="visibility: hidden" i]'
)
_BLOCK_TEXT: Final = """
address article aside blockquote body caption dd details div dl dt fieldset figcaption figure h1 h2
h3 h4 h5 h6 header hr li main ol p pre section summary table tbody td tfoot th thead tr ul
"""
_BLOCKS: Final = frozenset(_BLOCK_TEXT.split())
_CELLS: Final = frozenset({"td", "th"})
_HEADING: Final = re.compile(r"h([1-6])")


class _Head(Input):
    """What the head of a page says about the article."""

    id: ArticleId
    title: Words
    kind: Literal["policy", "doc", "product"] = "doc"
    version: Version = "1"
    language: Language = Field(default="en", alias="lang")
    valid_from: date | None = None
    valid_until: date | None = None


def parse_html(name: str, text: str) -> Article:
    """Return the article in an HTML page.

    Raises:
        ConfigurationError: its head is missing something or says it wrong; names file and key.
    """
    page = LexborHTMLParser(text)
    try:
        head = _Head.model_validate(dict(_head(name, page)))
    except ValidationError as error:
        raise first_fault(name, error) from error
    for node in page.css(_UNSEEN):
        node.decompose()
    root = page.css_first("main") or page.css_first("article") or page.body
    given = head.model_dump(exclude={"id"})
    body = "\n\n".join(_paragraphs(root)) if root is not None else ""
    return Article.model_validate(given | {"article_id": head.id, "body": body})


def _head(name: str, page: LexborHTMLParser) -> Iterator[tuple[str, str]]:
    """Yield the fields that the page gives, the id from the file's name first."""
    stem = PurePosixPath(name).stem.lower()
    yield "id", re.sub(r"[^a-z0-9]+", "-", stem).strip("-")
    title = page.css_first("title") or page.css_first("h1")
    if title is not None:
        yield "title", _line(title.text())
    if page.root is not None and (language := page.root.attributes.get("lang")):
        yield "lang", language
    seen: set[str] = set()
    for node in page.css(f'meta[name^="{_META}"]'):
        key = (node.attributes["name"] or "").removeprefix(_META)
        if key in seen:
            raise ConfigurationError(f"{name}: {_META}{key}: stands there twice")
        seen.add(key)
        yield key, node.attributes.get("content") or ""


def _paragraphs(root: LexborNode) -> Iterator[str]:
    """Yield the visible text of ``root`` as Markdown paragraphs, headings, items and rows."""
    for _, row in groupby(_texts(root), key=lambda found: found[0]):
        blocks = [(block.tag or "", _line(text)) for _, block, text in row]
        blocks = [(tag, text) for tag, text in blocks if text]
        if not blocks:
            continue
        tag, text = blocks[0]
        if tag in _CELLS:
            yield f"| {' | '.join(cell.replace('|', '/') for _, cell in blocks)} |"
        elif heading := _HEADING.fullmatch(tag):
            yield f"{'#' * int(heading[1])} {text}"
        else:
            yield f"- {text}" if tag == "li" else inert(text)


def _texts(root: LexborNode) -> Iterator[tuple[int, LexborNode, str]]:
    """Yield (paragraph or row, block, text) of what stands under ``root``, in reading order."""
    placed = (
        (_block_of(node), (node.text_content or "") if node.is_text_node else " ")
        for node in root.traverse(include_text=True)
        if node.is_text_node or node.tag == "br"
    )
    for _, same in groupby(placed, key=lambda found: found[0].mem_id):
        found = list(same)
        block = found[0][0]
        row = block.parent if block.tag in _CELLS else None
        yield (row or block).mem_id, block, "".join(text for _, text in found)


def _block_of(node: LexborNode) -> LexborNode:
    """Return the block that a text stands in."""
    parent = node.parent
    while parent is not None and parent.tag not in _BLOCKS:
        node, parent = parent, parent.parent
    return parent or node


def _line(text: str) -> str:
    return " ".join(text.split())
