"""Knowledge as agents see it."""

from typing import Literal

from closeloop.models.base import Wire

SourceKind = Literal["policy", "doc", "product", "past_ticket"]


class Passage(Wire):
    """A retrieved piece of knowledge; ``text`` stays in the activity, histories carry the rest."""

    passage_id: str
    article_id: str
    title: str
    kind: SourceKind
    version: str
    score: float
    text: str = ""
