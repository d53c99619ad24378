"""How a desk speaks to its customers."""

from closeloop.models.base import Wire


class Voice(Wire):
    """The words around every message that an assistant writes, and what none may say.

    ``greeting`` may hold ``{name}``, the customer's first name where it is known who writes;
    ``languages`` are those that the assistant serves (ISO 639, ``en``). ``plain_greeting`` stands
    in the greeting's place where a ticket touches one of ``plain_topics``.
    """

    languages: tuple[str, ...]
    greeting: str
    sign_off: str
    disclosure: str
    forbidden: tuple[str, ...] = ()
    plain_greeting: str | None = None
    plain_topics: tuple[str, ...] = ()
