"""Reads a folder of Markdown articles with TOML front matter.

::

    +++
    id = "refund-policy"          # unique in the folder; part of every passage id
    title = "Refund policy"
    kind = "policy"               # policy, doc or product
    version = "3"                 # the author's own
    language = "en"
    valid_from = 2025-01-01       # optional: not in force before this day
    +++
    # Refund policy
    ...

Every fault is a ``ConfigurationError`` that names the file (relative to the folder) and the key.
"""

import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, ValidationError

from closeloop.errors import ConfigurationError
from closeloop.knowledge.chunking import Article, Chunk, chunk_article
from closeloop.models.base import Input

MAX_ARTICLE_BYTES = 1_000_000
_FENCE = "+++"

_Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class _FrontMatter(Input):
    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")
    title: _Words
    kind: Literal["policy", "doc", "product"]
    version: Annotated[_Words, Field(max_length=32)]
    language: str = Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
    valid_from: date | None = None


def read_chunks(folder: Path, *, today: date) -> tuple[Chunk, ...]:
    """Return the passages of every article in ``folder`` that is in force on ``today``.

    Raises:
        ConfigurationError: as ``read_articles``.
    """
    return tuple(
        chunk
        for article in read_articles(folder)
        if article.valid_from is None or article.valid_from <= today
        for chunk in chunk_article(article)
    )


def read_articles(folder: Path) -> tuple[Article, ...]:
    """Return every article (``*.md``, in sub-folders too), ordered by file name.

    Raises:
        ConfigurationError: the folder is not there or has no article, a file cannot be read, its
            front matter is wrong, it has no text, or two files have the same id.
    """
    if not folder.is_dir():
        raise ConfigurationError(f"{folder}: this folder of articles does not exist")
    articles: list[Article] = []
    home: dict[str, str] = {}
    for path in sorted(folder.rglob("*.md")):
        name = path.relative_to(folder).as_posix()
        article = _parse(name, _read(name, path))
        if article.article_id in home:
            first = home[article.article_id]
            raise ConfigurationError(
                f"{name}: id: {article.article_id!r} is already the id of {first}; "
                "give each article its own"
            )
        home[article.article_id] = name
        articles.append(article)
    if not articles:
        raise ConfigurationError(f"{folder}: this folder has no articles (*.md)")
    return tuple(articles)


def _read(name: str, path: Path) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{name}: cannot be read: {error.strerror}") from error
    if len(raw) > MAX_ARTICLE_BYTES:
        raise ConfigurationError(
            f"{name}: has {len(raw)} bytes, the most is {MAX_ARTICLE_BYTES}; split the article"
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{name}: is not UTF-8 (byte {error.start}); save it as UTF-8"
        ) from error


def _parse(name: str, text: str) -> Article:
    lines = text.splitlines()
    ends = [place for place, line in enumerate(lines) if line.rstrip() == _FENCE]
    if len(ends) < 2 or ends[0] != 0:
        raise ConfigurationError(
            f"{name}: front matter is missing; start the file with TOML between two lines {_FENCE}"
        )
    header, body = "\n".join(lines[1 : ends[1]]), "\n".join(lines[ends[1] + 1 :])
    try:
        fields = _FrontMatter.model_validate(tomllib.loads(header))
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{name}: front matter is not valid TOML: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(step) for step in first["loc"])
        raise ConfigurationError(
            f"{name}: {key}: {first['msg']} (got {first['input']!r})"
            if first["type"] not in {"missing", "extra_forbidden"}
            else f"{name}: {key}: {first['msg']}"
        ) from error
    article = Article(
        article_id=fields.id,
        title=fields.title,
        kind=fields.kind,
        version=fields.version,
        language=fields.language,
        valid_from=fields.valid_from,
        body=body,
    )
    if not chunk_article(article):
        raise ConfigurationError(f"{name}: the article has no text below its front matter")
    return article
