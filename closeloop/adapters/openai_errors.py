"""What goes wrong at a language model's endpoint, as what agents may raise.

=============================================  ================  =================================
raised by the library                          ours              why
=============================================  ================  =================================
``APIConnectionError``, ``APITimeoutError``    ModelUnavailable  an outage; the question is free
``RateLimitError`` (429)                       ModelUnavailable  with the ``Retry-After`` it names
the same, code ``insufficient_quota``          quota             no waiting fills an account
``InternalServerError`` (5xx), 408, 409        ModelUnavailable  an outage
``AuthenticationError``, ``PermissionDenied``  authentication    somebody has to change the key
``NotFoundError`` (404)                        no_model          the settings name what is not there
400, code ``context_length_exceeded``          context_length    the question is too long
400, code ``content_filter``                   content_filter    the question is not let through
any other 4xx                                  bad_request       the endpoint cannot do what we ask
``LengthFinishReasonError``                    truncated         the answer was too long
``ContentFilterFinishReasonError``             content_filter    the answer was not let through
a refusal in the message                       refusal           the model will not
not JSON, not the schema, no choice at all,    malformed         an agent asks once more
not text, nested without end, counts that
cannot be
=============================================  ================  =================================

All but the first kind are ``ModelRefused`` with that code: asking again would end the same. What is
said goes through histories: it is bounded, without half characters, and without the key, which some
endpoints repeat; of a refused key not a word of theirs. Source: https://platform.openai.com/docs/guides/error-codes.
"""

import json
import math
import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, Self

import openai
from pydantic import ValidationError

from closeloop.errors import BackendError, ModelRefused, ModelUnavailable
from closeloop.models.base import clip
from closeloop.models.spending import ModelCall

MAX_TOKENS: Final = 10_000_000
"""More than any question and answer have."""
MAX_RETRY_AFTER_SECONDS: Final = 120.0
"""A wish to come back later than this is not followed: the offline models stand in before."""

_SAID_CHARS: Final = 250
_BUSY: Final = frozenset({408, 409, 429})
_CODES: Final = {
    "context_length_exceeded": "context_length",
    "string_above_max_length": "context_length",
    "content_filter": "content_filter",
    "content_policy_violation": "content_filter",
    "insufficient_quota": "quota",
}
_BY_STATUS: Final = {401: "authentication", 403: "authentication", 404: "no_model"}
_KEY: Final = re.compile(r"\bsk-[\w-]{4,}")
_MASK: Final = "[key]"
_SHORTEST_KEY: Final = 6
"""What is shorter masks words that are none: a local endpoint's key is often ``x``."""
_UNREADABLE: Final = (
    openai.APIResponseValidationError,
    ValueError,  # of pydantic and JSON, not UTF-8, a number of thousands of digits
    OverflowError,
    RecursionError,
    AttributeError,  # the library reads a body that is no object as text
    IndexError,  # no choice
    TypeError,  # a choice without a message, choices that are no list
)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What an answer says of itself, read from the raw body: it need not be one that is usable.

    ``odd`` says that it is no answer of an endpoint, or that what it counts cannot be.
    """

    model: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    odd: bool = False

    @classmethod
    def of(cls, content: bytes) -> Self:
        """Return what the body says; nothing, where it is not what an endpoint answers."""
        try:
            body: Any = json.loads(content)
            usage: Any = body.get("usage") or {}
            counts = [_count(usage.get(name)) for name in ("prompt_tokens", "completion_tokens")]
        except (ValueError, AttributeError, TypeError, RecursionError):
            return cls(odd=True)
        return cls(
            model=clip(said(str(body.get("model") or "")), 80),
            input_tokens=counts[0] or 0,
            output_tokens=counts[1] or 0,
            odd=None in counts,
        )


def _count(told: object) -> int | None:
    """Return how many tokens an endpoint counts; None for what no count can be."""
    if told is None:
        return 0
    if isinstance(told, int | float) and 0 <= told <= MAX_TOKENS:
        return int(told)
    return None


def said(words: str, key: str = "") -> str:
    """Return an endpoint's words as they may be kept: without the key, whole characters, bounded.

    What looks like one of OpenAI's keys goes as well.
    """
    if len(key) >= _SHORTEST_KEY:
        words = words.replace(key, _MASK)
    whole = _KEY.sub(_MASK, words).encode("utf-8", "replace").decode()
    return clip(" ".join(whole.split()), _SAID_CHARS)


def failed(code: str, words: str, paid: ModelCall | None = None, *, key: str = "") -> ModelRefused:
    """Return the error for an answer that cannot be used."""
    return ModelRefused(said(words, key), code=code, calls=(paid,) if paid else ())


@contextmanager
def openai_call(model: str, *, paid: ModelCall | None = None) -> Generator[None]:
    """Turn what the library raises in the block into an error of ours, as the table says.

    ``paid`` is given where an answer is read: only then is what cannot be read the model's doing.
    """
    try:
        yield
    except openai.LengthFinishReasonError:
        raise failed("truncated", f"{model}: the answer was cut off", paid) from None
    except openai.ContentFilterFinishReasonError:
        raise failed("content_filter", f"{model}: the answer was filtered", paid) from None
    except _UNREADABLE as error:
        if paid is None:
            raise
        raise failed("malformed", f"{model}: {_problem(error)}", paid) from None
    except openai.APIError as error:
        raise _translated(error, model) from None


def _translated(error: openai.APIError, model: str) -> BackendError:
    if not isinstance(error, openai.APIStatusError):
        cause = type(error.__cause__).__name__ if error.__cause__ else type(error).__name__
        return ModelUnavailable(f"{model}: no answer ({cause})")
    status = error.status_code
    named = (_CODES.get(str(name)) for name in (error.code, error.type))
    code = next(filter(None, named), _BY_STATUS.get(status))
    if code == "authentication":
        return failed(code, f"{model}: the endpoint refuses the key: OPENAI_API_KEY ({status})")
    key = error.request.headers.get("Authorization", "").removeprefix("Bearer ")
    words = f"{model}: {error.message} ({status})"
    if code is None and (status in _BUSY or status >= 500):
        wish = _retry_after(error.response.headers)
        return ModelUnavailable(said(words, key), retry_after_seconds=wish)
    return failed(code or "bad_request", words, key=key)


def _problem(error: Exception) -> str:
    """Return what is wrong with an answer: the field, never what stood in it."""
    if not isinstance(error, ValidationError):
        return f"the answer is not what was asked for ({type(error).__name__})"
    first = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    return f"{field}: {first['msg']}" if field else str(first["msg"])


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the endpoint's wish in seconds: a number, or a date (RFC 9110)."""
    wish = headers.get("Retry-After", "")
    try:
        seconds = float(wish)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(wish) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    if not math.isfinite(seconds) or seconds < 0:
        return None
    return min(seconds, MAX_RETRY_AFTER_SECONDS)
