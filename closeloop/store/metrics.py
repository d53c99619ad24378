"""The metrics, in SQL that SQLite and PostgreSQL both speak, from outcome events alone.

docs/metrics.md says which rows each of them counts. Whatever has an order among equals is sorted
here and not there: databases collate differently.
"""

from datetime import UTC, datetime
from typing import Final

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    FromClause,
    Subquery,
    case,
    distinct,
    extract,
    false,
    func,
    literal,
    select,
    union_all,
)

from closeloop.models.metrics import (
    CLOSURES,
    KINDS_OF_PROMISES,
    Day,
    Leaving,
    Metrics,
    Promises,
    ResolvedCost,
    Share,
    Spread,
)
from closeloop.models.proposal import CommitmentKind
from closeloop.models.sla import Goal
from closeloop.models.ticket import Closure
from closeloop.store.schema import outcome_events

_RESOLVED: Final[tuple[Closure, ...]] = ("confirmed", "verified_quiet")
"""How a ticket closes of which it is known that it was resolved."""
_DAY_SECONDS: Final = 86_400


def read_metrics(connection: Connection, tenant: str, since: datetime | None = None) -> Metrics:
    """Return the tenant's metrics of the events at or after ``since``, or of all of them."""
    chosen = select(outcome_events).where(outcome_events.c.tenant == tenant)
    if since is not None:
        chosen = chosen.where(outcome_events.c.at >= since)
    events = chosen.cte("of_window")
    closed = _one_each(events, "closed")
    edited, rejected = _decisions(connection, events)
    csat_mean, csat_responses = _mean(connection, _one_each(events, "csat"), "score")
    calls_booked, calls_reached = _calls(connection, events)
    cost, costed = _mean(connection, closed, "usd_micros")
    return Metrics(
        tenant=tenant,
        since=since,
        tickets_opened=_count(connection, _one_each(events, "ticket_opened")),
        tickets_closed=_count(connection, closed),
        days=_days(connection, events),
        auto_resolved=_auto_resolved(connection, closed),
        first_response=_spread(connection, _one_each(events, "first_response", newest=False)),
        resolution=_spread(connection, _standing(events)),
        sla=_sla(connection, events),
        escalated=_share(connection, closed, "escalated"),
        escalation_reasons=_escalation_reasons(connection, events),
        left_autonomous=_left_autonomous(connection, events),
        reopened=_count(connection, select(events).where(events.c.kind == "reopened").subquery()),
        reopened_tickets=_reopened_tickets(connection, events),
        csat_mean=csat_mean,
        csat_responses=csat_responses,
        csat_answered=_share(connection, closed, "scored"),
        edited=edited,
        rejected=rejected,
        promises=_promises(connection, events),
        calls_booked=calls_booked,
        calls_reached=calls_reached,
        tickets_costed=costed,
        cost_per_ticket_usd_micros=cost,
        cost_per_resolved=_cost_per_resolved(connection, events, closed),
    )


# -------------------------------------------------------------------- rows, and what they say


def _one_each(events: CTE, *kinds: str, newest: bool = True) -> Subquery:
    """Return each ticket's last event of these kinds, or its first."""
    time = (events.c.at, events.c.number)
    order = [column.desc() if newest else column for column in time]
    rank = func.row_number().over(partition_by=events.c.ticket_id, order_by=order).label("rank")
    ranked = select(events, rank).where(events.c.kind.in_(kinds)).subquery()
    return select(ranked).where(ranked.c.rank == 1).subquery()


def _standing(events: CTE) -> Subquery:
    """Return the resolution of each ticket that was not reopened after it."""
    last = _one_each(events, "resolved", "reopened")
    return select(last).where(last.c.kind == "resolved").subquery()


def _text(rows: FromClause, key: str) -> ColumnElement[str]:
    return rows.c.data[key].as_string()


def _number(rows: FromClause, key: str) -> ColumnElement[float]:
    return rows.c.data[key].as_float()


def _yes(rows: FromClause, key: str) -> ColumnElement[bool]:
    return rows.c.data[key].as_boolean()


# -------------------------------------------------------------------- what is made of them


def _count(connection: Connection, rows: FromClause) -> int:
    return connection.execute(select(func.count()).select_from(rows)).scalar_one()


def _share(connection: Connection, rows: FromClause, key: str) -> Share:
    """Return, of the rows that say yes or no, those that say yes."""
    said = _yes(rows, key)
    count, of = connection.execute(
        select(func.count().filter(said), func.count(said)).select_from(rows)
    ).one()
    return Share(count=count, of=of)


def _mean(connection: Connection, rows: FromClause, key: str) -> tuple[float | None, int]:
    """Return the mean of the rows that have the number, and how many they are."""
    number = _number(rows, key)
    mean, count = connection.execute(select(func.avg(number), func.count(number))).one()
    return mean, count


def _spread(connection: Connection, rows: FromClause) -> Spread | None:
    seconds = _number(rows, "seconds").label("seconds")
    found = select(seconds).where(seconds.is_not(None)).subquery()
    place = func.row_number().over(order_by=found.c.seconds).label("place")
    ranked = select(found.c.seconds, place, func.count().over().label("total")).subquery()
    middle = ranked.c.place.in_([(ranked.c.total + 1) // 2, (ranked.c.total + 2) // 2])
    nine_in_ten = ranked.c.place <= (9 * ranked.c.total + 9) // 10
    count, half, most = connection.execute(
        select(
            func.count(),
            func.avg(ranked.c.seconds).filter(middle),
            func.max(ranked.c.seconds).filter(nine_in_ten),
        ).select_from(ranked)
    ).one()
    return Spread(count=count, median_seconds=half, p90_seconds=most) if count else None


def _days(connection: Connection, events: CTE) -> tuple[Day, ...]:
    # Seconds since 1970 are the same in every session, whatever its time zone.
    second = extract("epoch", events.c.at)
    stamped = (
        select(events.c.kind, events.c.ticket_id, (second - second % _DAY_SECONDS).label("start"))
        .where(events.c.kind.in_(["ticket_opened", "closed"]))
        .subquery()
    )
    ticket, kind = stamped.c.ticket_id, stamped.c.kind
    query = select(
        stamped.c.start,
        func.count(distinct(ticket)).filter(kind == "ticket_opened"),
        func.count(distinct(ticket)).filter(kind == "closed"),
    )
    rows = connection.execute(query.group_by(stamped.c.start).order_by(stamped.c.start))
    return tuple(
        Day(day=datetime.fromtimestamp(int(start), UTC).date(), opened=opened, closed=closed)
        for start, opened, closed in rows
    )


def _auto_resolved(connection: Connection, closed: Subquery) -> dict[Closure, Share]:
    alone = _yes(closed, "autonomous").is_(True) & _yes(closed, "by_person").is_not(True)
    ended = _text(closed, "closure")
    counts = [func.count().filter(alone & (ended == closure)) for closure in CLOSURES]
    of, *found = connection.execute(select(func.count(), *counts).select_from(closed)).one()
    return {
        closure: Share(count=count, of=of) for closure, count in zip(CLOSURES, found, strict=True)
    }


def _sla(connection: Connection, events: CTE) -> dict[Goal, Share]:
    """Return, of the tickets with a word on a target, those with no word of it being missed.

    A target missed counts once it is, whether or not the answer or the resolution ever came.
    """
    answers = events.c.kind.in_([Goal.FIRST_RESPONSE, Goal.NEXT_RESPONSE])
    standing = _standing(events)
    words = union_all(
        select(
            events.c.ticket_id,
            events.c.kind.label("target"),
            _yes(events, "within_sla").label("ok"),
        ).where(answers),
        select(standing.c.ticket_id, literal(Goal.RESOLUTION.value), _yes(standing, "within_sla")),
        select(events.c.ticket_id, _text(events, "target"), false()).where(
            events.c.kind == "sla_breached"
        ),
    ).subquery()
    tickets = (
        select(words.c.target, func.min(case((words.c.ok, 1), else_=0)).label("kept"))
        .where(words.c.ok.is_not(None))
        .group_by(words.c.target, words.c.ticket_id)
        .subquery()
    )
    rows = connection.execute(
        select(tickets.c.target, func.sum(tickets.c.kept), func.count()).group_by(tickets.c.target)
    )
    found = {target: Share(count=kept, of=of) for target, kept, of in rows}
    return {goal: found.get(goal, Share()) for goal in Goal}


def _escalation_reasons(connection: Connection, events: CTE) -> dict[str, int]:
    rows = (
        select(_text(events, "reason").label("reason"), events.c.ticket_id)
        .where(events.c.kind == "escalated")
        .subquery()
    )
    query = select(rows.c.reason, func.count(distinct(rows.c.ticket_id))).group_by(rows.c.reason)
    counts = {str(reason): tickets for reason, tickets in connection.execute(query)}
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _left_autonomous(connection: Connection, events: CTE) -> tuple[Leaving, ...]:
    intent, reason = _text(events, "intent").label("intent"), _text(events, "reason")
    rows = (
        select(intent, reason.label("reason"), events.c.ticket_id)
        .where(events.c.kind == "left_autonomous")
        .subquery()
    )
    query = select(rows.c.intent, rows.c.reason, func.count(distinct(rows.c.ticket_id)))
    found = [
        Leaving(intent=intent, reason=str(reason), tickets=tickets)
        for intent, reason, tickets in connection.execute(
            query.group_by(rows.c.intent, rows.c.reason)
        )
    ]
    return tuple(sorted(found, key=lambda one: (-one.tickets, one.intent or "", one.reason)))


def _reopened_tickets(connection: Connection, events: CTE) -> Share:
    ticket, kind = distinct(events.c.ticket_id), events.c.kind
    count, of = connection.execute(
        select(
            func.count(ticket).filter(kind == "reopened"),
            func.count(ticket).filter(kind.in_(["resolved", "reopened"])),
        )
    ).one()
    return Share(count=count, of=of)


def _by_people(events: CTE, *outcomes: str) -> Subquery:
    """Return the decisions that people made; a request that expired or was withdrawn is none."""
    decided = (events.c.kind == "decided") & _text(events, "outcome").in_(outcomes)
    return select(events).where(decided).subquery()


def _decisions(connection: Connection, events: CTE) -> tuple[Share, Share]:
    """Return those that approved with changes, and those that rejected."""
    people = _by_people(events, "approved", "rejected")
    approved = _text(people, "outcome") == "approved"
    edited, rejected, of = connection.execute(
        select(
            func.count().filter(approved & _yes(people, "edited")),
            func.count().filter(~approved),
            func.count(),
        ).select_from(people)
    ).one()
    return Share(count=edited, of=of), Share(count=rejected, of=of)


def _promises(connection: Connection, events: CTE) -> dict[CommitmentKind, Promises]:
    said, what = _text(events, "kind").label("of"), events.c.kind
    rows = select(said, what.label("what")).where(what.startswith("commitment_")).subquery()

    def ended(word: str) -> ColumnElement[int]:
        return func.count().filter(rows.c.what == f"commitment_{word}")

    query = select(
        rows.c.of,
        ended("made"),
        ended("kept"),
        ended("missed"),
        ended("at_risk"),
        ended("released"),
    ).group_by(rows.c.of)
    found = {
        kind: Promises(
            made=made,
            kept=Share(count=kept, of=kept + missed),
            at_risk=at_risk,
            released=released,
        )
        for kind, made, kept, missed, at_risk, released in connection.execute(query)
    }
    return {kind: found.get(kind, Promises()) for kind in KINDS_OF_PROMISES}


def _calls(connection: Connection, events: CTE) -> tuple[int, Share]:
    """Return the calls booked, and of those that were made the ones that reached the customer."""
    kind = events.c.kind
    booked, reached, made = connection.execute(
        select(
            func.count().filter(kind == "callback_booked"),
            func.count().filter(kind == "callback_reached"),
            func.count().filter(kind.in_(["callback_reached", "callback_not_reached"])),
        )
    ).one()
    return booked, Share(count=reached, of=made)


def _cost_per_resolved(connection: Connection, events: CTE, closed: Subquery) -> ResolvedCost:
    resolved = select(closed).where(_text(closed, "closure").in_(_RESOLVED)).subquery()
    tickets = _count(connection, resolved)

    def each(rows: FromClause, key: str) -> float | None:
        number = _number(rows, key)
        total, said, of = connection.execute(
            select(func.sum(number), func.count(number), func.count()).select_from(rows)
        ).one()
        return total / tickets if tickets and said == of > 0 else None

    seconds = each(_by_people(events, "approved", "rejected", "asked"), "human_seconds")
    return ResolvedCost(
        tickets=tickets,
        usd_micros=each(closed, "usd_micros"),
        input_tokens=each(closed, "input_tokens"),
        output_tokens=each(closed, "output_tokens"),
        human_minutes=None if seconds is None else seconds / 60,
    )
