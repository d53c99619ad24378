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
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from pathlib import PurePosixPath
from typing import Final, Literal

from pydantic import Field, ValidationError
from selectolax.lexbor import LexborHTMLParser, LexborNode

from closeloop.errors import ConfigurationError
from closeloop.knowledge.chunking import Article
from closeloop.knowledge.files import ArticleId, Dated, Language, Version, Words, first_fault, inert
from closeloop.models.base import clip

MAX_OPEN_IN_ALL: Final = 2_000_000
"""Open elements, counted anew at each tag: the parser's work and memory grow with them.

A page of a megabyte that is 30 deep throughout has that many.
"""

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
_TAG: Final = re.compile(r"<(/?)([a-z][^\s/>]*)([^<>]*)", re.IGNORECASE)
_NEVER_OPEN_TEXT: Final = """
area base body br caption col colgroup dd dt embed head hr html img input li link meta optgroup
option p param rp rt source tbody td tfoot th thead tr track wbr
"""
_NEVER_OPEN: Final = frozenset(_NEVER_OPEN_TEXT.split())
"""Elements without an end, and those that end by themselves."""
_DRAWINGS: Final = ("svg", "math")
"""Within these, an element that ends in ``/>`` is not open."""
_CELLS: Final = frozenset({"td", "th"})
_HEADING: Final = re.compile(r"h([1-6])")


class _Head(Dated):
    """What the head of a page says about the article."""

    id: ArticleId
    title: Words
    kind: Literal["policy", "doc", "product"] = "doc"
    version: Version = "1"
    language: Language = Field(default="en", alias="lang")


def parse_html(name: str, text: str) -> Article:
    """Return the article in an HTML page.

    Raises:
        ConfigurationError: its head is missing something or says it wrong; names file and key.
    """
    _check_nesting(name, text)
    page = LexborHTMLParser(text)
    for node in page.css(_UNSEEN):
        node.decompose()
    try:
        head = _Head.model_validate(dict(_head(name, page)))
    except ValidationError as error:
        raise first_fault(name, error) from error
    root = page.css_first("main") or page.css_first("article") or page.body
    given = head.model_dump(exclude={"id"})
    body = "\n\n".join(_paragraphs(root)) if root is not None else ""
    return Article.model_validate(given | {"article_id": head.id, "body": body})


def _check_nesting(name: str, text: str) -> None:
    """Refuse what would keep the parser busy for ever: it takes time with depth times length."""
    still_open: Counter[str] = Counter()
    deep = in_all = 0
    for end, tag, rest in _TAG.findall(text):
        element = tag.lower()
        drawn = rest.endswith("/") and any(still_open[drawing] for drawing in _DRAWINGS)
        if element in _NEVER_OPEN or drawn:
            pass
        elif not end:
            still_open[element] += 1
            deep += 1
        elif still_open[element]:
            still_open[element] -= 1
            deep -= 1
        in_all += deep
        if in_all > MAX_OPEN_IN_ALL:
            [(worst, times)] = still_open.most_common(1)
            raise ConfigurationError(
                f"{name}: its elements are left open or nested too deep for its length:"
                f" {times} times <{clip(worst, 40)}>"
            )


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
    for _, same in groupby(_placed(root), key=lambda found: found[0].mem_id):
        found = list(same)
        block = found[0][0]
        row = block.parent if block.tag in _CELLS else None
        yield (row or block).mem_id, block, "".join(text for _, text in found)


def _placed(root: LexborNode) -> Iterator[tuple[LexborNode, str]]:
    """Yield (block, text) of each text and line break under ``root``.

    An element comes before what stands in it, so its parent's block is known.
    """
    blocks: dict[int, LexborNode] = {}
    for node in root.traverse(include_text=True):
        parent = node.parent
        block = root if parent is None else blocks.get(parent.mem_id, root)
        if node.is_text_node:
            yield block, node.text_content or ""
        elif node.tag == "br":
            yield block, " "
        else:
            blocks[node.mem_id] = node if node.tag in _BLOCKS else block


def _line(text: str) -> str:
    return " ".join(text.split())
