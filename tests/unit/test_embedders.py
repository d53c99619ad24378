"""Embedders: any text has a vector of length one, in whatever language and however long."""

import json
import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import openai
import pytest

from closeloop.adapters.openai_embeddings import DIMENSIONS, MAX_CHARS, OpenAiEmbedder
from closeloop.encoder import sentence_model
from closeloop.errors import BackendRefused, BackendUnavailable
from closeloop.knowledge.encoder import SentenceEncoder
from closeloop.ports import Embedder

ODD = ("", "   ", "\x00", "\ud800", "😀", "日本語のテキスト", "word " * 20_000)


def cosine(a: Sequence[float], b: Sequence[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


@pytest.fixture(scope="module")
def encoder() -> Embedder:
    return SentenceEncoder()


def test_any_text_has_a_vector_of_length_one(encoder: Embedder) -> None:
    vectors = encoder.embed(ODD)
    assert len(vectors) == len(ODD)
    for vector in vectors:
        assert len(vector) == encoder.dimensions
        assert math.isclose(math.sqrt(cosine(vector, vector)), 1.0, abs_tol=1e-3)
    assert encoder.embed([]) == []


def test_a_translation_is_nearer_than_another_matter(encoder: Embedder) -> None:
    asked, *rest = encoder.embed(
        [
            "How do I return a broken lamp?",
            "¿Cómo devuelvo una lámpara rota?",
            "Wie gebe ich eine kaputte Lampe zurück?",
            "Our shop opens at nine.",
        ]
    )
    spanish, german, other = (cosine(asked, vector) for vector in rest)
    assert min(spanish, german) > other + 0.3


def test_a_text_s_vector_does_not_depend_on_its_company(encoder: Embedder) -> None:
    (alone,) = encoder.embed(["a walrus"])
    among = encoder.embed([*(f"text number {n}" for n in range(300)), "a walrus"])[-1]
    assert cosine(alone, among) > 0.999


def test_threads_share_one_model() -> None:
    with ThreadPoolExecutor(4) as pool:
        models = [*pool.map(lambda _: sentence_model(), range(8))]
    assert all(model is models[0] for model in models)


class _Endpoint(BaseHTTPRequestHandler):
    """Answers embeddings as the API does, last text first; or what a test plans."""

    asked: list[dict[str, Any]]
    planned: list[tuple[int, dict[str, str], object]]

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append(body)
        if any(not text.strip() for text in body["input"]):
            self._say(400, {}, {"error": {"message": "input cannot be empty", "code": None}})
        elif self.planned:
            self._say(*self.planned.pop(0))
        else:
            data = [
                {"index": place, "embedding": [1.0, *[0.0] * (DIMENSIONS - 2), float(len(text))]}
                for place, text in enumerate(body["input"])
            ]
            self._say(200, {}, {"data": data[::-1], "model": body["model"], "object": "list"})

    def _say(self, status: int, headers: dict[str, str], body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Type": "application/json"}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def endpoint(
    *planned: tuple[int, dict[str, str], object],
) -> Iterator[tuple[OpenAiEmbedder, list[dict[str, Any]]]]:
    asked: list[dict[str, Any]] = []
    handler = type("Planned", (_Endpoint,), {"asked": asked, "planned": list(planned)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    client = openai.OpenAI(
        api_key="none", base_url=f"http://127.0.0.1:{server.server_address[1]}/v1", max_retries=0
    )
    try:
        yield OpenAiEmbedder(client), asked
    finally:
        client.close()
        server.shutdown()
        server.server_close()
        thread.join()


def test_openai_s_vectors_come_in_the_order_of_the_texts_and_in_batches() -> None:
    with endpoint() as (embedder, asked):
        vectors = embedder.embed([*ODD, *("x" * n for n in range(1, 200))])
    assert [len(body["input"]) for body in asked] == [100, 100, 6]
    assert [vector[-1] for vector in vectors[len(ODD) :]] == list(map(float, range(1, 200)))
    assert max(len(text) for body in asked for text in body["input"]) == MAX_CHARS
    assert {body["dimensions"] for body in asked} == {DIMENSIONS} == {embedder.dimensions}


@pytest.mark.parametrize(
    ("status", "headers", "body", "kind", "detail"),
    [
        (429, {"Retry-After": "7"}, {"error": {"message": "busy"}}, BackendUnavailable, 7.0),
        (500, {}, {"error": {"message": "broken"}}, BackendUnavailable, None),
        (401, {}, {"error": {"message": "bad key"}}, BackendRefused, "authentication"),
        (200, {}, {"data": [], "model": "m", "object": "list"}, BackendRefused, "malformed"),
    ],
)
def test_openai_s_failures_are_typed_and_not_repeated_here(
    status: int, headers: dict[str, str], body: object, kind: type[Exception], detail: object
) -> None:
    with endpoint((status, headers, body)) as (embedder, asked):
        with pytest.raises(kind) as caught:
            embedder.embed(["a walrus"])
        assert len(asked) == 1
    error = caught.value
    assert detail == getattr(error, "code", getattr(error, "retry_after_seconds", None))
