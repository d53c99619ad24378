"""Routed to people: who gets it, what the customer and the person read, and the case's end."""

import json
from pathlib import Path

import pytest

from closeloop.models.handover import HandOverPack
from closeloop.models.proposal import EscalationDraft, Proposal
from closeloop.models.ticket import Status
from tests.support.desk import canned_policies, edited_policies
from tests.support.scripted import ScriptedClassifier, ScriptedResolver, refund
from tests.workflows.cases import GIVE_UP, RESOLUTION, escalated, refund_by_hand
from tests.workflows.play import HOUR, NORA, SAMUEL, OpenDesk, Play, texts
from workflows.notices import DONE_BY_PERSON, HANDED_OVER

ROUTING = """
default = "support"

[skill.money]
intents = ["refund_request"]
[skill.serious]
reasons = ["customer_asked"]

[queue.support]
name = "our support team"
answer_within = "8h"
[queue.billing]
name = "our billing team"
skills = ["money"]
answer_within = "4h"
[queue.care]
name = "our care team"
skills = ["serious"]
calendar = "never"
answer_within = "4h"

[person.bob]
name = "Bob"
queues = ["billing"]
at_most = 1
"""
NEVER = """
[calendar.never]
zone = "UTC"
closed = ["2000-01-01..2100-01-01"]
[calendar.never.hours]
mon = ["08:00-09:00"]

[target.urgent]"""


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    """The policies of canned answers, with a routing."""
    folder = canned_policies(tmp_path)
    edited_policies(tmp_path, "sla.toml", ("[target.urgent]", NEVER))
    (folder / "routing.toml").write_text(ROUTING)
    return folder


async def test_a_ticket_goes_to_a_person_of_whom_the_customer_hears(
    open_desk: OpenDesk, policies: Path
) -> None:
    desk = await open_desk(resolver=ScriptedResolver(GIVE_UP), policies=policies)
    handle = await escalated(desk)
    view = await desk.view(handle)
    assert view.escalation is not None
    route = view.escalation.route
    assert route is not None
    assert (view.escalation.queue, route.queue, route.person) == ("billing", "billing", "bob")
    [case] = desk.cases()
    assert (case["queue"], case["person"], case["status"]) == ("billing", "bob", "open")
    [said] = texts(view)
    assert f"with Bob from our billing team. You will hear from them here, by {day(said)}" in said
    for secret in ("no_playbook", "odd", "money", "refund_request", "call them"):
        assert secret not in said
    [promise] = view.commitments
    assert promise.text == "You hear from Bob from our billing team."
    assert route.answer_by is not None
    assert abs((promise.due_at - route.answer_by).total_seconds()) < 1
    [event] = desk.events(handle, "routed")
    assert event.data == {
        "queue": "billing",
        "to_person": True,
        "skill": "money",
        "language": "en",
    }
    assert "first_response" not in desk.kinds(handle)


def day(said: str) -> str:
    """Return the time that a customer was told."""
    return said.partition("here, by ")[2].partition(" at the latest")[0]


async def test_the_pack_is_shown_and_stands_in_the_helpdesk(
    open_desk: OpenDesk, policies: Path
) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1005"), GIVE_UP), policies=policies)
    handle = await desk.open("Refund order #W1005, all of it. Is that possible?", email=SAMUEL)
    await desk.asked(handle)
    await desk.decide(handle, "bob", approve=False, reason="wrong_facts", words="look again")
    await desk.until(handle, Status.ESCALATED)
    view = await desk.noted(handle, "replied")
    pack = view.hand_over
    assert pack is not None
    assert (pack.reason, pack.summary, pack.recommendation) == ("no_playbook", "odd", "call them")
    assert [(one.what, one.state) for one in pack.tried][:1] == [("refund_payment", "refused")]
    assert "The customer asks: Is that possible?" in pack.open_questions
    assert [promise.text for promise in pack.promises] == [
        "You hear from Bob from our billing team."
    ]
    [case] = desk.cases()
    handed = HandOverPack.model_validate(json.loads(case["details"]))
    assert (handed.tried, handed.open_questions) == (pack.tried, pack.open_questions)
    assert "Open questions:" in case["pack"]
    assert desk.recorded(handle).hand_over == pack.model_copy(update={"last_words": ()})


async def test_who_has_enough_to_do_gets_no_more_until_a_case_is_done(
    open_desk: OpenDesk, policies: Path
) -> None:
    desk = await open_desk(resolver=ScriptedResolver(GIVE_UP), policies=policies)
    first, second = await escalated(desk), await escalated(desk)
    assert await given_to(desk, first) == "bob"
    assert await given_to(desk, second) is None
    assert "with our billing team." in texts(await desk.view(second))[0]
    refund_by_hand(desk)
    await desk.operate(first, "record_resolution", resolution=RESOLUTION)
    await desk.until(first, Status.RESOLVED)
    await desk.eventually(lambda: [case["status"] for case in desk.cases()] == ["done", "open"])
    assert await given_to(desk, await escalated(desk)) == "bob"


async def given_to(desk: Play, handle: object) -> str | None:
    view = await desk.view(handle)  # pyright: ignore[reportArgumentType]
    assert view.escalation is not None
    assert view.escalation.route is not None
    return view.escalation.route.person


async def test_a_ticket_that_is_handed_back_is_nobodys_case(
    open_desk: OpenDesk, policies: Path
) -> None:
    desk = await open_desk(resolver=ScriptedResolver(GIVE_UP, refund("#W1001")), policies=policies)
    handle = await escalated(desk)
    await desk.operate(handle, "hand_back")
    await desk.resolved(handle)
    assert [case["status"] for case in desk.cases()] == ["done"]


async def test_a_case_that_cannot_be_closed_keeps_no_customer_waiting(
    open_desk: OpenDesk, policies: Path
) -> None:
    desk = await open_desk(
        resolver=ScriptedResolver(GIVE_UP), policies=policies, faults="crm.close_escalation=503:1.0"
    )
    handle = await escalated(desk)
    await desk.operate(handle, "record_resolution", resolution={"summary": "called them"})
    assert texts(await desk.until(handle, Status.RESOLVED))[-1] == DONE_BY_PERSON
    await desk.skip(HOUR)
    view = await desk.noted(handle, "case not closed")
    assert view.status is Status.RESOLVED


async def test_a_queue_whose_hours_are_not_known_promises_no_time(
    open_desk: OpenDesk, policies: Path
) -> None:
    classifier = ScriptedClassifier(by_word={"human": "speak_to_person"})
    desk = await open_desk(
        resolver=ScriptedResolver(GIVE_UP), classifier=classifier, policies=policies
    )
    view = await desk.view(await escalated(desk, "Let me speak to a human."))
    assert "with our care team. You will hear from them here. You do" in texts(view)[0]
    assert view.commitments == ()


async def test_a_case_found_again_stays_where_it_was_put(
    open_desk: OpenDesk, policies: Path
) -> None:
    """The first call's answer is lost; the second must not give it to somebody else."""
    desk = await open_desk(
        resolver=ScriptedResolver(GIVE_UP),
        policies=policies,
        faults="crm.create_escalation=timeout_after:x1",
    )
    handle = await escalated(desk)
    [case] = desk.cases()
    assert (case["person"], await given_to(desk, handle)) == ("bob", "bob")


async def test_a_case_that_was_refused_is_tried_again_with_the_reminder(
    open_desk: OpenDesk, policies: Path
) -> None:
    desk = await open_desk(
        resolver=ScriptedResolver(GIVE_UP),
        policies=policies,
        faults="crm.create_escalation=refuse:x2",
    )
    handle = await escalated(desk)
    assert desk.cases() == []
    await desk.noted(handle, "reminded", step=HOUR)
    assert desk.cases() == []
    await desk.noted(handle, "routed", step=HOUR)
    assert [case["person"] for case in desk.cases()] == ["bob"]
    assert await given_to(desk, handle) == "bob"


async def test_without_routing_a_ticket_goes_to_the_one_queue(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(GIVE_UP))
    view = await desk.view(await escalated(desk))
    assert view.escalation is not None
    assert (view.escalation.queue, view.escalation.route) == ("support", None)
    assert texts(view) == [HANDED_OVER]
    assert "routed" not in {event.kind for event in desk.services.records.events("default")}


async def test_what_is_not_known_is_an_outcome(open_desk: OpenDesk) -> None:
    draft = EscalationDraft(reason="knowledge_gap", summary="Nothing says how to clean it.")
    desk = await open_desk(resolver=ScriptedResolver(Proposal(escalation=draft)))
    handle = await desk.open("How do I clean the mug?", email=NORA)
    await desk.until(handle, Status.ESCALATED)
    await desk.noted(handle, "replied")
    [gap] = desk.events(handle, "knowledge_gap")
    assert gap.data == {
        "intent": "refund_request",
        "missing": "Nothing says how to clean it.",
    }
