"""What operators do to a ticket: hand it back, take it over, lower its mode."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from closeloop.models.proposal import Proposal
from closeloop.models.ticket import Mode, Status
from tests.support.scripted import (
    ScriptedResolver,
    answer,
    question,
    refund,
)
from tests.workflows.cases import GIVE_UP, escalated, two_mugs
from tests.workflows.held import Held, HeldResolver
from tests.workflows.play import NORA, SAMUEL, OpenDesk, Refusal, action, texts


async def test_handed_back_to_the_agent(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(GIVE_UP, refund("#W1001")))
    handle = await escalated(desk)
    await desk.operate(handle, "hand_back")
    view = await desk.resolved(handle)
    assert view.escalation is None
    assert action(view).state == "verified"
    assert view.mode is Mode.ADVISORY  # people have taken part: it never was autonomous
    [resolved] = desk.events(handle, "resolved")
    assert resolved.data["autonomous"] is False


@pytest.mark.parametrize("operation", ["hand_back", "record_resolution"])
async def test_only_what_is_with_people_comes_back_from_them(
    open_desk: OpenDesk, operation: str
) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1001")))
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    await desk.resolved(handle)
    changes: dict[str, Any] = (
        {"resolution": {"summary": "x"}} if operation == "record_resolution" else {}
    )
    with pytest.raises(Refusal) as refused:
        await desk.operate(handle, operation, **changes)
    assert refused.value.code == "not_escalated"


@pytest.mark.parametrize("operation", ["hand_back", "record_resolution"])
async def test_a_second_word_while_the_first_one_is_being_sent(
    open_desk: OpenDesk, operation: str
) -> None:
    """It was taken once, and the ticket then turned in circles for good."""
    desk = await open_desk(resolver=ScriptedResolver(GIVE_UP))
    handle = await escalated(desk)
    desk.services.backends.faults.add("outbox.send=503:x2")
    done: dict[str, Any] = {"summary": "Spoke with the customer.", "reply": "It was good to talk."}
    await desk.operate(handle, "record_resolution", resolution=done)
    changes: dict[str, Any] = (
        {"resolution": {"summary": "x"}} if operation == "record_resolution" else {}
    )
    with pytest.raises(Refusal) as refused:
        await desk.operate(handle, operation, **changes)
    assert refused.value.code == "not_escalated"
    await desk.until(handle, Status.RESOLVED)
    assert (await handle.result()).closure == "unconfirmed"


@pytest.mark.parametrize(
    ("approver", "code"), [("dave", "wrong_tenant"), ("mallory", "unknown_approver")]
)
async def test_operators_are_on_the_roster(open_desk: OpenDesk, approver: str, code: str) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1001")))
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    await desk.resolved(handle)
    with pytest.raises(Refusal) as refused:
        await desk.operate(handle, "take_over", approver)
    assert refused.value.code == code
    assert (await desk.view(handle)).status is Status.RESOLVED


async def test_taken_over_while_approval_is_awaited(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1005")))
    handle = await desk.open("Please refund order #W1005.", email=SAMUEL)
    await desk.asked(handle)
    await desk.operate(handle, "take_over", "alice")
    view = await desk.until(handle, Status.ESCALATED)
    assert view.escalation is not None
    assert (view.escalation.reason, view.escalation.taken_by) == ("taken_over", "alice")
    assert [a.outcome for a in view.approvals] == ["withdrawn"]
    assert desk.effect_state("refund:#W1005:all") == "released"
    with pytest.raises(Refusal) as refused:
        await desk.operate(handle, "take_over", "bob")
    assert refused.value.code == "already_taken"


@pytest.mark.parametrize("resolver", [question(), answer()])
async def test_taken_over_while_the_customer_has_the_word(
    open_desk: OpenDesk, resolver: Proposal
) -> None:
    desk = await open_desk(resolver=ScriptedResolver(resolver))
    handle = await desk.open("Please refund my order.", email=NORA)
    await desk.until(handle, Status.AWAITING_CUSTOMER, Status.RESOLVED)
    await desk.operate(handle, "take_over", "bob")
    view = await desk.until(handle, Status.ESCALATED)
    assert view.escalation is not None
    assert view.escalation.reason == "taken_over"
    await desk.operate(handle, "record_resolution", resolution={"summary": "phoned"})
    await desk.until(handle, Status.RESOLVED)


async def test_taken_over_during_a_write_stops_the_next_one(open_desk: OpenDesk) -> None:
    held = Held("payments.refund")
    desk = await open_desk(resolver=two_mugs(), held=held)
    handle = await desk.open("Refund both mugs on #W1020.", email="yuki.tanabe@example.com")
    await held.reached()
    await desk.operate(handle, "take_over", "bob")
    held.let_go()
    view = await desk.until(handle, Status.ESCALATED)
    assert [a.state for a in view.actions] == ["verified", "skipped"]
    assert len(desk.refunds("#W1020")) == 1
    assert view.escalation is not None
    assert view.escalation.reason == "taken_over"


async def test_taken_over_while_the_agent_thinks(open_desk: OpenDesk) -> None:
    resolver = HeldResolver(ScriptedResolver(refund("#W1001")))
    desk = await open_desk(resolver=resolver)
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    await resolver.held.reached()
    await desk.operate(handle, "take_over", "bob")
    resolver.held.let_go()
    view = await desk.until(handle, Status.ESCALATED)
    assert view.escalation is not None
    assert view.escalation.taken_by == "bob"
    assert [a.state for a in view.actions] == ["skipped"]
    assert desk.refunds("#W1001") == ()


async def test_nothing_is_done_on_a_ticket_that_closes(open_desk: OpenDesk) -> None:
    held = Held("crm.add_note")
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1001")), held=held)
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    await desk.resolved(handle)
    result = asyncio.create_task(handle.result())
    await held.reached()
    with pytest.raises(Refusal) as refused:
        await desk.operate(handle, "take_over")
    assert refused.value.code == "closed"
    held.let_go()
    assert (await result).closure == "verified_quiet"


async def test_a_lower_mode_holds_from_now_on(open_desk: OpenDesk) -> None:
    held = Held("payments.refund")
    desk = await open_desk(resolver=two_mugs(), held=held)
    handle = await desk.open("Refund both mugs on #W1020.", email="yuki.tanabe@example.com")
    await held.reached()
    await desk.operate(handle, "lower_mode", mode="assisted")
    held.let_go()
    pending = await desk.asked(handle)
    assert pending.action_ids == ("p1-a2",)
    view = await desk.view(handle)
    assert [a.state for a in view.actions] == ["verified", "awaiting_approval"]
    assert view.mode is Mode.ASSISTED
    await desk.decide(handle, "alice", approve=True)
    view = await desk.resolved(handle)
    assert len(desk.refunds("#W1020")) == 2
    assert texts(view) == ["$24.90 and $24.90 were refunded."]


async def test_a_mode_is_only_ever_lowered(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(question(), answer()))
    handle = await desk.open("Please refund my order.", email=NORA)
    await desk.until(handle, Status.AWAITING_CUSTOMER)
    await desk.operate(handle, "lower_mode", mode="assisted")
    for mode in ("assisted", "autonomous"):
        with pytest.raises(Refusal) as refused:
            await desk.operate(handle, "lower_mode", mode=mode)
        assert refused.value.code == "not_lower"


async def test_an_advisory_ticket_goes_to_a_person_with_the_advice(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1005")))
    handle = await desk.open("Please refund order #W1005.", email=SAMUEL)
    await desk.asked(handle)
    await desk.operate(handle, "lower_mode", mode="advisory")
    view = await desk.until(handle, Status.ESCALATED)
    assert view.escalation is not None
    assert view.escalation.reason == "mode.advisory"
    assert [a.outcome for a in view.approvals] == ["withdrawn"]
    assert desk.refunds("#W1005") == ()
    assert desk.effect_state("refund:#W1005:all") == "released"


async def test_a_shadow_says_nothing_to_the_customer(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(question(), refund("#W1001")))
    handle = await desk.open("Please refund my order.", email=NORA)
    await desk.until(handle, Status.AWAITING_CUSTOMER)
    await desk.operate(handle, "lower_mode", mode="shadow")
    await desk.say(handle, "It is order #W1001, refund it.")
    view = await desk.until(handle, Status.ESCALATED)
    await desk.skip(timedelta(minutes=1))
    assert len(desk.sent(handle)) == 1  # the question, before
    assert view.mode is Mode.SHADOW
    assert len(desk.cases()) == 1
    assert desk.refunds("#W1001") == ()
