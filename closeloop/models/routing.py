"""Which people get a ticket, and what the customer hears of it."""

from closeloop.models.base import UtcTime, Wire


class RouteRequest(Wire):
    """What a ticket that goes to people is routed by.

    ``taken_by`` is who has taken it over already; ``requesters`` are ids and e-mail addresses of
    whoever opened it, who never get it. Open hours are those ``at`` a time, of a ticket whose
    clocks began at ``clock_start``.
    """

    reason: str
    intent: str | None = None
    topics: tuple[str, ...] = ()
    language: str | None = None
    taken_by: str | None = None
    requesters: tuple[str, ...] = ()
    at: UtcTime
    clock_start: UtcTime


class OpenCases(Wire):
    """How many open cases a queue has with one of its people, or (None) with nobody yet."""

    queue: str
    person: str | None
    count: int


class Route(Wire):
    """Where a ticket went, and why.

    ``queue_name`` and ``person_name`` are what the customer reads; ``person`` is None where the
    case waits in the queue for whoever takes it. ``answer_by`` is when the customer hears from them
    at the latest, ``answer_by_words`` the same on the queue's own clock; both are empty where the
    open hours are not known so far ahead. ``skill`` and ``language`` are what was asked for.
    """

    queue: str
    queue_name: str
    person: str | None = None
    person_name: str | None = None
    skill: str | None = None
    language: str | None = None
    why: tuple[str, ...] = ()
    answer_by: UtcTime | None = None
    answer_by_words: str = ""
