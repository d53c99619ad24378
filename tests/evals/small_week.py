"""A week of two tickets, written by hand: evidence in which nothing is wrong, to be doctored.

``alone`` is a refund of 24.90 that needed nobody; ``asked`` is one of 89.00 that bob approved.
"""

import base64
import copy
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

Json = dict[str, Any]

START: Final = datetime(2026, 3, 3, 15, 0, tzinfo=UTC)
"""A Tuesday, ten in the morning in New York."""
ALONE: Final = "ticket:default:alone"
ASKED: Final = "ticket:default:asked"
FIRST, SECOND = "re_aaaaaaaaaaaaaaaa", "re_bbbbbbbbbbbbbbbb"
HASH: Final = "h" * 64


def at(minutes: float) -> str:
    """Return a moment of the week, in the form of histories."""
    return (START + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


def payload(value: object) -> Json:
    """Return a value as histories hold it."""
    return {"payloads": [packed(value)]}


def packed(value: object) -> Json:
    """Return one payload."""
    return {"data": base64.b64encode(json.dumps(value).encode()).decode(), "metadata": {}}


class Script:
    """The events of one ticket, added minute by minute."""

    def __init__(self, ticket_id: str, email: str, body: str, *, minutes: float) -> None:
        """Open the ticket."""
        self.events: list[Json] = []
        self.ticket_id = ticket_id
        self.scope: Json = {"tenant": "default", "ticket_id": ticket_id}
        ticket = {
            **self.scope,
            "assurance": "confirmed",
            "customer": {"id": None, "email": email},
            "subject": "Help",
            "body": body,
            "received_at": at(minutes),
        }
        start = {"ticket": ticket, "opened_by": "shop", "linked": []}
        self.add("WORKFLOW_EXECUTION_STARTED", minutes, input=payload(start))

    def add(self, kind: str, minutes: float, **attributes: object) -> str:
        """Add an event and return its number."""
        number = str(len(self.events) + 1)
        event = {"eventId": number, "eventTime": at(minutes), "eventType": f"EVENT_TYPE_{kind}"}
        self.events.append({**event, "givenEventAttributes": attributes})
        return number

    def activity(
        self, name: str, minutes: float, given: Json, result: object, *, ends: float = 0.0
    ) -> None:
        """Let an activity run, ``ends`` minutes long."""
        self.add("WORKFLOW_TASK_STARTED", minutes)
        number = self.add(
            "ACTIVITY_TASK_SCHEDULED",
            minutes,
            activityType={"name": name},
            input=payload({**self.scope, **given}),
        )
        self.add(
            "ACTIVITY_TASK_COMPLETED",
            minutes + ends,
            scheduledEventId=number,
            result=payload(result),
        )

    def local(self, name: str, minutes: float, result: object) -> None:
        """Let a local activity run."""
        self.add(
            "MARKER_RECORDED",
            minutes,
            markerName="core_local_activity",
            details={"data": payload({"activity_type": name}), "result": payload(result)},
        )

    def update(self, name: str, minutes: float, given: Json) -> None:
        """Let a caller's update be taken."""
        self.add("WORKFLOW_TASK_STARTED", minutes)
        asked = {"input": {"name": name, "args": payload(given)}}
        number = self.add("WORKFLOW_EXECUTION_UPDATE_ACCEPTED", minutes, acceptedRequest=asked)
        self.add(
            "WORKFLOW_EXECUTION_UPDATE_COMPLETED",
            minutes,
            acceptedEventId=number,
            outcome={"success": payload({"accepted": True})},
        )

    def status(self, minutes: float, status: str) -> None:
        """Publish a status."""
        fields = {"TicketStatus": packed([status])}
        attributes = {"indexedFields": fields}
        self.add("UPSERT_WORKFLOW_SEARCH_ATTRIBUTES", minutes, searchAttributes=attributes)

    def refund(self, order: str, amount: int, number: str, minutes: float, by: str | None) -> Json:
        """Give money back, and return what the ticket asked for."""
        action = {"action_id": "p1-a1", "kind": "refund_payment", "params": {"order_id": order}}
        step = {
            **self.scope,
            "action": {**action, "requested_by": ["#0"]},
            "effect_id": f"refund:{order}:all",
            "components": {f"{order}/item:1:1": amount},
            "amount": {"amount_minor": amount, "currency": "USD"},
            "approved_by": by,
        }
        done = {"state": "done", "receipt": {"receipt_id": number}}
        self.activity("refund_payment", minutes, step, done, ends=0.1)
        return step

    def reply(
        self, text: str, minutes: float, events: Sequence[Json] = (), status: str = "resolved"
    ) -> None:
        """Send an answer, or a notice."""
        snapshot = {"view": {"status": status}, "events": list(events)}
        given = {"reply_id": "r1", "text": text, "snapshot": snapshot}
        self.activity("send_reply", minutes, given, {"state": "done"})
        self.status(minutes, status)

    def close(self, minutes: float, mode: str) -> None:
        """End the ticket, with no word of the customer."""
        self.status(minutes, "closed")
        outcome = {"status": "closed", "closure": "verified_quiet", "mode": mode}
        self.add("WORKFLOW_EXECUTION_COMPLETED", minutes, result=payload(outcome))


def _classified(script: Script, minutes: float) -> None:
    script.activity("classify_ticket", minutes, {}, {"priority": "normal"})


def _first_response(minutes: float) -> Json:
    data = {"seconds": 60 * minutes, "within_sla": True}
    return {"event_id": "3:first_response", "kind": "first_response", "data": data}


def unpacked(payloads: Json) -> Json:
    """Return the value that histories hold."""
    value: Json = json.loads(base64.b64decode(payloads["payloads"][0]["data"]))
    return value


def change(script: Script, name: str, **given: object) -> Script:
    """Change what an activity or an update of this name was given."""
    for event in script.events:
        attributes = event["givenEventAttributes"]
        asked = attributes.get("acceptedRequest", {}).get("input", {})
        place, key = (asked, "args") if asked.get("name") == name else (attributes, "input")
        if name in (asked.get("name"), attributes.get("activityType", {}).get("name")):
            place[key] = payload({**unpacked(place[key]), **given})
    return script


def without(script: Script, kind: str, minutes: float) -> Script:
    """Take the events of a kind at a moment out."""
    script.events = [
        e
        for e in script.events
        if (e["eventType"], e["eventTime"]) != (f"EVENT_TYPE_{kind}", at(minutes))
    ]
    return script


def promise(event: str, number: int = 4, **data: object) -> Json:
    """Return an event of the promise to answer ben."""
    told = {"kind": "reply", "commitment_id": "r1-c1", **data}
    return {"event_id": f"{number}:{event}", "kind": event, "data": told}


MADE: Final = promise("commitment_made", 4, due_at=at(100))
KEPT: Final = promise("commitment_kept", 5)


def _text(order: str, amount: str, number: str) -> str:
    return f"We have refunded {amount} for order {order}. The number of the refund is {number}."


def alone() -> Script:
    """Return the ticket that needed nobody."""
    script = Script(
        "alone", "ann@example.com", "Please refund order #B101, and call me.", minutes=0
    )
    _classified(script, 1)
    call = {"action": {"kind": "schedule_callback"}, "effect_id": "callback:ann"}
    script.activity("schedule_callback", 1.5, call, {"state": "done"})
    script.refund("#B101", 2490, FIRST, 2, None)
    script.reply(_text("#B101", "$24.90", FIRST), 3, [_first_response(3)])
    script.close(5000, "autonomous")
    return script


def asked(made: Sequence[Json] = (MADE,), ended: Sequence[Json] = (KEPT,)) -> Script:
    """Return the ticket that bob let go, with events of its notice and of its answer."""
    script = Script("asked", "ben@example.com", "Please refund order #B201.", minutes=0)
    _classified(script, 1)
    action = {"action_id": "p1-a1", "kind": "refund_payment", "params": {"order_id": "#B201"}}
    total = {"amount_minor": 8900, "currency": "USD"}
    effect = {"effect_id": "refund:#B201:all", "action": action, "amount": total}
    request = {"request_id": "asked-r1", "effects": [effect], "total": total}
    script.activity("request_approval", 2, {**request, "deadline": at(1442)}, {"roster": []})
    script.reply("A colleague looks at it; you will hear from us.", 3, made, "awaiting_approval")
    claim = {"operation_id": "o-1", "operation": "claim", "approver": "bob"}
    script.update("operate", 29, claim)
    decision = {"decision_id": "d-1", "request_id": "asked-r1", "binding_hash": HASH}
    script.update("decide", 30, {**decision, "approver": "bob", "approve": True, "edit": None})
    script.local("evaluate_policy", 30, {"binding_hash": HASH})
    settled = {"request_id": "asked-r1", "outcome": "approved"}
    script.activity("settle_approval", 31, settled, {})
    script.refund("#B201", 8900, SECOND, 32, "bob")
    script.reply(_text("#B201", "$89.00", SECOND), 33, [_first_response(33), *ended])
    script.close(5000, "assisted")
    return script


def _order(order_id: str, user_id: str, name: str, price: float) -> Json:
    return {
        "order_id": order_id,
        "user_id": user_id,
        "items": [{"name": name, "price": price}],
        "shipping": 0.0,
        "delivered_at": "-P6D",
        "payment_history": [{"transaction_type": "payment", "amount": price}],
    }


def _shop() -> Json:
    users = {
        name: {"user_id": name, "email": f"{name}@example.com", "orders": [order]}
        for name, order in (("ann", "#B101"), ("ben", "#B201"))
    }
    orders = {
        "#B101": _order("#B101", "ann", "Stoneware Mug", 24.9),
        "#B201": _order("#B201", "ben", "Juniper Table Lamp", 89.0),
    }
    return {"users": users, "orders": orders}


def _backends() -> dict[str, list[Json]]:
    rows: dict[str, list[Json]] = {
        name: [] for name in ("transactions", "refunds", "messages", "notes", "alerts", "orders")
    }
    call = {"tenant": "default", "ticket_id": "alone", "booking_id": "call_1"}
    rows["callbacks"] = [{**call, "customer_id": "ann", "status": "reached", "entered_by": "bob"}]
    rows |= {"credits": [], "disputes": [], "escalations": []}
    known = (
        ("alone", "ann", "#B101", 2490, FIRST, "$24.90", 3),
        ("asked", "ben", "#B201", 8900, SECOND, "$89.00", 33),
    )
    for ticket_id, user, order, amount, number, words, minutes in known:
        own = {"tenant": "default", "order_id": order, "amount_minor": amount}
        rows["transactions"] += [{**own, "kind": "payment"}, {**own, "kind": "refund"}]
        rows["refunds"].append({**own, "refund_id": number, "key": f"default:refund:{order}:all"})
        sent = {"tenant": "default", "ticket_id": ticket_id, "sent_id": f"msg_{ticket_id}"}
        sent |= {"key": f"default:reply:{ticket_id}:r1", "recipient": f"{user}@example.com"}
        sent |= {"text": _text(order, words, number), "sent_at": at(minutes)}
        rows["messages"].append(sent)
    return rows


def _tables() -> dict[str, list[Json]]:
    rows: dict[str, list[Json]] = {"tickets": [], "effects": [], "effect_components": []}
    for ticket_id, order in (("alone", "#B101"), ("asked", "#B201")):
        own = {"tenant": "default", "ticket_id": ticket_id}
        effect = f"refund:{order}:all"
        rows["tickets"].append({**own, "status": "closed", "closure": "verified_quiet"})
        rows["effects"].append({**own, "effect_id": effect, "state": "done"})
        part = {"tenant": "default", "effect_id": effect, "component_id": f"{order}/item:1:1"}
        rows["effect_components"].append({**part, "live": True})
    request = {"tenant": "default", "ticket_id": "asked", "request_id": "asked-r1"}
    rows["approvals"] = [{**request, "outcome": "approved"}]
    own = {"tenant": "default", "ticket_id": "asked"}
    rows["outcome_events"] = [{**own, **MADE}, {**own, **KEPT}]
    return rows


def _promises(**counts: int) -> Json:
    kept = {"count": counts.get("kept", 0), "of": counts.get("kept", 0)}
    return {"made": counts.get("made", 0), "kept": kept, "at_risk": 0, "released": 0}


def _metrics() -> Json:
    return {
        "tickets_opened": 2,
        "tickets_closed": 2,
        "auto_resolved": {
            "confirmed": {"count": 0, "of": 2},
            "verified_quiet": {"count": 1, "of": 2},
            "unconfirmed": {"count": 0, "of": 2},
        },
        "escalated": {"count": 0, "of": 2},
        "escalation_reasons": {},
        "rejected": {"count": 0, "of": 1},
        "edited": {"count": 0, "of": 1},
        "csat_responses": 0,
        "csat_mean": None,
        "csat_answered": {"count": 0, "of": 2},
        "first_response": {"count": 2, "median_seconds": 1080.0, "p90_seconds": 1980.0},
        "resolution": {"count": 2, "median_seconds": 1080.0, "p90_seconds": 1980.0},
        "tickets_costed": 2,
        "cost_per_ticket_usd_micros": 0.0,
        "sla": {
            "first_response": {"count": 2, "of": 2},
            "next_response": {"count": 0, "of": 0},
            "resolution": {"count": 0, "of": 0},
        },
        "reopened": 0,
        "reopened_tickets": {"count": 0, "of": 2},
        "left_autonomous": [],
        "promises": {
            "reply": _promises(made=1, kept=1),
            "callback": _promises(),
            "settlement": _promises(),
        },
        "calls_booked": 1,
        "calls_reached": {"count": 0, "of": 0},
        "cost_per_resolved": {"human_minutes": 0.75},
    }


def _entry(who: str, what: str, ticket_id: str, **more: object) -> Json:
    entry = {"at": at(0), "who": who, "what": what, "tenant": "default", "ticket_id": ticket_id}
    entry |= {"item_id": "", "text": "", "outcome": "done", "bad": False, "landed_on": ticket_id}
    return {**entry, **more}


def evidence(first: Script | None = None, second: Script | None = None) -> Json:
    """Return the evidence of the week, with scripts of one's own for its tickets."""
    cast = [("alone", "ann"), ("asked", "ben")]
    whole = {
        "tickets": 2,
        "seed": 0,
        "scale": 1.0,
        "hours": 100.0,
        "cast": [
            {"ticket_id": t, "tenant": "default", "email": f"{u}@example.com"} for t, u in cast
        ],
        "shop": _shop(),
        "journal": [
            _entry("customer", "open", "alone"),
            _entry("customer", "open", "asked"),
            _entry("bob", "decide", "asked", item_id="d-1"),
            _entry("bob", "reached", "alone", item_id="call_1"),
            _entry("vandal", "no_customer", "alone", item_id="bad-1", outcome="BadInput", bad=True),
        ],
        "tables": _tables(),
        "backends": _backends(),
        "histories": {
            ALONE: [(first or alone()).events],
            ASKED: [(second or asked()).events],
        },
        "replay": {},
        "metrics": {"default": _metrics()},
    }
    return copy.deepcopy(whole)
