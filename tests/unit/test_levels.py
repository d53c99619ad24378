"""A ticket's clocks, against a reader who looks at every minute of its story."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Literal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from closeloop.models.sla import Goal, ServiceLevels, Target
from closeloop.models.state import OutcomeEvent, Phase, Terms, TicketStart, TicketState
from closeloop.models.ticket import Customer, Status, Ticket
from closeloop.models.triage import Classification
from closeloop.policy.calendars import Calendar
from closeloop.policy.sla import open_hours
from tests.unit.naive_clock import MINUTE, NaiveDesk
from workflows import conversation, ends, levels
from workflows import state as transitions

FIRST, NEXT, WHOLE = 60, 40, 400  # minutes
AT_RISK = 0.75
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEK = {n: [(540, 750), (810, 1080)] for n in range(5)} | {6: [(60, 240)]}
CLOSED = date(2026, 3, 30)
CALENDAR = Calendar.model_validate(
    {
        "zone": "Europe/Berlin",
        "closed": [str(CLOSED)],
        "hours": {
            DAYS[day]: [f"{a // 60:02d}:{a % 60:02d}-{b // 60:02d}:{b % 60:02d}" for a, b in hours]
            for day, hours in WEEK.items()
        },
    }
)
NAIVE = NaiveDesk("Europe/Berlin", WEEK, frozenset({CLOSED}))
FRIDAY = datetime(2026, 3, 27, 7, tzinfo=UTC)  # on Sunday the clocks are put forward

Move = Literal["message", "question", "resolve", "notice", "work", "look"]
MOVES: Sequence[Move] = ("message", "question", "resolve", "notice", "work", "look")
Story = Sequence[tuple[int, Move]]


def opened(start: datetime, *, received: datetime | None = None) -> TicketState:
    """Return a ticket that was just understood."""
    ticket = Ticket(
        ticket_id="t-1",
        tenant="default",
        customer=Customer(email="nora@example.com"),
        subject="Help",
        body="Help!",
        received_at=received or start,
    )
    state = transitions.opened(TicketStart(ticket=ticket), start)
    target = Target(
        first_response=FIRST * 60, next_response=NEXT * 60, resolution=WHOLE * 60, calendar="office"
    )
    begin = levels.clock_start(state)
    sla = ServiceLevels(
        at_risk=AT_RISK,
        targets={"urgent": target, "high": target, "normal": target, "low": target},
        hours={"office": open_hours(CALENDAR, begin, begin, 1.0)},
    )
    triage = Classification(intent="refund_request", confidence=0.9)
    state = state.model_copy(update={"terms": Terms(sla=sla), "classification": triage})
    return transitions.moved(levels.begun(state), Phase.PROPOSE, Status.WORKING)


def after_move(state: TicketState, move: Move, number: int, now: datetime) -> TicketState:
    """Return the ticket after one thing happened to it."""
    match move:
        case "message":
            return levels.asked(transitions.received(state, f"m-{number}", "Hello?", now), now)
        case "question" | "resolve" | "notice":
            status = {
                "question": Status.AWAITING_CUSTOMER,
                "resolve": Status.RESOLVED,
                "notice": Status.ESCALATED,
            }[move]
            fresh = [m.message_id for m in state.messages]
            state = conversation.handled(state, fresh)
            state = levels.answered(state, status, now)
            return levels.seen(ends.replied(state, "r", "Words.", now, status=status), now)
        case "work":
            return levels.seen(transitions.moved(state, Phase.PROPOSE, Status.WORKING), now)
        case "look":
            return levels.seen(state, now)


def told(state: TicketState) -> list[tuple[datetime, str, str]]:
    """Return what the ticket says became late, and when."""
    return sorted(
        (event.at, event.kind, str(event.data["target"]))
        for event in state.pending_events
        if event.kind.startswith("sla_")
    )


def read_off(start: datetime, moves: Story) -> list[tuple[datetime, str, str]]:
    """Go through the story minute by minute, with three counters."""
    late: list[tuple[datetime, str, str]] = []
    limits = {"first_response": FIRST, "next_response": NEXT, "resolution": WHOLE}
    counts = {"first_response": 0, "resolution": 0}
    answered, paused, at = False, False, start
    for minutes, move in moves:
        for _ in range(minutes):
            was_open = NAIVE.is_open(at)
            at += MINUTE
            for goal in counts:
                if not was_open or (goal == "resolution" and paused):
                    continue
                counts[goal] += 1
                if counts[goal] == limits[goal] * AT_RISK:
                    late.append((at, "sla_at_risk", goal))
                if counts[goal] == limits[goal]:
                    late.append((at, "sla_breached", goal))
        if move in ("question", "resolve"):
            counts.pop("first_response", None)
            counts.pop("next_response", None)
            answered = True
        if move == "message" and answered:
            counts.setdefault("next_response", 0)
        if move in ("question", "resolve", "notice", "work"):
            paused = move in ("question", "resolve")
    return sorted(late)


@settings(max_examples=150, deadline=None)
@given(
    offset=st.integers(0, 6 * 1440),
    moves=st.lists(st.tuples(st.integers(0, 900), st.sampled_from(MOVES)), max_size=9),
)
@example(0, [(30, "question"), (2000, "message"), (0, "work"), (5000, "look")])
@example(0, [(100, "notice"), (30, "message"), (300, "resolve"), (900, "work"), (3000, "look")])
@example(1440, [(5000, "look"), (0, "resolve")])
def test_what_is_late_is_what_a_reader_of_every_minute_finds(offset: int, moves: Story) -> None:
    start = now = FRIDAY + offset * MINUTE
    state = opened(start)
    for number, (minutes, move) in enumerate(moves):
        now += minutes * MINUTE
        state = after_move(state, move, number, now)
    state = levels.seen(state, now)
    assert told(state) == read_off(start, moves)
    wake = levels.next_wake(state)
    if wake is not None:
        ahead = round((wake.at - now) / MINUTE)
        found = read_off(start, [*moves, (ahead, "look")])
        assert max(at for at, _, _ in found) == wake.at
        assert len([one for one in found if one[0] > now]) >= 1


def events(state: TicketState, kind: str) -> list[OutcomeEvent]:
    return [event for event in state.pending_events if event.kind == kind]


def test_the_clock_never_starts_in_the_future() -> None:
    state = opened(FRIDAY, received=FRIDAY + timedelta(minutes=4))
    assert levels.clock_start(state) == FRIDAY
    state = after_move(state, "resolve", 0, FRIDAY + timedelta(minutes=3))
    [first] = events(state, "first_response")
    assert (first.data["seconds"], first.data["within_sla"]) == (180, True)


def test_what_was_late_before_the_ticket_opened_is_said_as_it_opens() -> None:
    state = levels.seen(opened(FRIDAY, received=FRIDAY - timedelta(days=7)), FRIDAY)
    assert {at for at, _, _ in told(state)} == {FRIDAY}
    assert state.sla.missed == (Goal.FIRST_RESPONSE, Goal.RESOLUTION)
    assert state.sla.breached


def test_a_notice_is_no_response() -> None:
    state = after_move(opened(FRIDAY), "notice", 0, FRIDAY + MINUTE)
    assert state.sla.first_response_at is None
    assert events(state, "first_response") == []
    state = after_move(state, "resolve", 1, FRIDAY + timedelta(days=4))
    [first] = events(state, "first_response")
    assert first.data["within_sla"] is False


def test_one_answer_to_a_burst_is_one_next_response() -> None:
    now = FRIDAY + timedelta(hours=2)
    state = after_move(opened(FRIDAY), "question", 0, now)
    for number in (1, 2, 3):
        state = after_move(state, "message", number, now + number * MINUTE)
    state = after_move(state, "resolve", 4, now + timedelta(minutes=11))
    [answer] = events(state, "next_response")
    assert (answer.data["seconds"], answer.data["within_sla"]) == (600, True)
    assert len(events(state, "first_response")) == 1


def test_a_message_that_crossed_the_answer_waits_for_the_next_one() -> None:
    now = FRIDAY + timedelta(hours=2)
    state = after_move(opened(FRIDAY), "question", 0, now)
    crossed = now + MINUTE
    state = levels.asked(transitions.received(state, "m-1", "And another thing", crossed), crossed)
    state = levels.answered(state, Status.RESOLVED, now + 2 * MINUTE)
    assert state.watch.clocks[Goal.NEXT_RESPONSE].began == crossed


def test_a_mere_yes_needs_no_answer() -> None:
    now = FRIDAY + timedelta(hours=2)
    state = after_move(opened(FRIDAY), "resolve", 0, now)
    state = after_move(state, "message", 1, now + MINUTE)
    assert levels.next_wake(state) is not None
    state = levels.needs_no_answer(state, now + MINUTE)
    assert levels.next_wake(state) is None
    assert events(state, "next_response") == []


def test_lateness_raises_the_priority_for_good() -> None:
    state = levels.seen(opened(FRIDAY), FRIDAY + timedelta(hours=2))
    assert state.classification is not None
    assert state.classification.priority == "urgent"
    raises = [(e.data["before"], e.data["after"]) for e in events(state, "priority_raised")]
    assert raises == [("normal", "high"), ("high", "urgent")]
    calmer = Classification(intent="refund_request", confidence=0.9, priority="low")
    assert levels.kept_priority(state, calmer).priority == "urgent"


def test_an_alert_has_none_of_the_customers_words() -> None:
    state = levels.seen(opened(FRIDAY), FRIDAY + timedelta(hours=2))
    text = levels.alert(state)
    assert "first response breached (due 2026-03-27 09:00 UTC)" in text
    assert "Help" not in text
    assert "nora" not in text
    assert levels.alerted(state, state.watch.alarms).watch.alarms == ()


def test_hours_that_run_out_are_read_on() -> None:
    now = FRIDAY + timedelta(hours=2)
    state = after_move(opened(FRIDAY), "question", 0, now)
    later = now + timedelta(days=100)  # long after the known hours have ended
    state = after_move(state, "work", 1, later)
    spent = state.watch.clocks[Goal.RESOLUTION].spent
    assert state.sla.due_at is None
    end = levels.hours_end(state, later)
    assert end == ("office", later)
    state = levels.renewed(state, "office", open_hours(CALENDAR, FRIDAY, later, 1.0))
    assert levels.hours_end(state, later) is None
    left = WHOLE - round(spent / 60)
    assert state.sla.due_at == NAIVE.after(later, left, later + timedelta(days=30))


def test_a_clock_that_runs_when_the_hours_end_loses_nothing() -> None:
    state = opened(FRIDAY)
    levels_then = state.terms.sla
    assert levels_then is not None
    cut = FRIDAY + timedelta(hours=3)
    short = open_hours(CALENDAR, FRIDAY, FRIDAY, 1.0).model_copy(
        update={"spans": CALENDAR.spans(FRIDAY, cut), "until": cut}
    )
    sla = levels_then.model_copy(update={"hours": {"office": short}})
    state = state.model_copy(update={"terms": Terms(sla=sla)})
    due = state.sla.due_at
    state = levels.begun(state)
    assert state.sla.due_at is None
    wake = levels.next_wake(state)
    assert wake is not None
    assert wake.at <= cut
    state = levels.seen(state, cut)
    state = levels.renewed(state, "office", open_hours(CALENDAR, FRIDAY, cut, 1.0))
    assert state.sla.due_at == due


def test_clocks_without_hours_are_given_up() -> None:
    state = after_move(opened(FRIDAY), "question", 0, FRIDAY + MINUTE)
    state = after_move(state, "work", 1, FRIDAY + timedelta(days=100))
    assert levels.next_wake(state) is not None
    state = levels.given_up(state)
    assert levels.next_wake(state) is None


def test_a_ticket_of_yesterday_keeps_its_one_target() -> None:
    state = opened(FRIDAY)
    terms = Terms(resolution_target_seconds={"normal": 3600.0})
    state = state.model_copy(update={"terms": terms, "watch": type(state.watch)()})
    state = levels.begun(state)
    assert state.sla.due_at == FRIDAY + timedelta(hours=1)
    assert levels.next_wake(state) is None
    late = FRIDAY + timedelta(hours=2)
    assert levels.asked(state, late) == state
    assert levels.seen(state, late).sla.breached
    assert told(levels.seen(state, late)) == []


@pytest.mark.parametrize("move", ["question", "resolve"])
def test_the_resolution_is_due_later_by_what_the_customer_took(move: Move) -> None:
    monday = datetime(2026, 4, 13, 8, tzinfo=UTC)
    state = opened(monday)
    due = state.sla.due_at
    assert due is not None
    state = after_move(state, move, 0, monday + timedelta(hours=1))
    state = after_move(state, "work", 1, monday + timedelta(hours=2))
    assert state.sla.due_at == NAIVE.after(due, 60, due + timedelta(days=2))
