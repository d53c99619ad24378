"""The tickets whose histories are kept: each takes a way through the workflow of its own."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import pytest
from temporalio.client import WorkflowFailureError

from closeloop.client import SupportDesk
from closeloop.models.approval import BackendEvent, CustomerMessage, Decision
from closeloop.models.base import Money
from closeloop.models.proposal import Action, CommitmentDraft, Draft, EscalationDraft, Proposal
from closeloop.models.state import TicketOutcome
from closeloop.models.ticket import Assurance, Status
from closeloop.names import (
    SIGNAL_BACKEND_EVENT,
    SIGNAL_CUSTOMER_MESSAGE,
    SIGNAL_SUBMIT_DECISION,
    parse_workflow_id,
    workflow_id,
)
from tests.support.desk import Handle
from tests.support.scripted import Step, acting, answer, calling, question, refund
from tests.workflows.play import DAY, HOUR, MINUTE, NORA, OMAR, SAMUEL, Play, Refusal

DANA: Final = "dana.kowalski@example.com"
JUNE: Final = "june.albright@example.com"
TOMAS: Final = "tomas.vega@example.com"
PARTS: Final = 8
PERSON: Final = {"human": "speak_to_person"}

Script = Callable[[Play, Handle], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One ticket: how it opens, what the agents answer, what the others do, until it has ended."""

    name: str
    email: str
    body: str
    steps: Sequence[Step]
    play: Script
    assurance: Assurance = Assurance.CONFIRMED
    by_word: Mapping[str, str] = field(default_factory=dict[str, str])
    faults: str = ""
    edits: Sequence[tuple[str, str, str]] = ()
    """Of the policies: file, text, and what stands there instead."""
    routing: str = ""
    """What stands in ``routing.toml``; without it nothing routes tickets."""
    models_out: bool = False
    """Agents ask language models, which are out for the first question (``OutThenBack``)."""
    on_dev_server: bool = False
    """Record it on the dev server, which suggests to continue as new early there."""
    follow_up: bool = False
    """Record the linked ticket that the play opens."""


async def _quiet(desk: Play, handle: Handle) -> None:
    await desk.until(handle, Status.RESOLVED)
    assert (await handle.result()).closure == "verified_quiet"


async def _confirmed(desk: Play, handle: Handle) -> None:
    await desk.until(handle, Status.RESOLVED)
    await desk.say(handle, "Yes, thank you! 5/5", "m-1")
    assert (await handle.result()).closure == "confirmed"


async def _approved(desk: Play, handle: Handle) -> None:
    await _asked(desk, handle)
    await desk.decide(handle, "bob", approve=True)
    await _quiet(desk, handle)


async def _models_out_and_back(desk: Play, handle: Handle) -> None:
    await _asked(desk, handle)
    assert "offline ones stand in" in (await desk.view(handle)).mode_reasons[0]
    await desk.say(handle, "Refund all of order #W1001, I said.", "m-1")
    await desk.noted(handle, "models back")
    await _quiet(desk, handle)
    assert (await desk.view(handle)).cost.usd_micros == 4 * 1800


async def _revised(desk: Play, handle: Handle) -> None:
    await _asked(desk, handle)
    words = "half of it is enough"
    await desk.decide(handle, "bob", approve=False, reason="wrong_amount", words=words)
    await desk.noted(handle, "approval asked", times=2)
    await _asked(desk, handle)
    edit = {"actions": [{"action_id": "p2-a1", "amount_minor": 7000}]}
    await desk.decide(handle, "bob", approve=True, edit=edit)
    await _quiet(desk, handle)
    [made] = desk.refunds("#W1005")
    assert made.amount.amount_minor == 7000


async def _by_two_people(desk: Play, handle: Handle) -> None:
    await _asked(desk, handle)
    await desk.operate(handle, "claim", "alice")
    await desk.noted(handle, "replied")
    await desk.decide(handle, "alice", approve=False, ask="Which part of it is broken?")
    await desk.until(handle, Status.AWAITING_CUSTOMER)
    await desk.say(handle, "All of it: refund order #W1005.", "m-1")
    await desk.noted(handle, "approval asked", times=2)
    await _asked(desk, handle)
    await desk.skip(2 * HOUR)
    await desk.noted(handle, "asked higher")
    await desk.operate(handle, "claim", "bob")
    await desk.noted(handle, "claimed", times=2)
    edit = {"actions": [{"action_id": "p2-a1", "amount_minor": 14000}]}
    await desk.decide(handle, "bob", approve=True, edit=edit)
    await desk.noted(handle, "approved once")
    await desk.decide(handle, "carol", approve=True)
    await _quiet(desk, handle)
    [made] = desk.refunds("#W1005")
    assert made.amount.amount_minor == 14000


async def _shadowed(desk: Play, handle: Handle) -> None:
    await desk.until(handle, Status.ESCALATED)
    await _queued(desk, handle)
    desk.services.backends.payments.refund(
        "default", "manual-1", "#W1005", Money(amount_minor=14550)
    )
    await desk.operate(handle, "record_resolution", resolution={"summary": "refunded by hand"})
    await _quiet(desk, handle)
    assert desk.sent(handle) == ()


async def _queued(desk: Play, handle: Handle) -> None:
    await desk.eventually(lambda: desk.stands(handle) is Status.ESCALATED)


async def _expired(desk: Play, handle: Handle) -> None:
    await _asked(desk, handle)
    await desk.skip(5 * HOUR)
    await desk.noted(handle, "reminded")
    await desk.skip(DAY)
    await _with_person(desk, handle)
    await desk.skip(25 * HOUR)  # the queue is reminded
    await desk.say(handle, "Is anybody there?", "m-1")
    made = desk.services.backends.payments.refund(
        "default", "manual-1", "#W1005", Money(amount_minor=14550)
    )
    assert made.status == "succeeded"
    resolution = {
        "summary": "refunded by hand",
        "effects": [{"kind": "refund_payment", "params": {"order_id": "#W1005"}}],
        "reply": "We have sent you the money.",
    }
    await desk.operate(handle, "record_resolution", resolution=resolution)
    await _quiet(desk, handle)


async def _unknown(desk: Play, handle: Handle) -> None:
    await desk.until(handle, Status.ESCALATED, polls=3000, step=timedelta(seconds=30))
    await _with_person(desk, handle)
    view = await desk.view(handle)
    assert view.actions[0].state == "unknown"
    await desk.operate(handle, "record_resolution", resolution={"summary": "it had arrived"})
    await desk.until(handle, Status.RESOLVED)
    await handle.result()
    assert len(desk.refunds("#W1001")) == 1


async def _handed_back(desk: Play, handle: Handle) -> None:
    await _with_person(desk, handle)
    await desk.say(handle, "It is about order #W1001, refund it please.", "m-1")
    await desk.operate(handle, "hand_back")
    await _confirmed_later(desk, handle)


async def _confirmed_later(desk: Play, handle: Handle) -> None:
    await desk.until(handle, Status.RESOLVED)
    await desk.skip(2 * DAY)
    await desk.say(handle, "Yes, thank you!", "m-2")
    assert (await handle.result()).closure == "confirmed"


async def _routed_twice(desk: Play, handle: Handle) -> None:
    await desk.noted(handle, "replied")
    await desk.operate(handle, "hand_back")
    await desk.noted(handle, "routed", times=2)
    await desk.noted(handle, "replied", times=2)
    await desk.operate(handle, "record_resolution", resolution={"summary": "called them"})
    await _confirmed_later(desk, handle)
    assert [case["status"] for case in desk.cases()] == ["done", "done"]


async def _answered(desk: Play, handle: Handle) -> None:
    await desk.until(handle, Status.AWAITING_CUSTOMER)
    await desk.say(handle, "Refund order #W1001, all of it.", "m-1")
    await _quiet(desk, handle)


async def _reopened(desk: Play, handle: Handle) -> None:
    await desk.until(handle, Status.RESOLVED)
    await desk.say(handle, "It is still broken.", "m-1")
    await desk.noted(handle, "replied", times=2)
    await _confirmed_later(desk, handle)


async def _by_signals(desk: Play, handle: Handle) -> None:
    request = await _asked(desk, handle)
    stale = request.model_copy(update={"request_id": "another", "decision_id": "d-0"})
    await handle.signal(SIGNAL_SUBMIT_DECISION, stale)
    await desk.noted(handle, "ignored")
    await handle.signal(SIGNAL_SUBMIT_DECISION, request)
    view = await desk.until(handle, Status.RESOLVED)
    event = BackendEvent(event_id="e-1", kind="refund.updated", effect_id=view.actions[0].effect_id)
    await handle.signal(SIGNAL_BACKEND_EVENT, event)
    await desk.noted(handle, "read back")
    yes = CustomerMessage(message_id="m-1", text="Yes, solved.")
    await handle.signal(SIGNAL_CUSTOMER_MESSAGE, yes)
    assert (await handle.result()).closure == "confirmed"


async def _interrupted(desk: Play, handle: Handle) -> None:
    """A message during an approval makes the request stale; a take-over ends the second one."""
    await _asked(desk, handle)
    await desk.say(handle, "Refund order #W1005, and tell me when.", "m-1")
    await desk.noted(handle, "approval asked", times=2)
    await _asked(desk, handle)
    await desk.operate(handle, "take_over")
    await _with_person(desk, handle)
    await desk.operate(handle, "record_resolution", resolution={"summary": "spoke on the phone"})
    await desk.until(handle, Status.RESOLVED)
    await handle.result()


async def _lowered(desk: Play, handle: Handle) -> None:
    await desk.until(handle, Status.AWAITING_CUSTOMER)
    await desk.operate(handle, "lower_mode", mode="assisted")
    await desk.say(handle, "Refund order #W1001, all of it.", "m-1")
    await _approved(desk, handle)


_PROMISING: Final = Proposal(
    reply=Draft(text="We will call you."),
    commitments=(CommitmentDraft(text="we will call", due_in_hours=48),),
)


async def _called(desk: Play, handle: Handle) -> None:
    await desk.noted(handle, "replied")
    desk.called("reached")
    await desk.hint(handle, "e-1")
    await _quiet(desk, handle)


async def _not_reached(desk: Play, handle: Handle) -> None:
    for number in (1, 2):
        await desk.noted(handle, "replied", times=number)
        desk.called("not_reached")
        await desk.noted(handle, "callback not reached", times=number, step=10 * MINUTE)
    await _ended_by_person(desk, handle)


async def _not_called(desk: Play, handle: Handle) -> None:
    await desk.noted(handle, "promise at risk", step=5 * MINUTE)
    await _ended_by_person(desk, handle)


async def _promise_missed(desk: Play, handle: Handle) -> None:
    await desk.noted(handle, "resolved")
    await desk.say(handle, "And when?", "m-1")
    await desk.noted(handle, "promise kept")
    await desk.noted(handle, "replied", times=2)
    await desk.say(handle, "Let me speak to a human.", "m-2")
    await desk.noted(handle, "promise missed", step=HOUR)
    await _ended_by_person(desk, handle)


async def _ended_by_person(desk: Play, handle: Handle) -> None:
    await desk.until(handle, Status.ESCALATED, step=10 * MINUTE)
    resolution = {"summary": "Talked to them.", "reply": "Thank you for the talk."}
    await desk.operate(handle, "record_resolution", resolution=resolution)
    await desk.until(handle, Status.RESOLVED)
    await handle.result()


async def _cancelled(desk: Play, handle: Handle) -> None:
    await _asked(desk, handle)
    await handle.cancel()
    with pytest.raises(WorkflowFailureError):
        await handle.result()


async def _long(desk: Play, handle: Handle) -> None:
    """A story in many parts, over more than one run."""
    for part in range(1, PARTS):
        await desk.until(handle, Status.AWAITING_CUSTOMER)
        await desk.noted(handle, "replied", times=part)
        await desk.say(handle, f"This is part {part} of my story.", f"m-{part}")
    await desk.noted(handle, "replied", times=PARTS)
    await handle.result()


async def _taken_back(desk: Play, handle: Handle) -> None:
    await desk.until(handle, Status.AWAITING_CUSTOMER)
    await desk.say(handle, "Then leave it as it is.", "m-1")
    view = await desk.until(handle, Status.RESOLVED)
    assert [action.state for action in view.actions] == ["compensated", "failed"]
    await handle.result()


async def _undone(desk: Play, handle: Handle) -> None:
    """After the close the money comes back; a person deals with it on the linked ticket."""
    await desk.until(handle, Status.RESOLVED)
    await handle.result()
    desk.undo_refunds("#W1001")
    event = BackendEvent(event_id="e-1", kind="refund.failed", effect_id="refund:#W1001:all")
    ticket_id = parse_workflow_id(handle.id)[1]
    hinted = await SupportDesk(desk.client).backend_event(ticket_id, event)
    linked: Handle = desk.client.get_workflow_handle(
        workflow_id("default", hinted.ticket_id), result_type=TicketOutcome
    )
    await _with_person(desk, linked)
    await desk.operate(linked, "record_resolution", resolution={"summary": "sent a cheque"})
    await desk.until(linked, Status.RESOLVED)
    await desk.skip(8 * DAY)
    await linked.result()


async def _asked(desk: Play, handle: Handle) -> Decision:
    """Wait until a request is out, and return an approval of it."""
    await desk.until(handle, Status.AWAITING_APPROVAL)
    for _ in range(300):
        pending = await desk.pending(handle)
        if pending is not None and pending.approvers:
            break
        await asyncio.sleep(0.02)
    decision = await desk.decision(handle, "bob", approve=True)
    return decision.model_copy(update={"decision_id": "d-1"})


async def _late(desk: Play, handle: Handle) -> None:
    """Nobody answers for longer than any target."""
    await _with_person(desk, handle)
    await desk.skip(3 * DAY)
    await desk.eventually(lambda: len(desk.events(handle, "sla_breached")) == 2)
    await _phoned(desk, handle)


async def _phoned(desk: Play, handle: Handle) -> None:
    resolution = {"summary": "phoned", "reply": "We have called you, and it is solved."}
    await desk.operate(handle, "record_resolution", resolution=resolution)
    await desk.until(handle, Status.RESOLVED)
    await handle.result()


async def _paused(desk: Play, handle: Handle) -> None:
    """The customer takes days to answer, and then waits for hours."""
    await desk.until(handle, Status.AWAITING_CUSTOMER)
    await desk.skip(3 * DAY)
    assert desk.events(handle, "sla_at_risk") == []
    await desk.say(handle, "Refund order #W1001, all of it.", "m-1")
    await _with_person(desk, handle)
    await desk.skip(7 * HOUR)
    await desk.eventually(lambda: len(desk.events(handle, "sla_at_risk")) == 1)
    await desk.operate(handle, "hand_back")
    await _confirmed_later(desk, handle)


def _code(desk: Play, handle: Handle) -> str:
    """Return the newest code that was sent to the contact on file."""
    found = [re.search(r"\d{4} \d{4}", mail.text) for mail in desk.sent(handle)]
    return [one[0] for one in found if one is not None][-1]


async def _by_code(desk: Play, handle: Handle) -> None:
    """A wrong code, one that came too late, and the right one."""
    await desk.noted(handle, "replied")
    late = _code(desk, handle)
    await desk.say(handle, f"{(int(late.replace(' ', '')) + 1) % 10**8:08d}", "m-1")
    await desk.noted(handle, "replied", times=2)
    await desk.skip(DAY)
    await desk.say(handle, late, "m-2")
    await desk.noted(handle, "replied", times=3)
    await desk.say(handle, f"My code is {_code(desk, handle)}. I am glad to hear from you!", "m-3")
    await _quiet(desk, handle)


async def _locked_out(desk: Play, handle: Handle) -> None:
    await desk.noted(handle, "replied")
    code = int(_code(desk, handle).replace(" ", ""))
    wrong = ", ".join(f"{(code + n) % 10**8:08d}" for n in range(1, 6))
    await desk.say(handle, wrong, "m-1")
    await _with_person(desk, handle)
    await _phoned(desk, handle)


async def _agreed(desk: Play, handle: Handle) -> None:
    """A no to all of it, then a yes to part of it."""
    await desk.noted(handle, "consent asked")
    await desk.say(handle, "No, thanks.", "m-1")
    await desk.noted(handle, "replied", times=2)
    await desk.say(handle, "Something smaller, then.", "m-2")
    await desk.noted(handle, "consent asked", times=2)
    await desk.say(handle, "Yes, please do.", "m-3")
    await _asked(desk, handle)
    await desk.decide(handle, "bob", approve=True)
    await _quiet(desk, handle)


async def _kept(desk: Play, handle: Handle) -> None:
    """Handed back, and back again for the same reason: the person keeps it."""
    await _with_person(desk, handle)
    await desk.operate(handle, "hand_back")
    await desk.noted(handle, "escalated", times=2)
    await desk.noted(handle, "replied", times=2)
    with pytest.raises(Refusal, match="stays_with_people"):
        await desk.operate(handle, "hand_back")
    await _phoned(desk, handle)


async def _outlived(desk: Play, handle: Handle) -> None:
    """The ticket is open for longer than the hours that it recorded."""
    await _with_person(desk, handle)
    await desk.skip(50 * DAY)
    assert (await desk.view(handle)).sla.first_response_due_at is not None
    await _phoned(desk, handle)


async def _with_person(desk: Play, handle: Handle) -> None:
    """Wait until the ticket is with people, and they have been told."""
    await desk.until(handle, Status.ESCALATED)
    await desk.noted(handle, "replied")


ORDER_CHANGES: Final = (
    Action(action_id="", kind="cancel_order", params={"order_id": "#W1016"}),
    Action(
        action_id="",
        kind="modify_order_address",
        params={
            "order_id": "#W1017",
            "address": {
                "address1": "5 Oak Street",
                "city": "Portland",
                "state": "OR",
                "country": "USA",
                "zip": "97201",
            },
        },
    ),
    Action(action_id="", kind="add_crm_note", params={"text": "Has moved to Oak Street."}),
)

SHADOWED: Final = (("desk.toml", "[waits]", '[modes]\nrefund_request = "shadow"\n\n[waits]'),)
TWO_PEOPLE: Final = (
    ("desk.toml", 'four_eyes_above = "1000.00"', 'four_eyes_above = "100.00"'),
    ("desk.toml", 'claim = "15m"', 'lead_after = "1h"\nclaim = "15m"'),
)
ALWAYS_OPEN: Final = (("sla.toml", 'calendar = "office"\n', ""),)
SELDOM_OPEN: Final = (
    *(
        ("sla.toml", f'{day} = ["08:00-20:00"]\n', "")
        for day in ("mon", "tue", "wed", "thu", "fri")
    ),
    ("sla.toml", '["09:00-17:00"]', '["09:00-10:00"]'),
    ("desk.toml", 'escalation_reminder = "24h"', 'escalation_reminder = "90d"'),
)
ROUTING: Final = """
default = "support"
[skill.money]
intents = ["refund_request"]
[queue.support]
name = "our support team"
answer_within = "8h"
[queue.billing]
name = "our billing team"
skills = ["money"]
answer_within = "4h"
[person.bob]
name = "Bob"
queues = ["billing"]
"""
_WHO: Final = question("Who are you?").model_copy(update={"asks_identity": True})
_GIVE_UP: Final = Proposal(escalation=EscalationDraft(reason="no_playbook", summary="odd"))
TAKEN_BACK: Final = tuple(
    action.model_copy(update={"params": {**action.params, "order_id": "#W1018"}})
    for action in (ORDER_CHANGES[1], ORDER_CHANGES[0])
)

SCENARIOS: Final = (
    Scenario(
        name="plain-refund",
        email=NORA,
        body="Refund order #W1001, all of it.",
        steps=[refund("#W1001")],
        play=_confirmed,
        on_dev_server=True,
    ),
    Scenario(
        name="continued-as-new",
        email=NORA,
        body="I have a long story to tell.",
        steps=[question("What happened then?")],
        play=_long,
        on_dev_server=True,
    ),
    Scenario(
        name="approved",
        email=SAMUEL,
        body="Refund order #W1005, all of it.",
        steps=[refund("#W1005")],
        play=_approved,
    ),
    Scenario(
        name="rejected-revised-edited",
        email=SAMUEL,
        body="Refund order #W1005, all of it.",
        steps=[refund("#W1005"), refund("#W1005", amount_minor=7275)],
        play=_revised,
    ),
    Scenario(
        name="claimed-asked-and-approved-twice",
        email=SAMUEL,
        body="Refund order #W1005, all of it.",
        steps=[refund("#W1005")],
        edits=TWO_PEOPLE,
        play=_by_two_people,
    ),
    Scenario(
        name="expired-to-a-person",
        email=SAMUEL,
        body="Refund order #W1005, all of it.",
        steps=[refund("#W1005")],
        play=_expired,
    ),
    Scenario(
        name="gateway-503",
        email=NORA,
        body="Refund order #W1001, all of it.",
        steps=[refund("#W1001")],
        faults="payments.refund=503:x3",
        play=_quiet,
    ),
    Scenario(
        name="found-by-reading",
        email=NORA,
        body="Refund order #W1001, all of it.",
        steps=[refund("#W1001")],
        faults="payments.refund=timeout_after:x1",
        play=_quiet,
    ),
    Scenario(
        name="unknown-to-a-person",
        email=NORA,
        body="Refund order #W1001, all of it.",
        steps=[refund("#W1001")],
        faults="payments.refund=timeout_after:x1, payments.find_refund=503:1.0",
        play=_unknown,
    ),
    Scenario(
        name="gateway-refuses",
        email=NORA,
        body="Refund order #W1001, all of it.",
        steps=[refund("#W1001"), answer("We cannot pay this back to your card.")],
        faults="payments.refund=refuse:x1",
        play=_confirmed,
    ),
    Scenario(
        name="too-late-for-a-refund",
        email=JUNE,
        body="Refund order #W1009, all of it.",
        steps=[refund("#W1009"), answer("A refund is possible until 30 days after delivery.")],
        play=_confirmed,
    ),
    Scenario(
        name="order-changes",
        email=DANA,
        body="Cancel order #W1016. Send order #W1017 to my new address, 5 Oak Street, Portland.",
        steps=[acting(*ORDER_CHANGES)],
        play=_confirmed,
    ),
    Scenario(
        name="asked-for-a-person",
        email=NORA,
        body="Let me speak to a human.",
        steps=[refund("#W1001")],
        by_word=PERSON,
        play=_handed_back,
    ),
    Scenario(
        name="question-and-answer",
        email=NORA,
        body="I want my money back.",
        steps=[question(), refund("#W1001")],
        play=_answered,
    ),
    Scenario(
        name="reopened",
        email=NORA,
        body="My mug leaks.",
        steps=[answer("Turn it round."), answer("Turn it round again.")],
        play=_reopened,
    ),
    Scenario(
        name="by-signals",
        email=SAMUEL,
        body="Refund order #W1005, all of it.",
        steps=[refund("#W1005")],
        play=_by_signals,
    ),
    Scenario(
        name="interrupted-and-taken-over",
        email=SAMUEL,
        body="Refund order #W1005, all of it.",
        steps=[refund("#W1005")],
        play=_interrupted,
    ),
    Scenario(
        name="shadowed-and-read-back",
        email=SAMUEL,
        body="Refund order #W1005, all of it.",
        steps=[refund("#W1005")],
        edits=SHADOWED,
        play=_shadowed,
    ),
    Scenario(
        name="mode-lowered",
        email=NORA,
        body="I want my money back.",
        steps=[question(), refund("#W1001")],
        play=_lowered,
    ),
    Scenario(
        name="late-and-resolved",
        email=NORA,
        body="Let me speak to a human.",
        steps=[answer()],
        by_word=PERSON,
        play=_late,
        edits=ALWAYS_OPEN,
    ),
    Scenario(
        name="paused-then-at-risk",
        email=NORA,
        body="I want my money back.",
        steps=[question(), _GIVE_UP, refund("#W1001")],
        play=_paused,
        edits=ALWAYS_OPEN,
    ),
    Scenario(
        name="hours-read-on",
        email=NORA,
        body="Let me speak to a human.",
        steps=[refund("#W1001")],
        by_word=PERSON,
        play=_outlived,
        edits=SELDOM_OPEN,
    ),
    Scenario(
        name="taken-back",
        email=OMAR,
        body="Send order #W1018 to my new address, 5 Oak Street, Portland, and cancel it.",
        steps=[acting(*TAKEN_BACK), answer("It stays as it is.")],
        faults="shop.cancel_order=refuse:x1",
        play=_taken_back,
    ),
    Scenario(
        name="undone-after-the-close",
        email=NORA,
        body="Refund order #W1001, all of it.",
        steps=[refund("#W1001")],
        play=_undone,
        follow_up=True,
    ),
    Scenario(
        name="models-out-and-back",
        email=NORA,
        body="Refund order #W1001, all of it.",
        steps=[refund("#W1001")],
        models_out=True,
        play=_models_out_and_back,
    ),
    Scenario(
        name="known-by-a-code",
        email=NORA,
        body="Refund order #W1001, all of it.",
        steps=[refund("#W1001")],
        assurance=Assurance.NONE,
        play=_by_code,
    ),
    Scenario(
        name="locked-out",
        email=NORA,
        body="Refund order #W1001, all of it.",
        steps=[_WHO],
        assurance=Assurance.NONE,
        play=_locked_out,
    ),
    Scenario(
        name="agreed-to-by-name",
        email=NORA,
        body="My mug came in pieces.",
        steps=[refund("#W1001"), refund("#W1001", amount_minor=1000)],
        play=_agreed,
    ),
    Scenario(
        name="kept-by-a-person",
        email=NORA,
        body="Let me speak to a human.",
        steps=[answer()],
        by_word=PERSON,
        play=_kept,
    ),
    Scenario(
        name="called",
        email=NORA,
        body="Please call me.",
        steps=[calling()],
        play=_called,
    ),
    Scenario(
        name="not-reached-twice",
        email=NORA,
        body="Please call me.",
        steps=[calling()],
        play=_not_reached,
    ),
    Scenario(
        name="not-called",
        email=NORA,
        body="Please call me.",
        steps=[calling()],
        play=_not_called,
    ),
    Scenario(
        name="promise-kept-then-missed",
        email=NORA,
        body="Where is my order?",
        steps=[_PROMISING],
        by_word=PERSON,
        play=_promise_missed,
    ),
    Scenario(
        name="routed-to-a-person-twice",
        email=NORA,
        body="Refund order #W1001, all of it.",
        steps=[_GIVE_UP],
        play=_routed_twice,
        routing=ROUTING,
    ),
    Scenario(
        name="cancelled",
        email=SAMUEL,
        body="Refund order #W1005, all of it.",
        steps=[refund("#W1005")],
        play=_cancelled,
    ),
)
"""Names are file names: a history keeps its name for as long as it is kept."""
