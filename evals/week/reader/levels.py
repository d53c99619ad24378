"""The service levels, counted minute by minute, held against what the desk said of them.

The reader's own log of a ticket says when the customer wrote, when an answer left, and in which
status it stood. A ticket's own time of a thing is known to lie between two moments of its history;
where the target falls in between, either word is right.
"""

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from evals.week.reader import numbers
from evals.week.reader.case import Case
from evals.week.reader.history import Json, Step, Ticket, events_of

LEVELS: Final = "SLA events"
STANDING: Final = ("awaiting_customer", "resolved", "closed")
SLACK_MINUTES: Final = 2.0
"""Counting whole minutes at both ends of a stretch of time is as exact as this."""

_ZONE: Final = ZoneInfo(numbers.ZONE)
_MINUTE: Final = timedelta(minutes=1)
_CAP: Final = 80 * 24 * 60
"""Minutes after which nothing more can become late: no more is counted."""


@lru_cache(maxsize=500_000)
def _open(minute: int) -> bool:
    at = datetime.fromtimestamp(minute * 60, _ZONE)
    opens, closes = numbers.HOURS.get(at.weekday(), (0, 0))
    return opens <= at.hour < closes and at.date() not in _closed(at.year)


@lru_cache
def _closed(year: int) -> frozenset[object]:
    return frozenset(numbers.holidays(year))


class MinuteLog:
    """Open minutes of one ticket; the desk's time is pressed together around its receipt."""

    def __init__(self, ticket: Ticket, scale: float, priority: str) -> None:
        """Count for a ticket of this first priority."""
        self._zero = ticket.received_at
        self._scale = scale
        self._always = priority in numbers.ROUND_THE_CLOCK
        self.targets = {k: 60 * v for k, v in numbers.TARGET_HOURS[priority].items()}

    def minutes(self, begin: datetime, end: datetime) -> float:
        """Return the open minutes of the desk between two moments."""
        first, last = self._desk(begin), self._desk(end)
        if last <= first:
            return 0.0
        whole = min(int((last - first) / 60), _CAP)
        if self._always:
            return (last - first) / 60
        start = int(first // 60)
        return float(sum(_open(start + n) for n in range(whole)))

    def _desk(self, at: datetime) -> float:
        return self._zero.timestamp() + (at - self._zero).total_seconds() / self._scale


def levels_hold(case: Case) -> None:
    """Hold each ticket's words on its service levels against the reader's own log."""
    for ticket in case.tickets:
        first = next((s for s in ticket.named("classify_ticket") if s.result), None)
        if first is None:
            continue
        log = MinuteLog(ticket, case.evidence["scale"], (first.result or {})["priority"])
        said = [(step, event) for step, event in events_of(ticket)]
        _first_response(case, ticket, log, said)
        _next_responses(case, ticket, log, said)
        _resolution(case, ticket, log, said)


def _breached(said: list[tuple[Step, Json]], target: str) -> bool:
    return any(
        event["kind"] == "sla_breached" and event["data"]["target"] == target for _, event in said
    )


def _judge(
    case: Case,
    ticket: Ticket,
    what: str,
    late: bool,
    least: float,
    most: float,
    target: float,
    stretches: int = 1,
) -> None:
    """Compare a word with the minutes, of which at least and at most so many have passed."""
    words = f"{what}: said {'late' if late else 'in time'}, {least:.0f} to {most:.0f} of {target}"
    must = least > target + SLACK_MINUTES * stretches
    may = most > target - SLACK_MINUTES * stretches
    case.check(LEVELS, late if must else not late or may, ticket, words)


def _first_response(
    case: Case, ticket: Ticket, log: MinuteLog, said: list[tuple[Step, Json]]
) -> None:
    target, late = log.targets["first_response"], _breached(said, "first_response")
    answers = ticket.answers
    words = [event for _, event in said if event["kind"] == "first_response"]
    case.check(LEVELS, len(words) <= 1, ticket, "two first responses")
    if answers:
        first = answers[0]
        case.check(LEVELS, words, ticket, "the first answer is no first_response")
        least = log.minutes(ticket.received_at, first.early)
        most = log.minutes(ticket.received_at, first.late)
        within = words[0]["data"]["within_sla"] if words else not late
        case.check(LEVELS, within is (not late), ticket, "first_response contradicts sla_breached")
        _judge(case, ticket, "first response", late, least, most, target)
    else:
        seen = _last_seen(ticket)
        least = log.minutes(ticket.received_at, seen) if not ticket.over else 0.0
        most = log.minutes(ticket.received_at, case.end)
        _judge(case, ticket, "first response, none yet", late, least, most, target)


def _last_seen(ticket: Ticket) -> datetime:
    """Return when the ticket last handed over events."""
    times = [s.early for s in ticket.steps if "snapshot" in s.given]
    return times[-1] if times else ticket.received_at


def _next_responses(
    case: Case, ticket: Ticket, log: MinuteLog, said: list[tuple[Step, Json]]
) -> None:
    """Each next response answers what the customer wrote after the answer before it."""
    target = log.targets["next_response"]
    answers = ticket.answers
    for step, event in said:
        if event["kind"] != "next_response":
            continue
        before = [s.early for s in answers if s.late < step.late]
        since = before[-1] if before else ticket.received_at  # and what came while it left
        wrote = [m for m in ticket.messages if since <= m.late <= step.late]
        known = wrote or step in answers
        case.check(LEVELS, known, ticket, "a next response to nothing")
        if wrote:
            late = event["data"]["within_sla"] is False
            least = log.minutes(wrote[-1].late, step.early)
            most = log.minutes(wrote[0].early, step.late)
            _judge(case, ticket, "next response", late, least, most, target)


def _resolution(case: Case, ticket: Ticket, log: MinuteLog, said: list[tuple[Step, Json]]) -> None:
    """Add up the time in which the ticket was neither the customer's nor solved."""
    late, target = _breached(said, "resolution"), log.targets["resolution"]
    seen = _last_seen(ticket)
    least, most, stretches = 0.0, 0.0, 1
    running: tuple[datetime, datetime] | None = (ticket.received_at, ticket.received_at)
    for early, after, status in ticket.stands():
        stands = status in STANDING
        if stands and running is not None:
            least += log.minutes(running[1], early)
            most += log.minutes(running[0], after)
            running = None
        elif not stands and running is None:
            running = (early, after)
            stretches += 1
    if running is not None and not ticket.over:
        least += log.minutes(running[1], seen)
        most += log.minutes(running[0], case.end)
    _judge(case, ticket, "resolution", late, least, most, target, stretches=stretches)
