"""The exception tree: what can go wrong, by what the caller can do about it.

::

    CloseloopError
    ├── ConfigurationError        a file or setting is wrong: names the file and the key
    ├── BadInput                  the caller's input is wrong: names the field          (exit 2)
    │   └── NotFound              there is no such ticket, request or approver          (exit 2)
    ├── Refused                   a rule says no; carries a code and plain words        (exit 3)
    ├── Unavailable               a server does not answer                              (exit 4)
    └── BackendError              what a port says when a call fails
        ├── BackendRefused        a business refusal: repeating it changes nothing
        │   └── ModelRefused      a language model will not answer this, or not usefully
        ├── BackendUnavailable    nothing was done; repeat later (503, 429, connection refused)
        │   └── ModelUnavailable  the language models do not answer now
        └── EffectUnknown         a write may or may not have happened: read before repeating

Ports raise the ``BackendError`` family only. ``activities/failures.py`` is the one place that
turns it into Temporal failures, ``client.py`` the one place that turns those into the rest.
"""

from closeloop.models.spending import ModelCall


class CloseloopError(Exception):
    """Base of every error that Closeloop raises on purpose."""


class ConfigurationError(CloseloopError):
    """A file or a setting is wrong; the message names it and says what to do."""


class BadInput(CloseloopError):
    """The caller's input is wrong; nothing was changed."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        """Keep the message and the dotted name of the field at fault, if there is one."""
        super().__init__(message)
        self.field = field


class NotFound(BadInput):
    """There is no such ticket, request or approver."""


class Refused(CloseloopError):
    """A rule says no; nothing was changed."""

    def __init__(self, message: str, *, code: str) -> None:
        """Keep the words for a person and the stable code for a program."""
        super().__init__(message)
        self.code = code


def closed(ticket_id: str) -> Refused:
    """Return what a ticket that has ended says to everything.

    The workflow says it while it ends, its callers say it afterwards: in the same words.
    """
    return Refused(f"ticket {ticket_id} is closed", code="closed")


class Unavailable(CloseloopError):
    """A server that is needed does not answer."""


class BackendError(CloseloopError):
    """A call on a backend failed."""


class BackendRefused(BackendError):
    """The backend says no for a business reason; the same call would be refused again."""

    def __init__(self, message: str, *, code: str) -> None:
        """Keep the backend's words and its stable code (for example ``over_refund``)."""
        super().__init__(message)
        self.code = code


class BackendUnavailable(BackendError):
    """Nothing was done; the call may be repeated."""

    def __init__(self, message: str, *, retry_after_seconds: float | None = None) -> None:
        """Keep the backend's own wish for when to come back, in seconds."""
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class ModelRefused(BackendRefused):
    """A language model gave no usable answer, and the same question would get none again.

    Codes: ``authentication``, ``quota``, ``no_model``, ``bad_request``, ``context_length``,
    ``content_filter``, ``refusal``, ``truncated``, ``malformed``, ``bad_proposal``.
    """

    def __init__(self, message: str, *, code: str, calls: tuple[ModelCall, ...] = ()) -> None:
        """Keep the words, the code, and what was paid for all the same."""
        super().__init__(message, code=code)
        self.calls = calls


class ModelUnavailable(BackendUnavailable):
    """The language models do not answer now: busy, broken, too slow, or not to be reached."""


class EffectUnknown(BackendError):
    """A write timed out: it may have happened. Read before anything is repeated."""
