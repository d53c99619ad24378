"""Reads Markdown articles with TOML front matter.

::

    +++
    id = "refund-policy"          # unique; part of every passage id
    title = "Refund policy"
    kind = "policy"               # policy, doc or product
    version = "3"                 # the author's own
    language = "en"
    valid_from = 2025-01-01       # optional: not in force before this day
    valid_until = 2026-12-31      # optional: not in force after this day
    +++
    # Refund policy
    ...

A policy is what supports eligibility and amounts: only a file that says ``kind = "policy"`` is one.
"""

import tomllib
from typing import Final, Literal

from pydantic import ValidationError

from closeloop.errors import ConfigurationError
from closeloop.knowledge.chunking import Article
from closeloop.knowledge.files import ArticleId, Dated, Language, Version, Words, first_fault

_FENCE: Final = "+++"


class FrontMatter(Dated):
    """What a Markdown file says about itself."""

    id: ArticleId
    title: Words
    kind: Literal["policy", "doc", "product"]
    version: Version
    language: Language


def parse_markdown(name: str, text: str) -> Article:
    """Return the article in a Markdown file.

    Raises:
        ConfigurationError: its front matter is missing or wrong; names file and key.
    """
    lines = text.splitlines()
    ends = [place for place, line in enumerate(lines) if line.rstrip() == _FENCE]
    if len(ends) < 2 or ends[0] != 0:
        raise ConfigurationError(
            f"{name}: front matter is missing; start the file with TOML between two lines {_FENCE}"
        )
    header, body = "\n".join(lines[1 : ends[1]]), "\n".join(lines[ends[1] + 1 :])
    try:
        fields = FrontMatter.model_validate(tomllib.loads(header))
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{name}: front matter is not valid TOML: {error}") from error
    except ValidationError as error:
        raise first_fault(name, error) from error
    given = fields.model_dump(exclude={"id"})
    return Article.model_validate(given | {"article_id": fields.id, "body": body})
