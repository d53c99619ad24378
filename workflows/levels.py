"""The service levels of a ticket, pure: its clocks, and what became late.

A clock runs in open time (``closeloop.policy.hours``), over hours that were recorded. What is late
is known as soon as anybody looks, with the time at which it became so; ``core.py`` looks before
every step and wakes for the next mark while it waits. A ticket opened before there were service
levels has none: then nothing here does anything but keep its old target.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from closeloop.models.sla import Alarm, Goal, Lateness, OpenHours, SlaWatch, Stopwatch
    from closeloop.models.state import TicketState
    from closeloop.models.ticket import Status
    from closeloop.models.triage import Classification, Priority
    from closeloop.policy.hours import after, elapsed
    from workflows import conversation
    from workflows import state as transitions

PAUSING: Final = frozenset({Status.AWAITING_CUSTOMER, Status.RESOLVED, Status.CLOSED})
"""Where the resolution's clock stands still: the customer has the word, or it is solved."""
ANSWERING: Final = frozenset({Status.AWAITING_CUSTOMER, Status.RESOLVED})
"""Where a real answer leads; a notice that goes out in any other status is none."""
MAX_ALARMS: Final = 20

_RISING: Final[Sequence[Priority]] = ("low", "normal", "high", "urgent")
_RAISES_TO: Final[dict[Lateness, Priority]] = {"at_risk": "high", "breached": "urgent"}


class Mark(NamedTuple):
    """A moment at which a goal becomes late, unless its clock is stopped before."""

    at: datetime
    goal: Goal
    lateness: Lateness


class Wake(NamedTuple):
    """When a waiting ticket has to look at its clocks, and why."""

    at: datetime
    reason: str


def clock_start(state: TicketState) -> datetime:
    """Return when the clocks began: on receipt, which a sender's clock may put into the future."""
    return min(state.ticket.received_at, state.opened_at)


def begun(state: TicketState) -> TicketState:
    """Start the clocks of a ticket that was understood for the first time."""
    levels, triage = state.terms.sla, state.classification
    assert triage is not None
    if levels is None:
        seconds = state.terms.resolution_target_seconds.get(triage.priority)
        return transitions.with_target(state, seconds)
    target = levels.targets[triage.priority]
    state = state.model_copy(update={"watch": state.watch.model_copy(update={"target": target})})
    start = clock_start(state)
    if state.sla.first_response_at is None:
        state = _started(state, Goal.FIRST_RESPONSE, target.first_response, start)
    return _started(state, Goal.RESOLUTION, target.resolution, start)


def asked(state: TicketState, now: datetime) -> TicketState:
    """Start the clock of the next response, unless the customer waits for one already."""
    target, clocks = state.watch.target, state.watch.clocks
    if target is None or Goal.FIRST_RESPONSE in clocks or Goal.NEXT_RESPONSE in clocks:
        return state
    return _started(state, Goal.NEXT_RESPONSE, target.next_response, now)


def answered(
    state: TicketState, status: Status, now: datetime, *, answers: bool = False
) -> TicketState:
    """Stop the response clocks as a reply goes out, if it is an answer.

    What the customer wrote while it was on its way waits for the next one.
    """
    if status not in ANSWERING and not answers:
        return state
    state = seen(state, now)
    if state.sla.first_response_at is None:
        goal, since = Goal.FIRST_RESPONSE, clock_start(state)
        sla = state.sla.model_copy(update={"first_response_at": now})
        state = state.model_copy(update={"sla": sla})
    elif Goal.NEXT_RESPONSE in state.watch.clocks:
        goal, since = Goal.NEXT_RESPONSE, state.watch.clocks[Goal.NEXT_RESPONSE].began
    else:
        return state
    clock = state.watch.clocks.get(goal)
    state = transitions.event(
        state,
        now,
        goal.value,
        seconds=round((now - since).total_seconds(), 3),
        within_sla=None if clock is None else "breached" not in clock.said,
    )
    state = _stopped(state, goal)
    fresh = conversation.unread(state)
    return asked(state, fresh[0].at) if fresh else state


def needs_no_answer(state: TicketState, now: datetime) -> TicketState:
    """Stop the clock of the next response: what the customer wrote was only a yes."""
    return _stopped(seen(state, now), Goal.NEXT_RESPONSE)


def seen(state: TicketState, now: datetime) -> TicketState:
    """Say what has become late, and let the resolution's clock stand or run as the status says."""
    if state.terms.sla is None:
        return transitions.overdue(state, now)
    for mark in sorted(_marks(state.watch)):
        if mark.at <= now:
            state = _late(state, mark)
    clock = state.watch.clocks.get(Goal.RESOLUTION)
    if clock is None:
        return state
    stands = state.status in PAUSING
    if stands and clock.since is not None:
        spent = clock.spent + elapsed(_hours(state), clock.since, now)
        clock = clock.model_copy(update={"spent": spent, "since": None})
        return _with_clock(state, Goal.RESOLUTION, clock)
    if not stands and clock.since is None:
        return _with_clock(state, Goal.RESOLUTION, _running(state, clock, now))
    return state


def next_wake(state: TicketState) -> Wake | None:
    """Return when the next goal becomes late, or the known hours end before one could."""
    wakes = [
        Wake(mark.at, f"{mark.goal.value} {mark.lateness}".replace("_", " "))
        for mark in _marks(state.watch)
    ]
    hours = _hours(state)
    if hours is not None and _beyond_hours(state.watch):
        wakes.append(Wake(hours.until, "the desk's hours"))
    return min(wakes, default=None)


def hours_end(state: TicketState, now: datetime) -> tuple[str, datetime] | None:
    """Return the calendar that has to be read further, and from when on; None if it reaches."""
    hours, target = _hours(state), state.watch.target
    if hours is None or target is None or target.calendar is None:
        return None
    begun_at = [state.watch.clocks[goal].since or now for goal in _beyond_hours(state.watch)]
    if not begun_at or now < hours.until:
        return None
    return target.calendar, max(hours.until, min(begun_at))


def renewed(state: TicketState, calendar: str, hours: OpenHours) -> TicketState:
    """Go on with the hours that follow the known ones."""
    levels, before = state.terms.sla, _hours(state)
    assert levels is not None
    assert before is not None
    beyond = _beyond_hours(state.watch)
    levels = levels.model_copy(update={"hours": {**levels.hours, calendar: hours}})
    state = state.model_copy(update={"terms": state.terms.model_copy(update={"sla": levels})})
    for goal in beyond:
        clock = state.watch.clocks[goal]
        assert clock.since is not None
        spent = clock.spent + elapsed(before, clock.since, before.until)
        clock = clock.model_copy(update={"spent": spent})
        state = _with_clock(
            state, goal, _running(state, clock, max(clock.since or before.until, before.until))
        )
    return state


def given_up(state: TicketState) -> TicketState:
    """Stop the clocks whose hours cannot be known any more."""
    for goal in _beyond_hours(state.watch):
        state = _stopped(state, goal)
    return state


def kept_priority(state: TicketState, triage: Classification) -> Classification:
    """Return a new classification at the priority that lateness has raised the ticket to."""
    raised = state.watch.raised_to
    if raised is None or _RISING.index(raised) <= _RISING.index(triage.priority):
        return triage
    return triage.model_copy(update={"priority": raised})


def alert(state: TicketState) -> str:
    """Return what people are told of goals that became late: none of the customer's words."""
    triage = state.classification
    about = f"{triage.intent}, {triage.priority} priority" if triage else "not understood"
    waits = f", waits for {state.deadline_reason}" if state.deadline_reason else ""
    lines = [f"Ticket {state.ticket.ticket_id} ({about}) is {state.status.value}{waits}."]
    for alarm in state.watch.alarms:
        due = f" (due {alarm.due_at:%Y-%m-%d %H:%M} UTC)" if alarm.due_at else ""
        lines.append(f"{alarm.goal.value} {alarm.lateness}".replace("_", " ") + due)
    return "\n".join(lines)


def alerted(state: TicketState, told: Sequence[Alarm]) -> TicketState:
    """Drop the alarms that people were told of."""
    left = tuple(alarm for alarm in state.watch.alarms if alarm not in told)
    return state.model_copy(update={"watch": state.watch.model_copy(update={"alarms": left})})


def _marks(watch: SlaWatch) -> list[Mark]:
    """Return what running clocks have not said yet, where it is known when they will."""
    marks: list[Mark] = []
    for goal, clock in watch.clocks.items():
        for at, lateness in _times(clock):
            if at is not None and clock.since is not None and lateness not in clock.said:
                marks.append(Mark(at, goal, lateness))
    return marks


def _beyond_hours(watch: SlaWatch) -> list[Goal]:
    """Return the goals whose running clock will say something, nobody knows when yet."""
    return [
        goal
        for goal, clock in watch.clocks.items()
        if clock.since is not None
        and any(at is None and lateness not in clock.said for at, lateness in _times(clock))
    ]


def _times(clock: Stopwatch) -> tuple[tuple[datetime | None, Lateness], ...]:
    return (clock.at_risk_at, "at_risk"), (clock.due_at, "breached")


def _late(state: TicketState, mark: Mark) -> TicketState:
    clock = state.watch.clocks[mark.goal]
    clock = clock.model_copy(update={"said": (*clock.said, mark.lateness)})
    alarm = Alarm(goal=mark.goal, lateness=mark.lateness, due_at=clock.due_at)
    watch = state.watch
    alarms = (*watch.alarms, alarm)[-MAX_ALARMS:]
    state = state.model_copy(update={"watch": watch.model_copy(update={"alarms": alarms})})
    state = _with_clock(state, mark.goal, clock)
    at = max(mark.at, state.opened_at)  # nothing happens to a ticket before it is opened
    state = transitions.event(
        state,
        at,
        f"sla_{mark.lateness}",
        target=mark.goal.value,
        due_at=clock.due_at.isoformat() if clock.due_at else None,
    )
    words = f"{mark.goal.value} {mark.lateness}".replace("_", " ")
    state = transitions.note(state, at, "service level", words)
    sla = state.sla
    if mark.lateness == "at_risk":
        sla = sla.model_copy(update={"at_risk": _with(sla.at_risk, mark.goal)})
    else:
        sla = sla.model_copy(update={"missed": _with(sla.missed, mark.goal), "breached": True})
    return raised(state.model_copy(update={"sla": sla}), _RAISES_TO[mark.lateness], at)


def raised(state: TicketState, to: Priority, at: datetime) -> TicketState:
    """Raise the ticket to a priority, unless it has that much already."""
    triage = state.classification
    assert triage is not None
    if _RISING.index(to) <= _RISING.index(triage.priority):
        return state
    state = transitions.event(state, at, "priority_raised", before=triage.priority, after=to)
    state = transitions.note(state, at, "priority raised", f"from {triage.priority} to {to}")
    return state.model_copy(
        update={
            "classification": triage.model_copy(update={"priority": to}),
            "watch": state.watch.model_copy(update={"raised_to": to}),
        }
    )


def _with(goals: tuple[Goal, ...], goal: Goal) -> tuple[Goal, ...]:
    return goals if goal in goals else (*goals, goal)


def _started(state: TicketState, goal: Goal, seconds: float, since: datetime) -> TicketState:
    clock = Stopwatch(began=since, seconds=seconds)
    return _with_clock(state, goal, _running(state, clock, since))


def _running(state: TicketState, clock: Stopwatch, since: datetime) -> Stopwatch:
    levels, hours = state.terms.sla, _hours(state)
    assert levels is not None
    return clock.model_copy(
        update={
            "since": since,
            "at_risk_at": after(hours, since, clock.seconds * levels.at_risk - clock.spent),
            "due_at": after(hours, since, clock.seconds - clock.spent),
        }
    )


def _stopped(state: TicketState, goal: Goal) -> TicketState:
    clocks = {other: clock for other, clock in state.watch.clocks.items() if other is not goal}
    return _shown(state.model_copy(update={"watch": _watch(state, clocks)}))


def _with_clock(state: TicketState, goal: Goal, clock: Stopwatch) -> TicketState:
    clocks = {**state.watch.clocks, goal: clock}
    return _shown(state.model_copy(update={"watch": _watch(state, clocks)}))


def _watch(state: TicketState, clocks: dict[Goal, Stopwatch]) -> SlaWatch:
    return state.watch.model_copy(update={"clocks": clocks})


def _shown(state: TicketState) -> TicketState:
    """Show on the ticket when what is due; a clock that stands shows what it showed last."""
    due = {goal: clock.due_at for goal, clock in state.watch.clocks.items()}
    sla = state.sla.model_copy(
        update={
            "due_at": due.get(Goal.RESOLUTION, state.sla.due_at),
            "first_response_due_at": due.get(Goal.FIRST_RESPONSE),
            "next_response_due_at": due.get(Goal.NEXT_RESPONSE),
        }
    )
    return state.model_copy(update={"sla": sla})


def _hours(state: TicketState) -> OpenHours | None:
    levels, target = state.terms.sla, state.watch.target
    if levels is None or target is None or target.calendar is None:
        return None
    return levels.hours[target.calendar]
