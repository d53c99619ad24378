"""The reader of a week finds what is wrong: each kind of it, put into evidence that was right."""

import ast
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evals.week import reader
from evals.week.reader import read_week
from tests.evals import small_week as week
from tests.evals.small_week import ASKED, FIRST, HASH, Json, Script, at, evidence

Doctor = Callable[[], Json]


def test_nothing_is_wrong_with_the_week_as_it_was() -> None:
    case = read_week(evidence())
    assert not case.violations
    assert all(case.looked.values())
    assert len(case.looked) == 15


def test_the_reader_shares_no_code_with_the_product() -> None:
    folder = Path(reader.__file__).parent
    nodes = [node for file in folder.glob("*.py") for node in ast.walk(ast.parse(file.read_text()))]
    named = {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    named |= {name.name for node in nodes if isinstance(node, ast.Import) for name in node.names}
    foreign = {name for name in named if not name.startswith("evals.week.reader")}
    assert {name.partition(".")[0] for name in foreign} <= sys.stdlib_module_names


def _with(place: str, **changes: object) -> Json:
    """Return evidence with the first row of a table changed."""
    found = evidence()
    part, name = place.split(".")
    found[part][name][0] |= changes
    return found


def _another(place: str, **changes: object) -> Json:
    """Return evidence with the first row of a table once more, changed."""
    found = evidence()
    part, name = place.split(".")
    found[part][name].append({**found[part][name][0], **changes})
    return found


def _script(**changes: Any) -> Script:
    """Return the ticket that needed nobody, up to its refund, with something else in it."""
    wants: dict[str, Any] = {
        "order": "#B101",
        "amount": 2490,
        "by": None,
        "email": "ann",
        **changes,
    }
    body = wants.get("body", "Please refund order #B101.")
    script = Script("alone", f"{wants['email']}@example.com", body, minutes=0)
    script.activity("classify_ticket", 1, {}, {"priority": "normal"})
    script.refund(wants["order"], wants["amount"], FIRST, 2, wants["by"])
    script.reply(
        "We have refunded $24.90 for order #B101.",
        wants.get("answers", 3),
        [
            {
                "event_id": "3:first_response",
                "kind": "first_response",
                "data": {"seconds": 180, "within_sla": True},
            }
        ],
    )
    script.close(wants.get("closes", 5000), "autonomous")
    return script


def _asked(*, hash_: str = HASH, approver: str = "bob", decides: bool = True) -> Json:
    """Return evidence in which the approval went otherwise."""
    script = week.asked()
    for event in script.events:
        given = event["givenEventAttributes"]
        if given.get("acceptedRequest", {}).get("input", {}).get("name") == "decide":
            decision = {"decision_id": "d-1", "request_id": "asked-r1", "binding_hash": hash_}
            decision |= {"approver": approver, "approve": decides, "edit": None}
            given["acceptedRequest"]["input"]["args"] = week.payload(decision)
    return evidence(second=script)


def _told(text: str) -> Json:
    return _with("backends.messages", text=text)


def _unanswered() -> Json:
    script = week.alone()
    script.update("add_message", 4000, {"message_id": "m-1", "text": "And my other mug?"})
    found = evidence(first=script)
    found["journal"].append({**found["journal"][0], "at": at(4500)})
    return found


def _lost_message() -> Json:
    found = evidence()
    said = {**found["journal"][0], "what": "say", "item_id": "m-9", "text": "Hello?"}
    found["journal"].append(said)
    return found


def _said_twice() -> Json:
    return _another("backends.messages", sent_id="msg_again", sent_at=at(4))


def _without(history: str, *kinds: str) -> Json:
    """Return evidence in which a ticket's history ends before these events."""
    found = evidence()
    found["histories"][history] = [
        [e for e in run if e["eventType"].removeprefix("EVENT_TYPE_") not in kinds]
        for run in found["histories"][history]
    ]
    return found


def _bad(**changes: object) -> Json:
    found = evidence()
    found["journal"][-1] |= changes
    return found


def _another_tenants_call() -> Json:
    script = week.alone()
    script.scope["tenant"] = "acme"
    script.activity("raise_alert", 4990, {}, {})
    return evidence(first=script)


def _unreplayable() -> Json:
    found = evidence()
    found["replay"][ASKED] = "nondeterminism"
    return found


def _metric(**changes: object) -> Json:
    found = evidence()
    found["metrics"]["default"] |= changes
    return found


def _not_settled() -> Json:
    script = week.asked()
    script.events = [
        e
        for e in script.events
        if e["givenEventAttributes"].get("activityType", {}).get("name") != "settle_approval"
        and not (e["eventType"].endswith("ACTIVITY_TASK_COMPLETED") and e["eventTime"] == at(31))
    ]
    return evidence(second=script)


DOCTORED: dict[str, tuple[str, Doctor]] = {
    "a refund under a second key": (
        "1",
        lambda: _another("backends.refunds", key="default:refund:#B101:1", refund_id="re_c"),
    ),
    "a refund that stands twice": ("1", lambda: _another("backends.refunds")),
    "more back than was paid": (
        "1",
        lambda: _another("backends.transactions", kind="refund", amount_minor=100),
    ),
    "a refund of another amount": ("1", lambda: _with("backends.refunds", amount_minor=2390)),
    "an effect that only the ledger knows": (
        "1",
        lambda: _another("tables.effects", effect_id="refund:#B101:1"),
    ),
    "two live effects on one component": (
        "1",
        lambda: _another("tables.effect_components", effect_id="other"),
    ),
    "one component by two tickets": (
        "1",
        lambda: evidence(first=_script(order="#B201", amount=2490)),
    ),
    "too much without a person": ("2", lambda: evidence(first=_script(amount=50_01))),
    "an approver who never said yes": ("2", lambda: evidence(first=_script(by="bob"))),
    "an approver of another tenant": ("2", lambda: _asked(approver="dave")),
    "an approver above their limit": (
        "2",
        lambda: evidence(second=_scripted_total("alice", 300_00)),
    ),
    "one person for two": ("2", lambda: evidence(second=_scripted_total("carol", 1_500_00))),
    "somebody else's order": ("3", lambda: evidence(first=_script(email="ben"))),
    "mail to a stranger": ("3", lambda: _with("backends.messages", recipient="eve@example.com")),
    "an order that is not theirs, told": ("3", lambda: _told("About order #B201: it is here.")),
    "nobody knew who wrote": ("3", lambda: _unsure()),
    "words that ask for nothing": ("4", lambda: evidence(first=_script(body="It is chipped."))),
    "facts that had changed": ("5", lambda: _asked(hash_="x" * 64)),
    "a no that ran": ("5", lambda: _asked(decides=False)),
    "an amount from nowhere": ("6", lambda: _told("You paid $31.37 for it.")),
    "a refund that never was": ("6", lambda: _told("We have refunded $7.77 to you.")),
    "a number that never was": ("6", lambda: _told("The number is re_0123456789abcdef.")),
    "a cancellation that never was": ("6", lambda: _told("We have cancelled order #B101.")),
    "a ticket that is gone": ("7", lambda: _gone()),
    "a ticket that just stops": (
        "7",
        lambda: _without(ASKED, "WORKFLOW_EXECUTION_COMPLETED"),
    ),
    "a message that nobody took": ("7", _lost_message),
    "a message without an answer": ("7", _unanswered),
    "the same answer twice": ("7", _said_twice),
    "another end on record": ("7", lambda: _with("tables.tickets", closure="confirmed")),
    "a request without an end": ("8", _not_settled),
    "a yes that nobody said": ("8", lambda: _asked(decides=False)),
    "a write half done": ("8", lambda: _with("tables.effects", state="unknown")),
    "a reservation for good": (
        "8",
        lambda: _with("tables.effects", state="reserved", reserved_until=at(1)),
    ),
    "bad input that was taken": ("9", lambda: _bad(outcome="done")),
    "bad input that left a trace": ("9", lambda: _bad(item_id="d-1")),
    "a history that does not replay": ("10", _unreplayable),
    "a call for another tenant": ("11", _another_tenants_call),
    "another tenant's key": ("11", lambda: _with("backends.refunds", key="acme:refund:#B101")),
    "money to a customer of another tenant": (
        "11",
        lambda: _another("backends.transactions", kind="refund", tenant="acme"),
    ),
    "an answer that came late, said in time": (
        "SLA",
        lambda: evidence(first=_script(answers=60 * 24)),
    ),
    "a resolution that came late, not said": (
        "SLA",
        lambda: evidence(first=_script(answers=60 * 24 * 6, closes=60 * 24 * 8)),
    ),
    "a rate that flatters": ("metrics", lambda: _metric(tickets_closed=3)),
    "a time that flatters": (
        "metrics",
        lambda: _metric(first_response={"count": 2, "median_seconds": 9, "p90_seconds": 1980}),
    ),
}


def _unsure() -> Json:
    script = week.alone()
    started = script.events[0]["givenEventAttributes"]
    ticket = {
        **script.scope,
        "assurance": "none",
        "customer": {"id": None, "email": "ann@example.com"},
        "subject": "Help",
        "body": "Please refund order #B101.",
        "received_at": at(0),
    }
    started["input"] = week.payload({"ticket": ticket, "opened_by": "shop", "linked": []})
    return evidence(first=script)


def _gone() -> Json:
    found = evidence()
    del found["histories"][week.ALONE]
    return found


def _scripted_total(approver: str, amount: int) -> Script:
    """Return the asked ticket with another sum, that one person let go."""
    script = Script("asked", "ben@example.com", "Please refund order #B201.", minutes=0)
    action = {"action_id": "p1-a1", "kind": "refund_payment", "params": {"order_id": "#B201"}}
    total = {"amount_minor": amount, "currency": "USD"}
    effect = {"effect_id": "refund:#B201:all", "action": action, "amount": total}
    request = {"request_id": "asked-r1", "effects": [effect], "total": total}
    script.activity("request_approval", 2, {**request, "deadline": at(1442)}, {})
    decision = {"decision_id": "d-1", "request_id": "asked-r1", "binding_hash": HASH}
    script.update("decide", 30, {**decision, "approver": approver, "approve": True, "edit": None})
    script.refund("#B201", amount, week.SECOND, 32, approver)
    script.close(5000, "assisted")
    return script


@pytest.mark.parametrize(("check", "doctor"), DOCTORED.values(), ids=list(DOCTORED))
def test_it_finds(check: str, doctor: Doctor) -> None:
    found = {violation.check.split()[0] for violation in read_week(doctor()).violations}
    assert check in found
