"""A proposal that waits for a person: approved, edited, rejected, reminded, expired, overtaken."""

from pathlib import Path

import pytest
from pydantic import JsonValue

from closeloop.models.base import Money
from closeloop.models.proposal import Action
from closeloop.models.ticket import Mode, Status
from tests.support.desk import Handle, edited_policies
from tests.support.scripted import ScriptedResolver, acting, answer, refund
from tests.workflows.play import HOUR, SAMUEL, YUKI, OpenDesk, Play, Refusal, action, texts

SPEAKER = "refund:#W1005:all"


async def asked(desk: Play) -> Handle:
    """Open a ticket about the speaker, $145.50, and wait until a person is asked."""
    handle = await desk.open("Please refund order #W1005, the speaker.", email=SAMUEL)
    await desk.asked(handle)
    return handle


async def test_approved_and_paid(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1005")))
    handle = await asked(desk)
    assert desk.refunds("#W1005") == ()
    assert desk.sent(handle) == ()
    assert desk.effect_state(SPEAKER) == "reserved"
    view = await desk.view(handle)
    assert view.mode is Mode.ASSISTED
    assert any("refund.autonomous" in reason for reason in view.mode_reasons)
    assert action(view).state == "awaiting_approval"
    [row] = desk.waiting()
    assert row.total == Money(amount_minor=14550)
    assert row.action_kinds == ("refund_payment",)
    assert view.pending_approval is not None
    assert row.request_id == view.pending_approval.request_id
    assert set(view.pending_approval.approvers) == {"alice", "bob", "carol", "erin"}
    receipt = await desk.decide(handle, "alice", approve=True)
    assert receipt.accepted
    view = await desk.resolved(handle)
    [back] = desk.refunds("#W1005")
    assert back.amount.amount_minor == 14550
    assert action(view).state == "verified"
    assert desk.waiting() == ()
    [outcome] = view.approvals
    assert (outcome.outcome, outcome.approver, outcome.edited) == ("approved", "alice", False)
    assert desk.effect_state(SPEAKER) == "done"
    [resolved] = desk.events(handle, "resolved")
    assert resolved.data["autonomous"] is False
    assert [e.data["outcome"] for e in desk.events(handle, "decided")] == ["approved"]


async def test_a_lower_amount(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1005")))
    handle = await asked(desk)
    edit = {"actions": [{"action_id": "p1-a1", "amount_minor": 10000}]}
    await desk.decide(handle, "alice", approve=True, edit=edit)
    view = await desk.resolved(handle)
    [back] = desk.refunds("#W1005")
    assert back.amount.amount_minor == 10000
    assert action(view).params["amount_minor"] == 10000
    assert texts(view) == ["You get $100.00 back."]
    assert view.approvals[0].edited


async def test_an_edited_reply(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1005")))
    handle = await asked(desk)
    edit = {"reply": "Sorry for that! {{1.amount}} are on their way."}
    await desk.decide(handle, "alice", approve=True, edit=edit)
    view = await desk.resolved(handle)
    assert texts(view) == ["Sorry for that! $145.50 are on their way."]
    assert len(desk.refunds("#W1005")) == 1


def two_refunds(text: str) -> ScriptedResolver:
    return ScriptedResolver(
        acting(
            Action(
                action_id="a",
                kind="refund_payment",
                params={"order_id": "#W1005", "components": ["item:710501:1"]},
            ),
            Action(
                action_id="b",
                kind="refund_payment",
                params={"order_id": "#W1005", "components": ["shipping"]},
            ),
            text=text,
        )
    )


async def test_a_dropped_action_never_runs_and_frees_what_it_reserved(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=two_refunds("{{1.amount}} and {{2.amount}} go back."))
    handle = await asked(desk)
    shipping = "refund:#W1005:shipping"
    assert desk.effect_state(shipping) == "reserved"
    edit = {"actions": [{"action_id": "p1-a2", "drop": True}], "reply": "{{1.amount}} go back."}
    await desk.decide(handle, "alice", approve=True, edit=edit)
    view = await desk.resolved(handle)
    assert [a.state for a in view.actions] == ["verified", "skipped"]
    assert [r.amount.amount_minor for r in desk.refunds("#W1005")] == [13900]
    assert texts(view) == ["$139.00 go back."]
    assert desk.effect_state(shipping) == "released"


@pytest.mark.parametrize(
    ("edit", "word"),
    [
        ({"actions": [{"action_id": "p1-a1", "amount_minor": 13901}]}, "lower an amount"),
        ({"actions": [{"action_id": "p9-a9", "drop": True}]}, "not in this request"),
        ({"actions": [{"action_id": "p1-a2", "drop": True}]}, "2.amount"),
        ({"reply": "You get {{3.amount}}."}, "only 2 actions"),
        ({"reply": "You get {{1.amount}."}, "broken placeholder"),
        (
            {
                "actions": [
                    {"action_id": "p1-a1", "amount_minor": 100},
                    {"action_id": "p1-a1", "amount_minor": 13900},
                ]
            },
            "twice",
        ),
    ],
)
async def test_a_bad_edit_is_refused_and_changes_nothing(
    open_desk: OpenDesk, edit: dict[str, object], word: str
) -> None:
    desk = await open_desk(resolver=two_refunds("{{1.amount}} and {{2.amount}} go back."))
    handle = await asked(desk)
    before = await desk.view(handle)
    with pytest.raises(Refusal, match=word) as refused:
        await desk.decide(handle, "alice", approve=True, edit=edit)
    assert refused.value.code == "bad_edit"
    assert await desk.view(handle) == before
    assert desk.refunds("#W1005") == ()


async def test_an_address_has_no_amount_to_lower(open_desk: OpenDesk, tmp_path: Path) -> None:
    address: dict[str, JsonValue] = {
        "address1": "1 New St",
        "city": "Leeds",
        "zip": "LS1",
        "country": "UK",
    }
    move = Action(
        action_id="a",
        kind="modify_order_address",
        params={"order_id": "#W1018", "address": address},
    )
    policies = edited_policies(tmp_path, "desk.toml", ("ask_consent = true", "ask_consent = false"))
    desk = await open_desk(resolver=ScriptedResolver(acting(move)), policies=policies)
    handle = await desk.open("My kettle #W1018 is in danger", email="omar.haddad@example.com")
    await desk.asked(handle)
    edit = {"actions": [{"action_id": "p1-a1", "amount_minor": 1}]}
    with pytest.raises(Refusal, match="no amount"):
        await desk.decide(handle, "alice", approve=True, edit=edit)
    await desk.decide(handle, "alice", approve=True)
    await desk.resolved(handle)
    order = desk.services.backends.shop.get_order("default", "#W1018")
    assert order is not None
    assert order.address is not None
    assert order.address.city == "Leeds"


async def test_rejected_with_a_reason_then_revised_and_approved(open_desk: OpenDesk) -> None:
    resolver = ScriptedResolver(refund("#W1005"), refund("#W1005", amount_minor=10000))
    desk = await open_desk(resolver=resolver)
    handle = await asked(desk)
    await desk.decide(
        handle, "alice", approve=False, reason="wrong_amount", words="Only $100: it was used."
    )
    pending = await desk.asked(handle, request=2)
    view = await desk.view(handle)
    [seen] = resolver.requests[1].observations
    assert (seen.kind, seen.code, seen.message) == (
        "rejected",
        "wrong_amount",
        "Only $100: it was used.",
    )
    assert [a.state for a in view.actions] == ["refused", "awaiting_approval"]
    assert pending.total == Money(amount_minor=10000)
    [row] = desk.waiting()
    assert row.request_id == pending.request_id
    await desk.decide(handle, "alice", approve=True)
    view = await desk.resolved(handle)
    assert [r.amount.amount_minor for r in desk.refunds("#W1005")] == [10000]
    assert [a.outcome for a in view.approvals] == ["rejected", "approved"]


async def test_always_rejected_ends_with_a_person(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1005")))
    handle = await asked(desk)
    for request in range(1, 5):
        await desk.asked(handle, request=request)
        await desk.decide(handle, "alice", approve=False, reason="not_eligible")
    view = await desk.until(handle, Status.ESCALATED)
    assert view.escalation is not None
    assert view.escalation.reason == "no_safe_plan"
    assert desk.refunds("#W1005") == ()
    assert desk.effect_state(SPEAKER) == "released"
    assert desk.waiting() == ()


async def test_one_reminder_then_expiry_to_the_human_queue(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1005")))
    handle = await asked(desk)
    await desk.skip(5 * HOUR)
    view = await desk.noted(handle, "reminded")
    assert view.status is Status.AWAITING_APPROVAL
    await desk.skip(17 * HOUR)
    assert len(await desk.notes(handle, "reminded")) == 1
    assert (await desk.view(handle)).status is Status.AWAITING_APPROVAL
    assert desk.effect_state(SPEAKER) == "reserved"
    await desk.skip(3 * HOUR)
    view = await desk.until(handle, Status.ESCALATED)
    assert view.escalation is not None
    assert view.escalation.reason == "approval_expired"
    assert view.approvals[-1].outcome == "expired"
    assert action(view).state == "skipped"
    assert desk.refunds("#W1005") == ()
    assert desk.effect_state(SPEAKER) == "released"
    assert desk.waiting() == ()
    [case] = desk.cases()
    assert case["reason"] == "approval_expired"


async def test_a_message_makes_the_request_stale(open_desk: OpenDesk) -> None:
    resolver = ScriptedResolver(refund("#W1005"), answer("Then it stays with you."))
    desk = await open_desk(resolver=resolver)
    handle = await asked(desk)
    old = await desk.decision(handle, "alice", approve=True)
    await desk.say(handle, "On second thought, I keep it.")
    view = await desk.resolved(handle)
    assert [a.outcome for a in view.approvals] == ["withdrawn"]
    assert desk.effect_state(SPEAKER) == "released"
    assert desk.waiting() == ()
    assert texts(view) == ["Then it stays with you."]
    with pytest.raises(Refusal) as refused:
        await desk.update(handle, "decide", old)
    assert refused.value.code == "stale_request"
    assert desk.refunds("#W1005") == ()


async def test_nobody_on_the_roster_may_decide(open_desk: OpenDesk, tmp_path: Path) -> None:
    small = [(f'limit = "{limit}.00"', 'limit = "100.00"') for limit in (200, 1000, 5000)]
    policies = edited_policies(tmp_path, "approvers.toml", *small)
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1005")), policies=policies)
    handle = await desk.open("Please refund order #W1005, the speaker.", email=SAMUEL)
    view = await desk.until(handle, Status.ESCALATED)
    assert view.escalation is not None
    assert view.escalation.reason == "no_approver"
    assert [a.outcome for a in view.approvals] == ["withdrawn"]
    assert desk.effect_state(SPEAKER) == "released"
    assert desk.waiting() == ()


async def test_an_answer_alone_is_approved_where_the_desk_wants_it(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(answer("first"), answer("We open at nine.")))
    handle = await desk.open("When do you open?", email=YUKI)
    await desk.resolved(handle)
    await desk.operate(handle, "lower_mode", mode="assisted")
    await desk.say(handle, "And when do you close on Sundays?")
    pending = await desk.asked(handle)
    assert pending.total is None
    assert texts(await desk.view(handle)) == ["first"]
    await desk.decide(handle, "alice", approve=True)
    view = await desk.resolved(handle)
    assert texts(view) == ["first", "We open at nine."]
