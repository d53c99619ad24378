"""Histories of tickets as Temporal kept them, made readable: who asked what, what came of it."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

Json = dict[str, Any]

_BOOKINGS: Final = ("schedule_callback", "reschedule_callback")

_ENDS: Final = {
    "ACTIVITY_TASK_COMPLETED": "",
    "ACTIVITY_TASK_FAILED": "failed",
    "ACTIVITY_TASK_TIMED_OUT": "timed_out",
    "ACTIVITY_TASK_CANCELED": "cancelled",
}
_OVER: Final = {
    "WORKFLOW_EXECUTION_COMPLETED": "completed",
    "WORKFLOW_EXECUTION_FAILED": "failed",
    "WORKFLOW_EXECUTION_TIMED_OUT": "timed_out",
    "WORKFLOW_EXECUTION_TERMINATED": "terminated",
    "WORKFLOW_EXECUTION_CANCELED": "cancelled",
}


@dataclass
class Step:
    """One thing that a ticket did or was told.

    ``kind`` is ``activity``, ``local`` or ``update``. ``early`` and ``late`` bound the ticket's own
    time of it; ``done`` is when an activity ended. ``failure`` is empty where it went well.
    """

    kind: str
    name: str
    given: Json
    early: datetime
    late: datetime
    result: Json | None = None
    failure: str = ""
    done: datetime | None = None


@dataclass
class Ticket:
    """One ticket: all of its runs in a row.

    ``waits``: a timer runs, or an activity. ``called_at``: since when it is owed a task.
    """

    workflow_id: str
    tenant: str
    ticket_id: str
    start: Json
    steps: list[Step] = field(default_factory=list["Step"])
    statuses: list[tuple[datetime, datetime, str]] = field(
        default_factory=list["tuple[datetime, datetime, str]"]
    )
    over: str = ""
    outcome: Json | None = None
    waits: bool = False
    called_at: datetime | None = None
    tenants: set[str] = field(default_factory=set["str"])

    @property
    def ticket(self) -> Json:
        """What was opened."""
        ticket: Json = self.start["ticket"]
        return ticket

    @property
    def received_at(self) -> datetime:
        """When the customer wrote."""
        return when(self.ticket["received_at"])

    def named(self, *names: str) -> list[Step]:
        """Return the steps of these names."""
        return [step for step in self.steps if step.name in names]

    @property
    def messages(self) -> list[Step]:
        """Return the customer's messages that were taken, each once."""
        taken: dict[str, Step] = {}
        for step in self.named("add_message"):
            if not step.failure:
                taken.setdefault(step.given["message_id"], step)
        return list(taken.values())

    @property
    def texts(self) -> dict[str, str]:
        """Return what the customer wrote, by message id; the opening is ``#0``."""
        said = {step.given["message_id"]: step.given["text"] for step in self.messages}
        return {"#0": f"{self.ticket['subject']}\n{self.ticket['body']}", **said}

    @property
    def answers(self) -> list[Step]:
        """Return what left and gave the customer the word, the solution, or the time of a call.

        The reply with that time is the answer although the ticket goes on working until the call.
        """
        found: list[Step] = []
        booked = False
        for step in self.named("send_reply", *_BOOKINGS):
            if step.name in _BOOKINGS:
                booked = booked or not step.failure
            elif not step.failure:
                status = _status_with(step)
                ends = status in ("awaiting_customer", "resolved")
                if ends or (booked and status == "working"):
                    found.append(step)
                booked = False
        return found

    def stands(self) -> list[tuple[datetime, datetime, str]]:
        """Return the statuses in order, with the moments between which each began.

        A reply is on its way for a moment before its status is published, and the customer's words
        are at work before that is.
        """
        known = list(self.statuses)
        known += [(step.early, step.late, _status_with(step)) for step in self.answers]
        changes: list[tuple[datetime, datetime, str]] = []
        for early, late, status in sorted(known):
            if not changes or changes[-1][2] != status:
                since = changes[-1][0] if changes else early
                heard = [m.early for m in self.messages if since <= m.early < early]
                changes.append((min([early, *heard]), late, status))
        return changes

    @property
    def status(self) -> str:
        """Return the last status that it published."""
        return self.statuses[-1][2] if self.statuses else "new"


def _status_with(step: Step) -> str:
    """Return the status that a ticket takes as a reply leaves."""
    return str(step.given["snapshot"]["view"]["status"])


def when(text: str) -> datetime:
    """Return a time of Temporal's or of ours; nanoseconds are cut."""
    text = text.replace("Z", "+00:00")
    head, dot, rest = text.partition(".")
    if dot:
        digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
        text = f"{head}.{digits[:6]:0<6}{rest[len(digits) :]}"
    time = datetime.fromisoformat(text)
    return time if time.tzinfo else datetime.fromisoformat(f"{text}+00:00")


def read_ticket(workflow_id: str, runs: list[list[Json]]) -> Ticket:
    """Return a ticket from the events of its runs, oldest first."""
    _, tenant, ticket_id = workflow_id.split(":", 2)
    first = _payload(_of(runs[0][0])["input"])
    ticket = Ticket(workflow_id, tenant, ticket_id, first or {})
    for run in runs:
        _Run(ticket).read(run)
    return ticket


class _Run:
    """The events of one run, read into a ticket."""

    def __init__(self, ticket: Ticket) -> None:
        self._ticket = ticket
        self._open: dict[str, Step] = {}
        self._timers: set[str] = set()
        self._task = ticket.received_at
        self._called: datetime | None = None

    def read(self, events: list[Json]) -> None:
        for event in events:
            self._event(event)
        pending = any(s.done is None and not s.failure for s in self._open.values())
        self._ticket.waits = bool(self._timers) or pending
        self._ticket.called_at = self._called

    def _event(self, event: Json) -> None:
        kind = event["eventType"].removeprefix("EVENT_TYPE_")
        given, at, number = _of(event), when(event["eventTime"]), event["eventId"]
        if kind == "WORKFLOW_TASK_STARTED":
            self._task = at
        elif kind == "WORKFLOW_TASK_SCHEDULED":
            self._called = self._called or at
        elif kind == "WORKFLOW_TASK_COMPLETED":
            self._called = None
        elif kind == "ACTIVITY_TASK_SCHEDULED":
            self._begin(number, "activity", given["activityType"]["name"], given, at)
        elif kind in _ENDS:
            step = self._open[given["scheduledEventId"]]
            step.done = at
            step.result = _payload(given.get("result"))
            step.failure = _reason(given.get("failure")) or _ENDS[kind]
        elif kind == "MARKER_RECORDED":
            self._marker(given, at)
        elif kind == "WORKFLOW_EXECUTION_UPDATE_ACCEPTED":
            asked = given["acceptedRequest"]["input"]
            self._begin(number, "update", asked["name"], {"input": asked["args"]}, at)
        elif kind == "WORKFLOW_EXECUTION_UPDATE_COMPLETED":
            self._answer(given)
        elif kind == "UPSERT_WORKFLOW_SEARCH_ATTRIBUTES":
            self._published(given, at)
        elif kind == "TIMER_STARTED":
            self._timers.add(given["timerId"])
        elif kind in ("TIMER_FIRED", "TIMER_CANCELED"):
            self._timers.discard(given["timerId"])
        elif kind in _OVER:
            self._ticket.over = _OVER[kind]
            self._ticket.outcome = _payload(given.get("result"))

    def _begin(self, number: str, kind: str, name: str, given: Json, at: datetime) -> None:
        step = Step(kind, name, _payload(given.get("input")) or {}, self._task, at)
        self._open[number] = step
        self._ticket.steps.append(step)
        if isinstance(step.given.get("tenant"), str):
            self._ticket.tenants.add(step.given["tenant"])

    def _answer(self, given: Json) -> None:
        step = self._open[given["acceptedEventId"]] if "acceptedEventId" in given else None
        if step is None:  # the server leaves the number of the very first event out
            step = next(
                s for s in reversed(self._ticket.steps) if s.kind == "update" and not s.done
            )
        outcome = given.get("outcome", {})
        step.done = step.late
        step.result = _payload(outcome.get("success"))
        step.failure = _reason(outcome.get("failure"))

    def _marker(self, given: Json, at: datetime) -> None:
        if given["markerName"] != "core_local_activity":
            return
        details = given["details"]
        name = (_payload(details["data"]) or {})["activity_type"]
        step = Step("local", name, {}, self._task, at, done=at)
        step.result = _payload(details.get("result"))
        step.failure = _reason(given.get("failure"))
        self._ticket.steps.append(step)

    def _published(self, given: Json, at: datetime) -> None:
        fields = given["searchAttributes"].get("indexedFields", {})
        if "TicketStatus" in fields:
            status = json.loads(base64.b64decode(fields["TicketStatus"]["data"]))
            status = status[0] if isinstance(status, list) else status
            self._ticket.statuses.append((self._task, at, str(status)))


def _of(event: Json) -> Json:
    """Return an event's attributes."""
    return next(
        (value for key, value in event.items() if key.endswith("EventAttributes")), dict[str, Any]()
    )


def _payload(payloads: Json | None) -> Json | None:
    """Return the first payload."""
    for payload in (payloads or {}).get("payloads", []):
        if payload.get("data"):
            value = json.loads(base64.b64decode(payload["data"]))
            return value if isinstance(value, dict) else {"value": value}
    return None


def _reason(failure: Json | None) -> str:
    """Return why something failed, with the code that our failures carry."""
    if not failure:
        return ""
    info = failure.get("applicationFailureInfo", {})
    codes = [
        json.loads(base64.b64decode(p["data"])) for p in info.get("details", {}).get("payloads", [])
    ]
    return ": ".join(map(str, [*codes[:1], failure.get("message", "failed")]))[:300]


def events_of(ticket: Ticket) -> Iterator[tuple[Step, Json]]:
    """Yield the outcome events that a ticket handed over, each once, with the step that did."""
    seen: set[str] = set()
    for step in ticket.steps:
        for event in (step.given.get("snapshot") or {}).get("events", []):
            if event["event_id"] not in seen:
                seen.add(event["event_id"])
                yield step, event
