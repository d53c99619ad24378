"""Each single check of the week's reader fails where it has to, and so do its allowances."""

from collections.abc import Callable
from typing import Any

import pytest

from evals.week.reader import read_week
from tests.evals import small_week as week
from tests.evals.small_week import Json, Script, at, change, evidence, promise

Doctor = Callable[[], Json]


def _missed(minutes: float, *, due: float, kind: str = "reply", told: bool = True) -> Json:
    """Return evidence in which the promise was missed, at this minute."""
    made = promise("commitment_made", 4, kind=kind, due_at=at(due))
    missed = promise("commitment_missed", 5, kind=kind)
    script = week.asked(made=(made,), ended=())
    close = script.events[-2:]
    del script.events[-2:]
    if told:
        script.activity("raise_alert", minutes, {}, {})
    snapshot = {"view": {"status": "resolved"}, "events": [missed]}
    script.activity("record_outcome", minutes, {"snapshot": snapshot}, {})
    script.events += close
    return _with_promise_rows(evidence(second=script), made, missed)


def _promised(*events: Json, made: bool = True) -> Json:
    """Return evidence with other ends of the promise, all of them written."""
    start = (week.MADE,) if made else ()
    script = week.asked(made=start, ended=events)
    return _with_promise_rows(evidence(second=script), *start, *events)


def _with_promise_rows(found: Json, *events: Json) -> Json:
    own = {"tenant": "default", "ticket_id": "asked"}
    found["tables"]["outcome_events"] = [{**own, **event} for event in events]
    return found


def _kept_by_nobody() -> Json:
    """Return evidence in which the promise was kept before anybody answered."""
    script = week.asked(ended=())
    snapshot = {"view": {"status": "working"}, "events": [week.KEPT]}
    late = Script("asked", "ben@example.com", "", minutes=0)
    late.activity("record_outcome", 4, {"snapshot": snapshot}, {})
    number = next(
        place
        for place, event in enumerate(script.events)
        if event["givenEventAttributes"].get("activityType", {}).get("name") == "send_reply"
    )
    script.events[number + 3 : number + 3] = _numbered(late.events[1:], 900)
    return evidence(second=script)


def _numbered(events: list[Json], first: int) -> list[Json]:
    for event in events:
        event["eventId"] = str(first + int(event["eventId"]))
        given = event["givenEventAttributes"]
        if "scheduledEventId" in given:
            given["scheduledEventId"] = str(first + int(given["scheduledEventId"]))
    return events


def _metric(path: str, value: object) -> Json:
    found = evidence()
    place: Any = found["metrics"]["default"]
    *parts, last = path.split(".")
    for part in parts:
        place = place[part]
    place[last] = value
    return found


def _decided(**given: object) -> Json:
    return evidence(second=change(week.asked(), "decide", **given))


def _second(**refund: object) -> Json:
    return evidence(second=change(week.asked(), "refund_payment", **refund))


def _said(ticket_id: str, text: str) -> Json:
    found = evidence()
    for row in found["backends"]["messages"]:
        if row["ticket_id"] == ticket_id:
            row["text"] = text
    return found


def _answers(*events: Json) -> Json:
    script = week.alone()
    snapshot = {"view": {"status": "resolved"}, "events": list(events)}
    return evidence(first=change(script, "send_reply", snapshot=snapshot))


def _first(number: int, **data: object) -> Json:
    told = {"seconds": 180, "within_sla": True, **data}
    return {"event_id": f"{number}:first_response", "kind": "first_response", "data": told}


def _next(number: int, *, within: bool) -> Json:
    data = {"seconds": 60, "within_sla": within}
    return {"event_id": f"{number}:next_response", "kind": "next_response", "data": data}


def _answered_later(minutes: float, *, within: bool) -> Json:
    """Return evidence in which ann wrote again after ten minutes, and was answered after these."""
    script = week.alone()
    close = script.events[-2:]
    del script.events[-2:]
    script.update("add_message", 10, {"message_id": "m-1", "text": "And my other mug?"})
    script.status(10, "working")
    script.reply("It is on its way.", minutes, [_next(9, within=within)])
    script.events += close
    return evidence(first=script)


def _stuck() -> Json:
    """Return evidence in which a ticket is owed a task for a long time."""
    script = week.alone()
    del script.events[-1]
    script.add("WORKFLOW_TASK_SCHEDULED", 100)
    found = evidence(first=script)
    found["journal"][0]["at"] = at(5000)
    return found


def _table(name: str, **changes: object) -> Json:
    found = evidence()
    found["tables"][name][0] |= changes
    return found


def _emptied(name: str) -> Json:
    found = evidence()
    found["tables"][name] = []
    return found


def _failed() -> Json:
    """Return evidence in which a ticket's last activity failed, and nothing came of it."""
    script = week.alone()
    del script.events[-2:]
    number = script.add(
        "ACTIVITY_TASK_SCHEDULED",
        40,
        activityType={"name": "raise_alert"},
        input=week.payload(script.scope),
    )
    script.add("ACTIVITY_TASK_FAILED", 41, scheduledEventId=number, failure={"message": "no"})
    return evidence(first=script)


def _terminated() -> Json:
    script = week.alone()
    script.events[-1] |= {"eventType": "EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED"}
    return evidence(first=script)


def _delivered(days: int) -> Json:
    found = evidence()
    found["shop"]["orders"]["#B101"]["delivered_at"] = f"-P{days}D"
    return found


def _mail_twice() -> Json:
    found = evidence()
    rows = found["backends"]["messages"]
    rows.append({**rows[0], "text": "And more.", "sent_at": at(90)})
    return found


def _told_what_it_is() -> Json:
    """Return evidence in which ann, who named ben's order, is told what he bought."""
    script = week.alone()
    script.update("add_message", 4, {"message_id": "m-1", "text": "And order #B201?"})
    found = evidence(first=script)
    found["backends"]["messages"][0]["text"] = "Order #B201 is the Juniper Table Lamp."
    return found


EDIT = {"actions": [{"action_id": "p1-a1", "amount_minor": 4000}]}
DROP = {"actions": [{"action_id": "p1-a1", "drop": True}]}

DOCTORED: dict[str, tuple[str, str, Doctor]] = {
    "more than all limits": ("2", "above all limits", lambda: _second(amount=_usd(5_000_01))),
    "more than a day has": ("2", "in a day", lambda: _second(amount=_usd(10_000_01))),
    "an order too old": ("2", "delivered 40 days ago", lambda: _delivered(40)),
    "a yes to a ticket of one's own": (
        "2",
        "approved what they asked for",
        lambda: evidence(second=change(_opened_by("bob"), "decide")),
    ),
    "what another bought": ("3", "tells what", _told_what_it_is),
    "another amount than approved": ("5", "8900, not 4000", lambda: _decided(edit=EDIT)),
    "an action that was taken out": ("5", "was taken out", lambda: _decided(edit=DROP)),
    "other parameters than approved": (
        "5",
        "approved was",
        lambda: evidence(second=_other_params()),
    ),
    "facts not looked at again": (
        "5",
        "not looked at again",
        lambda: evidence(second=week.without(week.asked(), "MARKER_RECORDED", 30)),
    ),
    "one message that left twice": ("7", "left twice", _mail_twice),
    "a ticket that is owed a task": ("7", "without a timer", _stuck),
    "a ticket the database does not know": ("7", "does not know", lambda: _emptied("tickets")),
    "a request not on the list": ("8", "list of approvals", lambda: _emptied("approvals")),
    "a request with another end": (
        "8",
        "expired on record",
        lambda: _table("approvals", outcome="expired"),
    ),
    "a failure without consequence": ("8", "nothing followed", _failed),
    "a ticket that was ended by force": ("8", "the workflow terminated", _terminated),
    "an approver of nobody": ("11", "eve decided here", lambda: _decided(approver="eve")),
    "mail to who never wrote": (
        "11",
        "does not write to this tenant",
        lambda: _recipient("eve@example.com"),
    ),
    "two first responses": ("SLA", "two first", lambda: _answers(_first(3), _first(4))),
    "an answer that is no first response": ("SLA", "is no first_response", lambda: _answers()),
    "a first response late by itself": (
        "SLA",
        "contradicts",
        lambda: _answers(_first(3, within_sla=False)),
    ),
    "a next response, late, said in time": (
        "SLA",
        "next response: said in time",
        lambda: _answered_later(10 + 60 * 9, within=True),
    ),
    "a next response, in time, said late": (
        "SLA",
        "next response: said late",
        lambda: _answered_later(60, within=False),
    ),
    "a promise with two ends": (
        "promises",
        "ended 2 times",
        lambda: _promised(week.KEPT, promise("commitment_released", 6)),
    ),
    "a promise without an end": ("promises", "closed over", lambda: _promised()),
    "an end of no promise": ("promises", "nobody made", lambda: _promised(week.KEPT, made=False)),
    "a promise missed too early": (
        "promises",
        "before it was due",
        lambda: _missed(40, due=50, kind="callback"),
    ),
    "a promise kept, and said to be missed": (
        "promises",
        "was kept, and",
        lambda: _missed(110, due=100),
    ),
    "a promise missed in silence": (
        "promises",
        "no person heard",
        lambda: _missed(40, due=20, told=False),
    ),
    "a promise that nobody kept": ("promises", "nobody answered", _kept_by_nobody),
    "a promise that is not on record": ("promises", "0 rows", lambda: _emptied("outcome_events")),
    "a call of no ticket": ("calls", "no ticket", lambda: _call(ticket_id="gone")),
    "a call to another": ("calls", "who did not write", lambda: _call(customer_id="ben")),
    "a call that nobody asked for": (
        "calls",
        "nobody asked",
        lambda: evidence(first=_opened(body="Please refund order #B101.")),
    ),
    "a call to who knows whom": (
        "calls",
        "nobody knew",
        lambda: evidence(first=_opened(assurance="none")),
    ),
    "a call that was booked by nothing": ("calls", "by nothing", lambda: _call(ticket_id="asked")),
    "a call entered by nobody": ("calls", "not ('bob'", lambda: _call(entered_by="alice")),
    "a call that nobody made": ("calls", "never made", lambda: _call(status="booked")),
    "two calls at once": ("calls", "at once", lambda: _two_calls()),
    "a service level that flatters": (
        "metrics",
        "sla.first_response.count",
        lambda: _metric("sla.first_response", {"count": 1, "of": 2}),
    ),
    "a miss that is left out": (
        "metrics",
        "sla.resolution.of",
        lambda: _metric("sla.resolution", {"count": 0, "of": 1}),
    ),
    "a ticket that was never reopened": ("metrics", "reopened:", lambda: _metric("reopened", 1)),
    "a ticket reopened while closing": ("metrics", "reopened:", lambda: _wrote_while_closing()),
    "a rate of reopening": (
        "metrics",
        "reopened_tickets.of",
        lambda: _metric("reopened_tickets", {"count": 0, "of": 3}),
    ),
    "a reason that is none": (
        "metrics",
        "left_autonomous",
        lambda: _metric("left_autonomous", [{"intent": None, "reason": "x", "tickets": 1}]),
    ),
    "a promise more that was kept": (
        "metrics",
        "promises.reply.kept.count",
        lambda: _metric("promises.reply.kept", {"count": 2, "of": 2}),
    ),
    "a call more": ("metrics", "calls_booked", lambda: _metric("calls_booked", 2)),
    "a call that reached somebody": (
        "metrics",
        "calls_reached.count",
        lambda: _metric("calls_reached", {"count": 1, "of": 1}),
    ),
    "minutes that flatter": (
        "metrics",
        "human_minutes",
        lambda: _metric("cost_per_resolved.human_minutes", 0.4),
    ),
    "minutes that nobody measured": (
        "metrics",
        "human_minutes",
        lambda: _metric("cost_per_resolved.human_minutes", None),
    ),
}


def _wrote_while_closing() -> Json:
    """Return evidence in which ann wrote while her ticket was closing, and no reopening counted."""
    script = week.alone()
    close = script.events[-2:]
    del script.events[-2:]
    script.activity("close_ticket", 20, {}, {})
    script.activity("classify_ticket", 21, {}, {"priority": "normal"})
    script.events += close
    return evidence(first=script)


def _call(**changes: object) -> Json:
    found = evidence()
    found["backends"]["callbacks"][0] |= changes
    return found


def _two_calls() -> Json:
    found = _call(status="booked")
    rows = found["backends"]["callbacks"]
    rows.append({**rows[0], "booking_id": "call_2"})
    return found


def _opened(**changes: object) -> Script:
    script = week.alone()
    started = script.events[0]["givenEventAttributes"]
    before = week.unpacked(started["input"])
    started["input"] = week.payload({**before, "ticket": {**before["ticket"], **changes}})
    return script


def _usd(amount: int) -> Json:
    return {"amount_minor": amount, "currency": "USD"}


def _opened_by(who: str) -> Script:
    script = week.asked()
    started = script.events[0]["givenEventAttributes"]
    before = week.unpacked(started["input"])
    started["input"] = week.payload({**before, "opened_by": who})
    return script


def _other_params() -> Script:
    script = week.asked()
    action = {
        "action_id": "p1-a1",
        "kind": "refund_payment",
        "params": {"order_id": "#B201", "items": ["2"]},
        "requested_by": ["#0"],
    }
    return change(script, "refund_payment", action=action)


def _recipient(email: str) -> Json:
    found = evidence()
    found["backends"]["messages"][0]["recipient"] = email
    return found


@pytest.mark.parametrize(("check", "words", "doctor"), DOCTORED.values(), ids=list(DOCTORED))
def test_it_finds(check: str, words: str, doctor: Doctor) -> None:
    found = read_week(doctor()).violations
    assert [v.what for v in found if v.check.split()[0] == check and words in v.what]


def test_an_answer_in_time_is_no_violation() -> None:
    assert not [
        v for v in read_week(_answered_later(60, within=True)).violations if "SLA" in v.check
    ]
