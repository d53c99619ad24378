"""Language models through the official ``openai`` client, at OpenAI or any compatible endpoint.

Answers come by ``chat.completions.parse`` in a strict JSON schema. The client does not retry: that
is Temporal's, which knows how long the ticket can wait. Key and endpoint are the client's own
variables, ``OPENAI_API_KEY`` and ``OPENAI_BASE_URL``.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from openai import OpenAI, Timeout
from openai.types.chat import ParsedChatCompletion

from closeloop.adapters.openai_deadline import in_time
from closeloop.adapters.openai_errors import Outcome, failed, openai_call
from closeloop.agents.asking import Output, Prompt
from closeloop.models.spending import ModelCall

ANSWER_SECONDS: Final = 30.0
"""Within the heartbeat timeout of agents: a model that hangs is an error, not a dead worker.

For the whole call, however slowly its answer comes in."""
CONNECT_SECONDS: Final = 5.0
MAX_ANSWER_TOKENS: Final = 6_000
"""More than any answer of ours; what a model thinks before it answers counts as well."""


@dataclass(frozen=True, kw_only=True)
class Price:
    """US dollars for a million tokens, which is micros for one."""

    input: float
    output: float


def open_client(*, seconds: float = ANSWER_SECONDS) -> OpenAI:
    """Return a client for the endpoint that the environment names; one serves all threads.

    Raises:
        openai.OpenAIError: there is no ``OPENAI_API_KEY``.
    """
    return OpenAI(max_retries=0, timeout=Timeout(seconds, connect=min(CONNECT_SECONDS, seconds)))


class OpenAiModel:
    """One model of the endpoint: the ``LanguageModel`` of agents."""

    def __init__(
        self,
        client: OpenAI,
        model: str,
        price: Price | None = None,
        *,
        alive: Callable[[], None] = lambda: None,
        seconds: float = ANSWER_SECONDS,
    ) -> None:
        """Keep the client, the model's id and its price; ``alive`` is called before each question.

        Without a price, tokens are counted and cost nothing. ``seconds`` bound a whole call.
        """
        self._client = client
        self._model = model
        self._price = price or Price(input=0.0, output=0.0)
        self._alive = alive
        self._seconds = seconds

    def answer(
        self, prompt: Prompt, document: str, output: type[Output]
    ) -> tuple[Output, ModelCall]:
        """Return the model's answer to the document, and what it cost.

        Raises:
            ModelRefused: as the table in ``openai_errors`` says, with what was paid for.
            ModelUnavailable: likewise.
        """
        self._alive()
        began = time.monotonic()
        with openai_call(self._model):
            response = in_time(
                lambda: self._client.chat.completions.with_raw_response.parse(
                    model=self._model,
                    messages=[
                        {"role": "system", "content": prompt.instructions},
                        {"role": "user", "content": document},
                    ],
                    response_format=output,
                    max_completion_tokens=MAX_ANSWER_TOKENS,
                ),
                self._model,
                self._seconds,
            )
        # The raw body first: what was answered is paid for, whether it can be used or not.
        outcome = Outcome.of(response.http_response.content)
        call = self._call(prompt, outcome, time.monotonic() - began)
        if outcome.odd:
            raise failed("malformed", f"{self._model}: not what an endpoint answers", call)
        with openai_call(self._model, paid=call):
            return _parsed(response.parse(), output, call, self._client.api_key), call

    def _call(self, prompt: Prompt, outcome: Outcome, seconds: float) -> ModelCall:
        price = self._price
        cost = outcome.input_tokens * price.input + outcome.output_tokens * price.output
        return ModelCall(
            agent=prompt.agent,
            model=outcome.model or self._model,
            prompt=prompt.version,
            input_tokens=outcome.input_tokens,
            output_tokens=outcome.output_tokens,
            seconds=round(seconds, 3),
            usd_micros=round(cost),
        )


def _parsed(
    completion: ParsedChatCompletion[Output], output: type[Output], call: ModelCall, key: str
) -> Output:
    message = completion.choices[0].message
    if message.refusal:
        raise failed("refusal", f"{call.model} refuses: {message.refusal}", call, key=key)
    if not isinstance(message.parsed, output):
        raise failed("malformed", f"{call.model} answered nothing", call)
    return message.parsed
