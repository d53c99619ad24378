"""Writes that fail, time out or vanish: one effect, a true word, or a person."""

from pathlib import Path

import pytest

from activities.payments import receipt_of
from closeloop.models.base import Money
from closeloop.models.proposal import Action
from closeloop.models.steps import ExecuteAction
from closeloop.models.ticket import Status
from tests.support.desk import edited_policies
from tests.support.scripted import ScriptedResolver, acting, answer, refund
from tests.workflows.play import HOUR, MINUTE, NORA, OMAR, SAMUEL, OpenDesk, Play, action, texts

MUG = "refund:#W1001:all"
MUG_PRICE = Money(amount_minor=2490)


# --- backends that do not answer -----------------------------------------------------------------


@pytest.mark.parametrize("kind", ["503", "429"])
async def test_a_gateway_that_is_away_three_times(open_desk: OpenDesk, kind: str) -> None:
    desk = await open_desk(
        resolver=ScriptedResolver(refund("#W1001")), faults=f"payments.refund={kind}:x3"
    )
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    view = await desk.resolved(handle)
    assert action(view).attempts == 4
    assert len(desk.refunds("#W1001")) == 1
    [event] = desk.events(handle, "action_verified")
    assert event.data["attempts"] == 4


async def test_a_timeout_after_the_money_moved_is_found_by_reading(open_desk: OpenDesk) -> None:
    desk = await open_desk(
        resolver=ScriptedResolver(refund("#W1001")), faults="payments.refund=timeout_after:x1"
    )
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    view = await desk.resolved(handle)
    [back] = desk.refunds("#W1001")
    receipt = action(view).receipt
    assert receipt is not None
    assert receipt.receipt_id == back.refund_id
    assert action(view).attempts == 2
    assert desk.effect_state(MUG) == "done"


async def test_a_timeout_before_the_money_moved_is_tried_again(open_desk: OpenDesk) -> None:
    desk = await open_desk(
        resolver=ScriptedResolver(refund("#W1001")), faults="payments.refund=timeout_before:x2"
    )
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    view = await desk.resolved(handle)
    assert len(desk.refunds("#W1001")) == 1
    assert action(view).attempts == 3


async def test_to_be_refused_a_look_says_nothing_of_the_effect(open_desk: OpenDesk) -> None:
    desk = await open_desk(
        resolver=ScriptedResolver(refund("#W1001")),
        faults="payments.refund=timeout_after:x1,payments.find_refund=refuse:x1",
    )
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    view = await desk.resolved(handle)
    assert action(view).state == "verified"
    assert len(desk.refunds("#W1001")) == 1


async def test_a_read_back_that_is_refused_does_not_deny_the_effect(open_desk: OpenDesk) -> None:
    desk = await open_desk(
        resolver=ScriptedResolver(refund("#W1001")), faults="payments.find_refund=refuse:x1"
    )
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    view = await desk.resolved(handle)
    assert [a.state for a in view.actions] == ["verified"]
    assert texts(view) == ["You get $24.90 back."]


async def test_never_known_goes_to_a_person_and_blocks_the_effect(open_desk: OpenDesk) -> None:
    desk = await open_desk(
        resolver=ScriptedResolver(refund("#W1001")),
        faults="payments.refund=timeout_after:x1,payments.find_refund=503:x999",
    )
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    view = await desk.until(handle, Status.ESCALATED, step=MINUTE)
    assert view.escalation is not None
    assert view.escalation.reason == "effect_unknown"
    assert action(view).state == "unknown"
    assert desk.effect_state(MUG) == "unknown"
    assert len(desk.refunds("#W1001")) == 1
    assert "UNKNOWN" in desk.cases()[0]["pack"]
    assert not any("24.90" in text for text in texts(view))
    other = await desk.open("Refund the mug of #W1001 please.", email=NORA)
    view = await desk.until(other, Status.ESCALATED, step=MINUTE)
    assert action(view).state == "refused"
    assert len(desk.refunds("#W1001")) == 1


async def test_a_crm_that_is_away_at_the_close(open_desk: OpenDesk) -> None:
    desk = await open_desk(
        resolver=ScriptedResolver(refund("#W1001")), faults="crm.add_note=503:x20"
    )
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    await desk.resolved(handle)
    assert (await handle.result()).closure == "verified_quiet"
    assert len(desk.closing_notes()) == 1
    assert desk.recorded(handle).status is Status.CLOSED
    assert desk.kinds(handle).count("closed") == 1


async def test_a_crm_that_refuses_the_closing_note(open_desk: OpenDesk) -> None:
    """The outcome is on record all the same."""
    desk = await open_desk(
        resolver=ScriptedResolver(refund("#W1001")), faults="crm.add_note=refuse:x1"
    )
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    await desk.resolved(handle)
    await handle.result()
    assert desk.closing_notes() == []
    assert desk.recorded(handle).status is Status.CLOSED
    assert desk.kinds(handle)[-1] == "closed"


async def test_a_crm_that_is_away_at_the_hand_over(open_desk: OpenDesk) -> None:
    desk = await open_desk(
        resolver=ScriptedResolver(answer("")), faults="crm.create_escalation=503:x8"
    )
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    view = await desk.until(handle, Status.ESCALATED)
    await desk.operate(handle, "lower_mode", mode="shadow")  # it is of use while the CRM is away
    await desk.skip(HOUR)
    await desk.eventually(lambda: len(desk.cases()) == 1)
    view = await desk.view(handle)
    assert view.escalation is not None
    assert view.escalation.reason == "no_safe_plan"


async def test_a_person_resolves_while_the_crm_is_away(open_desk: OpenDesk) -> None:
    desk = await open_desk(
        resolver=ScriptedResolver(answer("")), faults="crm.create_escalation=503:x8"
    )
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    await desk.until(handle, Status.ESCALATED)
    await desk.operate(handle, "record_resolution", resolution={"summary": "phoned"})
    view = await desk.until(handle, Status.RESOLVED, step=5 * MINUTE)
    assert view.closure is None


# --- backends that say no ------------------------------------------------------------------------


async def test_a_business_refusal_is_told_to_the_agent(open_desk: OpenDesk) -> None:
    resolver = ScriptedResolver(refund("#W1001"), answer("I could not refund it."))
    desk = await open_desk(resolver=resolver, faults="payments.refund=refuse:x1")
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    view = await desk.resolved(handle)
    [seen] = resolver.requests[1].observations
    assert (seen.kind, seen.action_kind, seen.code) == ("failed", "refund_payment", "fault_refused")
    failed = action(view)
    assert failed.state == "failed"
    assert failed.error is not None
    assert failed.error.code == "fault_refused"
    assert desk.refunds("#W1001") == ()
    assert desk.effect_state(MUG) == "failed"
    assert [e.data["code"] for e in desk.events(handle, "action_failed")] == ["fault_refused"]


async def test_always_refused_ends_with_a_person_in_bounded_rounds(open_desk: OpenDesk) -> None:
    resolver = ScriptedResolver(refund("#W1001"))
    desk = await open_desk(resolver=resolver, faults="payments.refund=refuse:x99")
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    view = await desk.until(handle, Status.ESCALATED)
    assert [a.state for a in view.actions] == ["failed"] * 4
    assert len(resolver.requests) == 4


async def test_what_cannot_be_read_back_is_never_claimed(open_desk: OpenDesk) -> None:
    """The ledger has a receipt, the gateway shows nothing: no reply, no second refund."""
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1001")))
    step = ExecuteAction(
        tenant="default",
        ticket_id="earlier",
        action=Action(action_id="a", kind="refund_payment", params={"order_id": "#W1001"}),
        customer_id="nora_whitfield",
        effect_id=MUG,
        components={"#W1001/item:710101:1": 2490},
        amount=MUG_PRICE,
    )
    made = desk.services.backends.payments.refund("default", f"default:{MUG}", "#W1001", MUG_PRICE)
    desk.services.ledger.record_done("default", step, receipt_of(made))
    desk.undo_refunds("#W1001")
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    view = await desk.until(handle, Status.ESCALATED)
    assert {a.state for a in view.actions} == {"failed"}
    assert desk.refunds("#W1001") == ()
    assert not any("24.90" in text for text in texts(view))


async def test_more_than_is_left_is_never_asked_of_the_gateway(open_desk: OpenDesk) -> None:
    resolver = ScriptedResolver(
        refund("#W1001"), answer("Most of order #W1001 was refunded before.")
    )
    desk = await open_desk(resolver=resolver)
    money = Money(amount_minor=2000)
    desk.services.backends.payments.refund("default", "by-hand", "#W1001", money)
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    view = await desk.resolved(handle)
    assert resolver.requests[1].observations[0].code == "refund.left"
    assert action(view).state == "refused"
    assert len(desk.refunds("#W1001")) == 1


# --- one effect, whoever asks --------------------------------------------------------------------


async def test_two_tickets_one_effect(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1001")))
    first, second = [await desk.open("Please refund order #W1001.", email=NORA) for _ in range(2)]
    views = [
        await desk.until(handle, Status.RESOLVED, Status.ESCALATED, step=MINUTE)
        for handle in (first, second)
    ]
    assert len(desk.refunds("#W1001")) == 1
    assert any(view.status is Status.RESOLVED for view in views)


async def test_a_later_ticket_finds_the_effect_done(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1001")))
    first = await desk.open("Please refund order #W1001.", email=NORA)
    a = action(await desk.resolved(first))
    second = await desk.open("Please refund order #W1001, I am still waiting.", email=NORA)
    b = action(await desk.resolved(second))
    assert a.receipt is not None
    assert b.receipt is not None
    assert a.receipt.receipt_id == b.receipt.receipt_id
    assert len(desk.refunds("#W1001")) == 1


async def test_an_effect_reserved_elsewhere_is_not_taken(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1005")))
    first = await desk.open("Please refund order #W1005.", email=SAMUEL)
    await desk.asked(first)
    second = await desk.open("Please refund order #W1005.", email=SAMUEL)
    view = await desk.until(second, Status.ESCALATED)
    assert view.escalation is not None
    assert view.escalation.reason == "no_safe_plan"
    assert [row.ticket_id for row in desk.waiting()] == [first.id.split(":")[2]]
    await desk.decide(first, "alice", approve=True)
    await desk.resolved(first)
    assert len(desk.refunds("#W1005")) == 1


async def limited(open_desk: OpenDesk, folder: Path, limit: str) -> Play:
    policies = edited_policies(
        folder, "desk.toml", ('customer = "5000.00"', f'customer = "{limit}"')
    )
    resolver = ScriptedResolver(refund("#W1005"), answer("Order #W1005 was delivered."))
    return await open_desk(resolver=resolver, policies=policies)


async def test_the_days_limit_holds_when_approval_is_asked(
    open_desk: OpenDesk, tmp_path: Path
) -> None:
    desk = await limited(open_desk, tmp_path, "100.00")
    handle = await desk.open("Please refund order #W1005.", email=SAMUEL)
    view = await desk.resolved(handle)
    assert texts(view) == ["Order #W1005 was delivered."]
    assert [a.outcome for a in view.approvals] == ["withdrawn"]
    assert desk.waiting() == ()
    assert desk.effect_state("refund:#W1005:all") is None
    assert desk.refunds("#W1005") == ()


async def test_the_days_limit_holds_when_nobody_is_asked(
    open_desk: OpenDesk, tmp_path: Path
) -> None:
    limit = ('customer = "5000.00"', 'customer = "20.00"')
    policies = edited_policies(tmp_path, "desk.toml", limit)
    resolver = ScriptedResolver(refund("#W1001"), answer("Order #W1001 was delivered."))
    desk = await open_desk(resolver=resolver, policies=policies)
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    view = await desk.resolved(handle)
    assert action(view).state == "failed"
    assert resolver.requests[1].observations[0].code == "limit_reached"
    assert texts(view) == ["Order #W1001 was delivered."]
    assert desk.refunds("#W1001") == ()


async def test_an_order_is_cancelled_and_its_money_goes_back(open_desk: OpenDesk) -> None:
    cancel = Action(action_id="a", kind="cancel_order", params={"order_id": "#W1018"})
    desk = await open_desk(resolver=ScriptedResolver(acting(cancel, text="{{1.summary}}.")))
    handle = await desk.open("Please cancel order #W1018.", email=OMAR)
    view = await desk.resolved(handle)
    assert action(view).state == "verified"
    order = desk.services.backends.shop.get_order("default", "#W1018")
    assert order is not None
    assert order.status == "cancelled"
    assert [r.amount.amount_minor for r in desk.refunds("#W1018")] == [8550]
    assert texts(view) == ["order #W1018 is cancelled; $85.50 goes back."]


async def test_a_note_is_written_once(open_desk: OpenDesk) -> None:
    note = Action(action_id="a", kind="add_crm_note", params={"text": "likes mugs"})
    desk = await open_desk(resolver=ScriptedResolver(acting(note)))
    handle = await desk.open("I like mugs", email=NORA)
    view = await desk.resolved(handle)
    assert action(view).state == "verified"
    assert desk.closing_notes() == ["likes mugs"]
