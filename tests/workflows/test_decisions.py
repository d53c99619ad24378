"""Who may decide, on what, how often; by update and by signal; and what drifts in between."""

from pathlib import Path

import pytest

from closeloop.models.base import Money
from closeloop.models.ticket import Status
from tests.support.desk import Handle, edited_policies
from tests.support.scripted import ScriptedResolver, answer, refund
from tests.workflows.play import SAMUEL, OpenDesk, Play, Refusal, action

ARTHUR = "arthur.penrose@example.com"


async def asked(open_desk: OpenDesk, *, tenant: str = "default") -> tuple[Play, Handle]:
    """Open a ticket about $900 and wait until a person is asked."""
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1008")))
    handle = await desk.open(
        "Please refund everything on order #W1008.", email=ARTHUR, tenant=tenant
    )
    await desk.asked(handle)
    return desk, handle


@pytest.mark.parametrize(
    ("approver", "code"),
    [
        ("alice", "above_limit"),
        ("dave", "wrong_tenant"),
        ("mallory", "unknown_approver"),
    ],
)
async def test_a_person_who_may_not_decide(open_desk: OpenDesk, approver: str, code: str) -> None:
    desk, handle = await asked(open_desk)
    before = await desk.view(handle)
    with pytest.raises(Refusal) as refused:
        await desk.decide(handle, approver, approve=True)
    assert refused.value.code == code
    assert await desk.view(handle) == before
    assert desk.refunds("#W1008") == ()
    assert len(desk.waiting()) == 1


async def test_rejecting_lets_no_money_go_and_needs_no_limit(open_desk: OpenDesk) -> None:
    desk, handle = await asked(open_desk)
    receipt = await desk.decide(handle, "alice", approve=False, reason="needs_information")
    assert receipt.accepted


async def test_an_edit_below_the_limit_counts_after_the_edit(open_desk: OpenDesk) -> None:
    desk, handle = await asked(open_desk)
    edit = {"actions": [{"action_id": "p1-a1", "amount_minor": 20000}]}
    await desk.decide(handle, "alice", approve=True, edit=edit)
    await desk.resolved(handle)
    assert [r.amount.amount_minor for r in desk.refunds("#W1008")] == [20000]


async def test_whoever_opened_it_may_not_decide(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1008")))
    handle = await desk.open("Please refund order #W1008.", email=ARTHUR, opened_by="Bob")
    await desk.asked(handle)
    with pytest.raises(Refusal) as refused:
        await desk.decide(handle, "bob", approve=True)
    assert refused.value.code == "own_request"
    await desk.decide(handle, "carol", approve=True)
    await desk.resolved(handle)
    assert len(desk.refunds("#W1008")) == 1


async def test_the_customer_may_not_decide_even_known_by_id_alone(
    open_desk: OpenDesk, tmp_path: Path
) -> None:
    policies = edited_policies(
        tmp_path, "approvers.toml", ("bob@desk.example.com", "arthur.penrose@example.com")
    )
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1008")), policies=policies)
    handle = await desk.open("Please refund order #W1008.", customer_id="arthur_penrose")
    await desk.asked(handle)
    with pytest.raises(Refusal) as refused:
        await desk.decide(handle, "bob", approve=True)
    assert refused.value.code == "own_request"
    assert desk.refunds("#W1008") == ()


@pytest.mark.parametrize("changes", [{"request_id": "t-r9"}, {"binding_hash": "0" * 64}])
async def test_a_stale_request_or_hash(open_desk: OpenDesk, changes: dict[str, str]) -> None:
    desk, handle = await asked(open_desk)
    with pytest.raises(Refusal) as refused:
        await desk.decide(handle, "bob", approve=True, **changes)
    assert refused.value.code == "stale_request"
    assert (await desk.view(handle)).status is Status.AWAITING_APPROVAL
    assert desk.refunds("#W1008") == ()


async def test_the_same_decision_again_gets_the_same_receipt(open_desk: OpenDesk) -> None:
    desk, handle = await asked(open_desk)
    decision = await desk.decision(handle, "bob", approve=True)
    first = await desk.update(handle, "decide", decision)
    await desk.resolved(handle)
    assert await desk.update(handle, "decide", decision) == first
    assert len(desk.refunds("#W1008")) == 1


async def test_a_second_other_decision_is_refused(open_desk: OpenDesk) -> None:
    desk, handle = await asked(open_desk)
    yes = await desk.decision(handle, "bob", approve=True)
    no = await desk.decision(handle, "carol", approve=False, reason="other")
    await desk.update(handle, "decide", yes)
    with pytest.raises(Refusal) as refused:
        await desk.update(handle, "decide", no)
    assert refused.value.code == "stale_request"
    view = await desk.resolved(handle)
    assert [a.outcome for a in view.approvals] == ["approved"]


async def test_a_decision_on_a_closed_ticket_is_refused(open_desk: OpenDesk) -> None:
    desk, handle = await asked(open_desk)
    decision = await desk.decision(handle, "bob", approve=True)
    await desk.decide(handle, "carol", approve=True)
    await desk.resolved(handle)
    await handle.result()
    with pytest.raises(Exception, match=r"already completed|not found"):
        await desk.update(handle, "decide", decision)
    assert len(desk.refunds("#W1008")) == 1


async def test_a_decision_by_signal(open_desk: OpenDesk) -> None:
    desk, handle = await asked(open_desk)
    decision = await desk.decision(handle, "bob", approve=True)
    for _ in range(2):
        await handle.signal("submit_decision", decision)
    view = await desk.resolved(handle)
    assert len(desk.refunds("#W1008")) == 1
    assert [a.approver for a in view.approvals] == ["bob"]
    assert await desk.notes(handle, "ignored") == []


@pytest.mark.parametrize(
    ("approver", "changes", "code"),
    [
        ("alice", {}, "above_limit"),
        ("mallory", {}, "unknown_approver"),
        ("bob", {"binding_hash": "0" * 64}, "stale_request"),
        ("bob", {"edit": {"actions": [{"action_id": "p7-a1", "drop": True}]}}, "bad_edit"),
    ],
)
async def test_what_a_signal_may_not_do_is_recorded_as_ignored(
    open_desk: OpenDesk, approver: str, changes: dict[str, object], code: str
) -> None:
    desk, handle = await asked(open_desk)
    decision = await desk.decision(handle, approver, approve=True, **changes)
    await handle.signal("submit_decision", decision)
    await desk.noted(handle, "ignored")
    [line] = await desk.notes(handle, "ignored")
    assert code in line
    assert decision.decision_id in line
    assert (await desk.view(handle)).status is Status.AWAITING_APPROVAL
    assert desk.refunds("#W1008") == ()


async def test_a_message_cannot_take_the_place_of_a_decision(open_desk: OpenDesk) -> None:
    """The customer may choose a message's id, and a decision's may be foreseen."""
    resolver = ScriptedResolver(answer("Which one?"), refund("#W1008"))
    desk = await open_desk(resolver=resolver)
    handle = await desk.open("Please refund order #W1008.", email=ARTHUR)
    await desk.resolved(handle)
    await desk.say(handle, "I want a refund of all of it, #W1008.", message_id="d-foreseen")
    await desk.asked(handle)
    await desk.decide(handle, "bob", approve=True, decision_id="d-foreseen")
    await desk.resolved(handle)
    assert len(desk.refunds("#W1008")) == 1


# --- drift ---------------------------------------------------------------------------------------


async def test_refunded_elsewhere_meanwhile_is_asked_anew_and_refused(open_desk: OpenDesk) -> None:
    resolver = ScriptedResolver(refund("#W1005"), answer("Order #W1005 was refunded already."))
    desk = await open_desk(resolver=resolver)
    handle = await desk.open("Please refund order #W1005, the speaker.", email=SAMUEL)
    await desk.asked(handle)
    money = Money(amount_minor=5000)
    desk.services.backends.payments.refund("default", "a-person-1", "#W1005", money)
    await desk.decide(handle, "alice", approve=True)
    view = await desk.resolved(handle)
    assert [r.amount.amount_minor for r in desk.refunds("#W1005")] == [5000]
    assert [a.outcome for a in view.approvals] == ["withdrawn"]
    [seen] = resolver.requests[1].observations
    assert (seen.kind, seen.code) == ("refused", "refund.left")
    assert action(view).state == "refused"
    assert len(await desk.notes(handle, "drift")) == 1


async def test_facts_that_changed_make_a_new_request(open_desk: OpenDesk) -> None:
    part = refund("#W1005", amount_minor=6000)
    desk = await open_desk(resolver=ScriptedResolver(part))
    handle = await desk.open("Please refund order #W1005, the speaker.", email=SAMUEL)
    await desk.asked(handle)
    money = Money(amount_minor=5000)
    desk.services.backends.payments.refund("default", "a-person-1", "#W1005", money)
    old = await desk.decision(handle, "alice", approve=True)
    await desk.update(handle, "decide", old)
    pending = await desk.asked(handle, request=2)
    assert pending.binding_hash != old.binding_hash
    assert pending.action_ids == ("p1-a1",)
    assert len(desk.refunds("#W1005")) == 1
    assert desk.sent(handle) == ()
    await desk.decide(handle, "alice", approve=True)
    view = await desk.resolved(handle)
    assert [r.amount.amount_minor for r in desk.refunds("#W1005")] == [5000, 6000]
    assert [a.outcome for a in view.approvals] == ["withdrawn", "approved"]


@pytest.mark.parametrize(
    "edit", [{"reply": "Here you are."}, {"actions": [{"action_id": "p1-a1", "amount_minor": 10}]}]
)
async def test_an_edit_hides_no_drift(open_desk: OpenDesk, edit: dict[str, object]) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1005", amount_minor=6000)))
    handle = await desk.open("Please refund order #W1005, the speaker.", email=SAMUEL)
    await desk.asked(handle)
    money = Money(amount_minor=5000)
    desk.services.backends.payments.refund("default", "a-person-1", "#W1005", money)
    await desk.decide(handle, "alice", approve=True, edit=edit)
    pending = await desk.asked(handle, request=2)
    assert pending.total == Money(amount_minor=6000)
    assert len(desk.refunds("#W1005")) == 1
