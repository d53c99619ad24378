"""Knowledge as agents see it, and as stores are given it."""

import hashlib
from datetime import date
from typing import Final, Literal

from closeloop.models.base import Wire

SourceKind = Literal["policy", "doc", "product", "past_ticket"]

KNOWLEDGE_BASE: Final = "knowledge_base"
"""The source that a worker indexes as it starts, for tenants without folders of their own."""
PAST_TICKETS: Final = "past_tickets"
"""The source of what people approved; see ``activities.past_tickets``."""


class Passage(Wire):
    """A retrieved piece of knowledge; ``text`` stays in the activity, histories carry the rest."""

    passage_id: str
    article_id: str
    title: str
    kind: SourceKind
    version: str
    score: float
    text: str = ""


class Chunk(Wire):
    """A passage before it is stored: ``title`` is the document's and the headings', joined."""

    passage_id: str
    title: str
    version: str
    text: str


class Document(Wire):
    """An article, product or past ticket, with all of its passages.

    ``document_id`` is what a passage calls ``article_id``. ``source`` says where it was read from:
    whoever reads that source again may delete what is no longer in it.
    """

    document_id: str
    source: str
    kind: SourceKind
    language: str = "en"
    """A language tag (``en``, ``pt-BR``); searches compare its first part."""
    valid_from: date | None = None
    """Not in force before this day."""
    valid_until: date | None = None
    """Not in force after this day."""
    chunks: tuple[Chunk, ...]

    @property
    def digest(self) -> str:
        """Hash of all that the document says: equal digests need no new ``put``."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:32]


class StoredDocument(Wire):
    """What a store tells about a document that it holds."""

    document_id: str
    source: str
    digest: str
