"""Reads a folder of knowledge: articles in Markdown and HTML, product feeds in JSON and CSV.

Files of other kinds and hidden ones are left alone. Every fault is a ``ConfigurationError`` that
names the file (relative to the folder) and the key.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from closeloop.errors import BackendRefused, ConfigurationError
from closeloop.knowledge.chunking import Article, chunk_article, document_of
from closeloop.knowledge.feeds import parse_csv_feed, parse_json_feed
from closeloop.knowledge.files import MAX_ARTICLE_BYTES, MAX_FEED_BYTES, read_text
from closeloop.knowledge.html import parse_html
from closeloop.knowledge.markdown import parse_markdown
from closeloop.models.base import sayable
from closeloop.models.knowledge import KNOWLEDGE_BASE, Document

_ARTICLES: Final[Mapping[str, Callable[[str, str], Article]]] = {
    ".md": parse_markdown,
    ".html": parse_html,
    ".htm": parse_html,
}
_FEEDS: Final[Mapping[str, Callable[[str, str], Iterator[Article]]]] = {
    ".json": parse_json_feed,
    ".csv": parse_csv_feed,
}


class Folders:
    """The port ``KnowledgeSources``: a source is a folder of this machine, named by its path."""

    def __init__(self, knowledge_base: Path) -> None:
        """Keep the folder that the source ``knowledge_base`` stands for, wherever it lies."""
        self._knowledge_base = knowledge_base

    def documents(self, tenant: str, source: str) -> Iterator[Document]:
        """Yield the documents of a folder; every tenant may be given every folder."""
        folder = self._knowledge_base if source == KNOWLEDGE_BASE else Path(source)
        try:
            for article in read_articles(folder):
                yield document_of(article, source=source)
        except ConfigurationError as error:
            raise BackendRefused(sayable(str(error)), code="bad_source") from error


def read_documents(folder: Path, *, source: str = KNOWLEDGE_BASE) -> tuple[Document, ...]:
    """Return every article and product of the folder as stores take it.

    Raises:
        ConfigurationError: as ``read_articles``.
    """
    return tuple(document_of(article, source=source) for article in read_articles(folder))


def read_articles(folder: Path) -> Iterator[Article]:
    """Yield every article and product in ``folder`` and its sub-folders, ordered by file name.

    Raises:
        ConfigurationError: there is no such folder, a file is faulty, or two have the same id.
    """
    if not folder.is_dir():
        raise ConfigurationError(
            f"{folder}: this folder of articles does not exist; if it is not to come back, sync the"
            " others without it, and its articles are removed"
        )
    home: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not path.is_file() or any(part.startswith(".") for part in Path(name).parts):
            continue
        for article in _parse(name, path):
            if article.article_id in home:
                first = home[article.article_id]
                raise ConfigurationError(
                    f"{name}: id: {article.article_id!r} is already the id of {first}; "
                    "give each article its own"
                )
            home[article.article_id] = name
            yield article


def _parse(name: str, path: Path) -> Iterator[Article]:
    """Yield one by one what stands in a file: between them a sync says that it is alive."""
    suffix = path.suffix.lower()
    if suffix in _FEEDS:
        yield from _FEEDS[suffix](name, read_text(name, path, most=MAX_FEED_BYTES))
    if suffix not in _ARTICLES:
        return
    article = _ARTICLES[suffix](name, read_text(name, path, most=MAX_ARTICLE_BYTES))
    if not chunk_article(article):
        raise ConfigurationError(f"{name}: the article has no text of its own")
    yield article
