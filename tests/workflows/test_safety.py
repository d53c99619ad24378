"""What a resolver or a customer may try, and what never comes of it."""

import math
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import JsonValue

from closeloop.embedded.stored import find_user, save_user
from closeloop.models.policy import Ruling
from closeloop.models.proposal import Action, CommitmentDraft, Draft, Proposal
from closeloop.models.ticket import Assurance, Status
from tests.support.desk import edited_policies
from tests.support.scripted import (
    ScriptedClassifier,
    ScriptedResolver,
    acting,
    answer,
    question,
    refund,
)
from tests.workflows.play import NORA, SAMUEL, YUKI, OpenDesk, action, texts

JUNE = "june.albright@example.com"


def act(kind: str, **params: JsonValue) -> Action:
    return Action(action_id="a", kind=kind, params=params)


# --- what policy says ----------------------------------------------------------------------------


async def test_refused_by_policy_then_a_revised_answer(open_desk: OpenDesk) -> None:
    resolver = ScriptedResolver(refund("#W1009"), answer("Refunds end 30 days after delivery."))
    desk = await open_desk(resolver=resolver)
    handle = await desk.open("Please refund order #W1009, the lamps.", email=JUNE)
    view = await desk.resolved(handle)
    [seen] = resolver.requests[1].observations
    assert (seen.kind, seen.action_kind, seen.code) == (
        "refused",
        "refund_payment",
        "refund.window",
    )
    refused = action(view)
    assert refused.state == "refused"
    assert refused.error is not None
    assert refused.error.code == "refund.window"
    [verdict] = view.verdicts
    assert verdict.ruling is Ruling.REFUSE
    assert texts(view) == ["Refunds end 30 days after delivery."]
    assert desk.refunds("#W1009") == ()
    [resolved] = desk.events(handle, "resolved")
    assert resolved.data["autonomous"] is True


async def test_never_a_safe_plan_ends_with_a_person_in_bounded_rounds(open_desk: OpenDesk) -> None:
    resolver = ScriptedResolver(refund("#W1009"))
    desk = await open_desk(resolver=resolver)
    handle = await desk.open("Please refund order #W1009.", email=JUNE)
    view = await desk.until(handle, Status.ESCALATED)
    assert view.escalation is not None
    assert view.escalation.reason == "no_safe_plan"
    assert len(resolver.requests) == 4
    assert [a.state for a in view.actions] == ["refused"] * 4
    assert desk.refunds("#W1009") == ()


@pytest.mark.parametrize("topic", ["legal_threat", "safety", "press", "chargeback", "distress"])
async def test_high_stakes_are_for_people(open_desk: OpenDesk, topic: str) -> None:
    desk = await open_desk(
        resolver=ScriptedResolver(refund("#W1001")), classifier=ScriptedClassifier(topics=(topic,))
    )
    handle = await desk.open("Refund order #W1001 or else.", email=NORA)
    view = await desk.until(handle, Status.ESCALATED)
    assert view.escalation is not None
    assert view.escalation.reason == f"topic.{topic}"
    assert desk.refunds("#W1001") == ()
    assert action(view).state == "skipped"


async def test_unsure_of_the_wish_a_person_is_asked(open_desk: OpenDesk) -> None:
    desk = await open_desk(
        resolver=ScriptedResolver(refund("#W1001")), classifier=ScriptedClassifier(confidence=0.3)
    )
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    pending = await desk.asked(handle)
    assert any("understanding.confidence" in reason for reason in pending.reasons)


async def test_what_the_customer_did_not_ask_for_they_are_asked_then_a_person(
    open_desk: OpenDesk,
) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1001")))
    handle = await desk.open("How do I wash the mug of order #W1001?", email=NORA)
    await desk.until(handle, Status.AWAITING_CUSTOMER)
    await desk.say(handle, "I only want to wash it.")
    pending = await desk.asked(handle)
    assert any("consent.remedy" in reason for reason in pending.reasons)
    assert desk.refunds("#W1001") == ()


# --- whose it is ---------------------------------------------------------------------------------


@pytest.mark.parametrize("order_id", ["#W1005", "#W9999"])
async def test_somebody_elses_order_and_one_that_is_not_there_look_the_same(
    open_desk: OpenDesk, order_id: str
) -> None:
    resolver = ScriptedResolver(refund(order_id), answer("I could not find such an order."))
    desk = await open_desk(resolver=resolver)
    handle = await desk.open(f"Please refund order {order_id}.", email=NORA)
    view = await desk.resolved(handle)
    [seen] = resolver.requests[1].observations
    assert (seen.code, seen.message) == ("order.own", "The customer has no such order.")
    assert desk.refunds(order_id) == ()
    told = view.model_dump_json() + "".join(m.text for m in desk.sent(handle))
    for secret in ("samuel", "13900", "14550", "Lark"):
        assert secret not in told
    assert action(view).effect_id is None


async def test_a_stranger_gets_nothing_done(open_desk: OpenDesk) -> None:
    resolver = ScriptedResolver(refund("#W1001"), answer("Please write from your own address."))
    desk = await open_desk(resolver=resolver)
    handle = await desk.open("Please refund order #W1001.", email="stranger@example.org")
    view = await desk.resolved(handle)
    assert resolver.requests[1].observations[0].code == "order.own"
    assert desk.refunds("#W1001") == ()
    assert view.customer_id is None
    assert [m.to for m in desk.sent(handle)] == ["stranger@example.org"]
    assert "nora" not in view.model_dump_json().lower()


async def test_an_id_and_an_address_of_two_people_are_a_stranger(open_desk: OpenDesk) -> None:
    resolver = ScriptedResolver(refund("#W1001"), answer("Who are you?"))
    desk = await open_desk(resolver=resolver)
    handle = await desk.open(
        "Please refund order #W1001.", customer_id="nora_whitfield", email=SAMUEL
    )
    view = await desk.resolved(handle)
    assert view.customer_id is None
    assert [m.to for m in desk.sent(handle)] == [SAMUEL]
    assert desk.refunds("#W1001") == ()


async def test_not_sure_who_writes_nothing_is_changed(open_desk: OpenDesk, tmp_path: Path) -> None:
    """Where no codes are sent, the agent hears that it is not known who writes."""
    resolver = ScriptedResolver(refund("#W1001"), question())
    policies = edited_policies(tmp_path, "desk.toml", ("[identity]", "[tenant.acme.identity]"))
    desk = await open_desk(resolver=resolver, policies=policies)
    handle = await desk.open("Please refund order #W1001.", email=NORA, assurance=Assurance.NONE)
    await desk.until(handle, Status.AWAITING_CUSTOMER)
    assert resolver.requests[1].observations[0].code == "customer.assurance"
    assert desk.refunds("#W1001") == ()


async def test_tenants_never_meet(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1001")))
    ours = await desk.open("Please refund order #W1001.", email=NORA)
    await desk.resolved(ours)
    theirs = await desk.open("Please refund order #W1001.", email=NORA, tenant="acme")
    await desk.resolved(theirs)
    assert len(desk.refunds("#W1001")) == 1
    assert len(desk.refunds("#W1001", "acme")) == 1
    assert {e.ticket_id for e in desk.services.records.events("acme")} == {theirs.id.split(":")[2]}


# --- what a resolver proposes --------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["launch_rocket", "send_reply", "create_escalation", ""])
async def test_a_kind_that_is_not_for_it_goes_to_a_person(open_desk: OpenDesk, kind: str) -> None:
    resolver = ScriptedResolver(acting(act(kind, number=1, text="x", queue="q", reason="r")))
    desk = await open_desk(resolver=resolver)
    handle = await desk.open("Please help", email=NORA)
    view = await desk.until(handle, Status.ESCALATED)
    assert view.escalation is not None
    assert view.escalation.reason == "unknown_action"
    assert len(resolver.requests) == 1
    assert action(view).state == "skipped"
    assert desk.kinds(handle).count("escalated") <= 1


async def test_wrong_parameters_are_put_right_by_the_agent(open_desk: OpenDesk) -> None:
    resolver = ScriptedResolver(
        acting(act("refund_payment", order="#W1001")),
        acting(act("refund_payment", order_id="#W1001", amount_minor=-5)),
        refund("#W1001"),
    )
    desk = await open_desk(resolver=resolver)
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    view = await desk.resolved(handle)
    assert [a.state for a in view.actions] == ["refused", "refused", "verified"]
    assert [o.kind for o in resolver.requests[2].observations] == ["invalid", "invalid"]
    assert "amount_minor" in resolver.requests[2].observations[1].message
    assert len(desk.refunds("#W1001")) == 1


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"order_id": "#W1020", "components": ["item:999:1"]}, "action.valid"),
        ({"order_id": "#W1020", "amount_minor": 4981}, "action.valid"),
    ],
)
async def test_parameters_that_do_not_fit_the_order_are_refused(
    open_desk: OpenDesk, params: dict[str, JsonValue], code: str
) -> None:
    resolver = ScriptedResolver(acting(act("refund_payment", **params)), answer("No."))
    desk = await open_desk(resolver=resolver)
    handle = await desk.open("Please refund order #W1020.", email=YUKI)
    await desk.resolved(handle)
    assert resolver.requests[1].observations[0].code == code
    assert desk.refunds("#W1020") == ()


@pytest.mark.parametrize(
    "text",
    [
        "You got {{1.amount}}.",
        "You got {{1.amount}.",
        "See {{receipt}}.",
        "   ",
        "",
    ],
)
async def test_a_claim_without_a_receipt_never_goes_out(open_desk: OpenDesk, text: str) -> None:
    desk = await open_desk(resolver=ScriptedResolver(answer(text), answer("Nothing was done.")))
    handle = await desk.open("Please help", email=NORA)
    view = await desk.resolved(handle)
    assert texts(view) == ["Nothing was done."]
    assert len(desk.sent(handle)) == 1


async def test_a_claim_that_is_never_put_right_goes_to_a_person(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(answer("You got {{1.amount}}.")))
    handle = await desk.open("Please help", email=NORA)
    view = await desk.until(handle, Status.ESCALATED)
    assert view.escalation is not None
    assert view.escalation.reason == "no_safe_plan"
    await desk.noted(handle, "replied")
    assert not any("{{" in message.text for message in desk.sent(handle))


async def test_a_proposal_that_says_nothing_is_none(open_desk: OpenDesk) -> None:
    resolver = ScriptedResolver(Proposal(goal="?"), answer("Hello."))
    desk = await open_desk(resolver=resolver)
    handle = await desk.open("Please help", email=NORA)
    await desk.resolved(handle)
    assert resolver.requests[1].observations[0].code == "no_reply"


@pytest.mark.parametrize("hours", [math.inf, math.nan, 1e300, -1.0, 0.0])
async def test_a_promise_due_at_no_time_goes_to_a_person(open_desk: OpenDesk, hours: float) -> None:
    promise = CommitmentDraft(text="we will call", due_in_hours=hours)
    proposal = Proposal(reply=Draft(text="We will call you."), commitments=(promise,))
    desk = await open_desk(resolver=ScriptedResolver(proposal))
    handle = await desk.open("Please call me", email=NORA)
    view = await desk.until(handle, Status.ESCALATED)
    assert view.escalation is not None
    assert view.escalation.reason == "step_failed"
    assert view.commitments == ()


async def test_a_promise_becomes_a_commitment(open_desk: OpenDesk) -> None:
    promise = CommitmentDraft(text="we will call", due_in_hours=48)
    proposal = Proposal(reply=Draft(text="We will call you."), commitments=(promise,))
    desk = await open_desk(resolver=ScriptedResolver(proposal))
    handle = await desk.open("Please call me", email=NORA)
    view = await desk.resolved(handle)
    [made] = view.commitments
    assert made.text == "we will call"
    assert (made.due_at - view.opened_at).total_seconds() >= 48 * 3600


async def test_a_huge_proposal_goes_to_a_person(open_desk: OpenDesk) -> None:
    desk = await open_desk(
        resolver=ScriptedResolver(acting(act("add_crm_note", text="x", more="y" * 1_000_000)))
    )
    handle = await desk.open("Please help", email=NORA)
    view = await desk.until(handle, Status.ESCALATED)
    assert view.escalation is not None
    assert view.escalation.reason == "step_failed"
    assert view.actions == ()


async def test_a_question_may_not_hide_a_write(open_desk: OpenDesk) -> None:
    """Whatever a proposal calls itself, its actions are judged."""
    sneaky = refund("#W1009")

    desk = await open_desk(
        resolver=ScriptedResolver(
            lambda request: sneaky(request).model_copy(update={"asks_customer": True}), question()
        )
    )
    handle = await desk.open("Please refund order #W1009.", email=JUNE)
    await desk.until(handle, Status.AWAITING_CUSTOMER)
    assert desk.refunds("#W1009") == ()


async def test_a_contact_that_changed_after_the_ticket_was_opened(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(question(), refund("#W1001")))
    handle = await desk.open("Please refund my order.", email=NORA)
    await desk.until(handle, Status.AWAITING_CUSTOMER)
    with desk.services.backends.shop.database.write() as connection:
        user = find_user(connection, "default", "nora_whitfield")
        assert user is not None
        changed = user.model_copy(update={"contact_changed_at": datetime.now(UTC)})
        save_user(connection, "default", changed)
    await desk.say(handle, "Order #W1001, refund it please.")
    pending = await desk.asked(handle)
    assert any("contact_changed" in reason for reason in pending.reasons)
    assert desk.refunds("#W1001") == ()
