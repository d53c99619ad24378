"""Embeddings through the official ``openai`` client, at OpenAI or any compatible endpoint."""

from collections.abc import Sequence
from typing import Final

from openai import OpenAI

from closeloop.adapters.openai_errors import failed, openai_call

MODEL: Final = "text-embedding-3-small"
DIMENSIONS: Final = 512
"""The model's vectors may be shortened; these take a third of the room for a little less recall."""
MAX_CHARS: Final = 8_000
"""Where a text is cut. The model reads 8,191 tokens, and no script has two tokens to a character
for long."""
_BATCH: Final = 100
"""Texts in a request; the API takes 2,048, and 300,000 tokens over all of them."""
_BLANK: Final = "-"
"""What is embedded for a blank text, which the API refuses."""


class OpenAiEmbedder:
    """The ``Embedder`` port on OpenAI's embeddings; the client's retries are off."""

    def __init__(self, client: OpenAI) -> None:
        """Keep the client; one serves all threads."""
        self._client = client

    @property
    def name(self) -> str:
        """The model and the length of its vectors."""
        return f"{MODEL}/{DIMENSIONS}"

    @property
    def dimensions(self) -> int:
        """How many numbers a vector has."""
        return DIMENSIONS

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return a vector of length one for each text, in their order.

        Raises:
            ModelRefused: as the table in ``openai_errors`` says.
            ModelUnavailable: likewise.
        """
        clean = [_sendable(text) for text in texts]
        return [
            vector
            for start in range(0, len(clean), _BATCH)
            for vector in self._batch(clean[start : start + _BATCH])
        ]

    def _batch(self, texts: Sequence[str]) -> list[list[float]]:
        with openai_call(MODEL):
            answer = self._client.embeddings.create(
                model=MODEL, input=list(texts), dimensions=DIMENSIONS, encoding_format="float"
            )
        vectors = [item.embedding for item in sorted(answer.data or [], key=lambda it: it.index)]
        if len(vectors) != len(texts) or any(len(vector) != DIMENSIONS for vector in vectors):
            raise failed(
                "malformed", f"{MODEL}: not one vector of {DIMENSIONS} numbers for each text"
            )
        return vectors


def _sendable(text: str) -> str:
    """Return the text as the API takes it: not blank, bounded, and without half a character."""
    whole = text[:MAX_CHARS].encode("utf-8", "replace").decode("utf-8")
    return whole if whole.strip() else _BLANK
