"""The model adapter against ``@copilotkit/aimock``: other people's reading of the same protocol."""

from collections.abc import Iterator, Mapping

import pytest

from closeloop.agents.asking import Answer, Asking, Prompt
from closeloop.errors import BackendError, ModelRefused, ModelUnavailable
from tests.support.aimock import AiMock, aimock_or_skip
from tests.support.models import model_at

pytestmark = [pytest.mark.real, pytest.mark.timeout(400)]

PROMPT = Prompt(agent="classify", instructions="Read it.", version="v1")


class Word(Answer):
    """A small answer."""

    word: str


@pytest.fixture(scope="module")
def mock() -> Iterator[AiMock]:
    with aimock_or_skip({"word": "yes"}) as running:
        yield running


@pytest.mark.parametrize(
    ("rates", "error", "code", "comes_back"),
    [
        ({"rateLimitRate": 1}, ModelUnavailable, None, True),
        ({"dropRate": 1}, ModelUnavailable, None, False),
        ({"disconnectRate": 1}, ModelUnavailable, None, False),
        ({"latencyMs": 3000}, ModelUnavailable, None, False),
        ({"malformedRate": 1}, ModelRefused, "malformed", False),
    ],
    ids=str,
)
def test_chaos_then_an_answer(
    mock: AiMock,
    rates: Mapping[str, float],
    error: type[BackendError],
    code: str | None,
    comes_back: bool,
) -> None:
    model = model_at(mock.url, seconds=1.5)
    mock.chaos(rates)
    try:
        with pytest.raises(error) as caught:
            Asking(model, PROMPT).ask({"text": "hello"}, Word)
    finally:
        mock.chaos({})
    assert getattr(caught.value, "code", None) == code
    assert bool(getattr(caught.value, "retry_after_seconds", None)) == comes_back
    asking = Asking(model, PROMPT)
    assert asking.ask({"text": "hello"}, Word).word == "yes"
    assert asking.calls[0].output_tokens > 0
