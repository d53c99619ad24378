"""An endpoint that answers as OpenAI's chat completions do, by a plan or by a rule."""

import json
from collections.abc import Mapping
from typing import Any

from openai import DefaultHttpxClient, OpenAI

from closeloop.adapters.openai import OpenAiModel, Price
from tests.support.scripted_http import Answer, Request

ROUTE = "POST /v1/chat/completions"
PRICE = Price(input=2.0, output=8.0)


def completion(
    content: object,
    *,
    finish_reason: str = "stop",
    refusal: str | None = None,
    tokens: tuple[int, int] = (1000, 100),
    model: str = "gpt-test",
) -> Answer:
    """Return an answer with this content: a text as it is, anything else as JSON."""
    text = content if isinstance(content, str | None) else json.dumps(content)
    message = {"role": "assistant", "content": text, "refusal": refusal}
    return Answer(
        200,
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": model,
            "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
            "usage": {
                "prompt_tokens": tokens[0],
                "completion_tokens": tokens[1],
                "total_tokens": sum(tokens),
            },
        },
        {"Content-Type": "application/json"},
    )


def error(
    status: int, *, code: str | None = None, message: str = "planned", headers: Any = None
) -> Answer:
    """Return an error as the endpoint words it."""
    body = {"error": {"message": message, "type": "planned", "param": None, "code": code}}
    return Answer(status, body, {"Content-Type": "application/json", **(headers or {})})


def model_at(url: str, *, seconds: float = 5.0, key: str = "sk-test") -> OpenAiModel:
    """Return a model of the endpoint at this address; no connection outlasts its answer.

    A byte may take ``seconds``, and a whole answer twice as long.
    """
    client = OpenAI(
        api_key=key,
        base_url=f"{url}/v1",
        max_retries=0,
        timeout=seconds,
        http_client=DefaultHttpxClient(headers={"Connection": "close"}),
    )
    return OpenAiModel(client, "gpt-test", PRICE, seconds=2 * seconds)


def document_of(request: Request) -> Mapping[str, Any]:
    """Return the JSON document that a request asks about."""
    return json.loads(json.loads(request.text)["messages"][1]["content"])


def schema_of(request: Request) -> Mapping[str, Any]:
    """Return the schema in which a request wants its answer, with its name."""
    return json.loads(request.text)["response_format"]["json_schema"]
