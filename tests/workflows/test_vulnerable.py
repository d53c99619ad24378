"""Customers who have lost somebody, are ill, in distress, or as angry as before after an answer."""

import pytest

from closeloop.models.ticket import Assurance, Mode, Status
from closeloop.models.triage import PERSON_INTENT, Sentiment
from tests.support.scripted import ScriptedClassifier, ScriptedResolver, answer, question, refund
from tests.workflows.play import NORA, OpenDesk, texts


@pytest.mark.parametrize("topic", ["bereavement", "illness"])
async def test_a_person_reads_what_the_vulnerable_are_sent(open_desk: OpenDesk, topic: str) -> None:
    desk = await open_desk(
        resolver=ScriptedResolver(refund("#W1001")), classifier=ScriptedClassifier(topics=(topic,))
    )
    handle = await desk.open("Please refund order #W1001, all of it.", email=NORA)
    pending = await desk.asked(handle)
    assert pending.reasons[0].endswith(f"[topic.{topic}]"), "why a person looks"
    assert (await desk.view(handle)).messages[1:] == (), "nothing was sent before"
    assert desk.refunds("#W1001") == ()
    await desk.decide(handle, "alice", approve=True)
    view = await desk.resolved(handle)
    assert view.mode is Mode.ASSISTED
    assert len(texts(view)) == 1
    [left] = desk.events(handle, "left_autonomous")
    assert left.data["reason"] == f"topic.{topic}"


async def test_a_mere_answer_waits_for_a_person_too(open_desk: OpenDesk) -> None:
    desk = await open_desk(
        resolver=ScriptedResolver(answer("Yes, it is.")),
        classifier=ScriptedClassifier("product_question", topics=("bereavement",)),
    )
    handle = await desk.open("Is the mug oat? It was my mother's.", email=NORA)
    pending = await desk.asked(handle)
    assert (await desk.view(handle)).actions == ()
    assert any("topic.bereavement" in reason for reason in pending.reasons)


async def test_nobody_in_distress_is_asked_for_a_code_first(open_desk: OpenDesk) -> None:
    who = question("Who are you?").model_copy(update={"asks_identity": True})
    desk = await open_desk(
        resolver=ScriptedResolver(who), classifier=ScriptedClassifier(topics=("distress",))
    )
    handle = await desk.open("Refund #W1001.", email=NORA, assurance=Assurance.NONE)
    view = await desk.until(handle, Status.ESCALATED, Status.AWAITING_CUSTOMER)
    assert view.escalation is not None
    assert view.escalation.reason == "topic.distress"


async def test_distress_in_a_message_to_people_is_told_at_once(open_desk: OpenDesk) -> None:
    desk = await open_desk(
        resolver=ScriptedResolver(answer()),
        classifier=ScriptedClassifier(PERSON_INTENT, topics_by_word={"live": "distress"}),
    )
    handle = await desk.open("Let me speak to a human.", email=NORA)
    await desk.until(handle, Status.ESCALATED)
    await desk.noted(handle, "replied")
    await desk.say(handle, "When do you write?")
    await desk.noted(handle, "forwarded")
    assert "new topics" not in [line.what for line in await desk.timeline(handle)]
    await desk.say(handle, "I do not want to live.")
    await desk.noted(handle, "new topics")
    await desk.noted(handle, "forwarded", times=2)
    view = await desk.view(handle)
    assert view.classification is not None
    assert view.classification.topics == ("distress",)
    assert any("distress" in alert for alert in desk.alerts(handle))


async def test_the_bereaved_prove_who_they_are_as_everybody(open_desk: OpenDesk) -> None:
    who = question("Who are you?").model_copy(update={"asks_identity": True})
    desk = await open_desk(
        resolver=ScriptedResolver(who), classifier=ScriptedClassifier(topics=("bereavement",))
    )
    handle = await desk.open("Refund #W1001.", email=NORA, assurance=Assurance.NONE)
    view = await desk.until(handle, Status.AWAITING_CUSTOMER, Status.AWAITING_APPROVAL)
    assert view.status is Status.AWAITING_CUSTOMER
    assert "code" in texts(view)[-1]


@pytest.mark.parametrize(("sentiment", "asks"), [("very_negative", True), ("negative", False)])
async def test_as_angry_after_an_answer_a_person_reads_the_next(
    open_desk: OpenDesk, sentiment: Sentiment, asks: bool
) -> None:
    desk = await open_desk(
        resolver=ScriptedResolver(refund("#W1001"), question()),
        classifier=ScriptedClassifier(sentiment=sentiment),
    )
    handle = await desk.open("Refund order #W1001, all of it, you crooks.", email=NORA)
    view = await desk.resolved(handle)
    assert view.mode is Mode.AUTONOMOUS, "the first answer needs nobody"
    await desk.say(handle, "That does not help at all, it is still not solved.")
    if asks:
        pending = await desk.asked(handle)
        assert any("sentiment.again" in reason for reason in pending.reasons)
    else:
        await desk.until(handle, Status.AWAITING_CUSTOMER)
