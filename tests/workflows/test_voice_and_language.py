"""Messages leave in the desk's voice; a language that is not served goes to a person."""

import dataclasses
from pathlib import Path

import pytest
from temporalio.testing import WorkflowEnvironment

from closeloop.bootstrap import running_workers
from closeloop.models.proposal import Draft, Proposal
from closeloop.models.ticket import Status
from closeloop.offline.language import OfflineLanguages
from tests.support.desk import build_services, canned_policies
from tests.support.scripted import ScriptedClassifier, ScriptedResolver, question, refund
from tests.workflows.play import NORA, SAMUEL, OpenDesk, Play, Refusal, texts

VOICE = """
languages = ["en"]
greeting = "Good day {name},"
sign_off = "Your desk"
disclosure = "A computer wrote this."
forbidden = ["per our policy"]
"""
AROUND = "Good day Nora,\n\n{}\n\nYour desk\n\nA computer wrote this."


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    """The policies of canned answers, with a voice."""
    folder = canned_policies(tmp_path)
    (folder / "voice.toml").write_text(VOICE)
    return folder


async def test_every_message_of_an_assistant_is_in_the_voice(
    open_desk: OpenDesk, policies: Path
) -> None:
    resolver = ScriptedResolver(question("Hi there,\n\nWhich order?\n\nRegards"), refund("#W1001"))
    desk = await open_desk(resolver=resolver, policies=policies)
    handle = await desk.open("I want my money back.", email=NORA)
    await desk.until(handle, Status.AWAITING_CUSTOMER)
    await desk.say(handle, "Refund order #W1001, all of it.")
    view = await desk.resolved(handle)
    said = [AROUND.format("Which order?"), AROUND.format("You get $24.90 back.")]
    assert texts(view) == said
    assert [m.text for m in desk.sent(handle)] == said


async def test_a_draft_with_forbidden_words_goes_back_once_then_to_a_person(
    open_desk: OpenDesk, policies: Path
) -> None:
    rude = question("Per our policy, which order do you mean?")
    resolver = ScriptedResolver(rude, rude)
    desk = await open_desk(resolver=resolver, policies=policies)
    handle = await desk.open("I want my money back.", email=NORA)
    pending = await desk.asked(handle)
    assert "per our policy" in resolver.requests[1].observations[0].message
    assert any("the desk does not say this" in reason for reason in pending.reasons)
    assert desk.sent(handle) == ()
    await desk.decide(handle, "bob", approve=False, reason="tone")
    await desk.until(handle, Status.ESCALATED, Status.AWAITING_APPROVAL)


async def test_a_draft_that_tells_a_limit_goes_back(open_desk: OpenDesk, policies: Path) -> None:
    leak = Proposal(reply=Draft(text="Only refunds above $50.00 need approval. Which order?"))
    leak = leak.model_copy(update={"asks_customer": True})
    resolver = ScriptedResolver(leak, question())
    desk = await open_desk(resolver=resolver, policies=policies)
    handle = await desk.open("I want my money back.", email=NORA)
    await desk.until(handle, Status.AWAITING_CUSTOMER)
    assert "no customer hears of our limits" in resolver.requests[1].observations[0].message
    assert "$50" not in desk.sent(handle)[0].text


async def test_what_a_person_writes_stays_as_it_is_but_for_forbidden_words(
    open_desk: OpenDesk, policies: Path
) -> None:
    classifier = ScriptedClassifier(by_word={"human": "speak_to_person"})
    desk = await open_desk(
        resolver=ScriptedResolver(question()), classifier=classifier, policies=policies
    )
    handle = await desk.open("A human, please.", email=NORA)
    await desk.until(handle, Status.ESCALATED)
    await desk.noted(handle, "replied")
    rude = {"summary": "told them", "reply": "That is per our policy."}
    with pytest.raises(Refusal, match="the desk does not say this"):
        await desk.operate(handle, "record_resolution", resolution=rude)
    kind = {"summary": "told them", "reply": "Bob here: all is well."}
    await desk.operate(handle, "record_resolution", resolution=kind)
    await desk.until(handle, Status.RESOLVED)
    assert desk.sent(handle)[-1].text == "Bob here: all is well."


async def test_a_draft_that_an_approver_rewrote_goes_as_they_wrote_it(
    open_desk: OpenDesk, policies: Path
) -> None:
    resolver = ScriptedResolver(refund("#W1005"))
    desk = await open_desk(resolver=resolver, policies=policies)
    handle = await desk.open("Refund order #W1005, it does not work.", email=SAMUEL)
    await desk.asked(handle)
    edit = {"reply": "Hello Samuel, sorry for that! You get {{1.amount}} back. Alice"}
    await desk.decide(handle, "alice", approve=True, edit=edit)
    view = await desk.resolved(handle)
    assert texts(view) == ["Hello Samuel, sorry for that! You get $145.50 back. Alice"]


async def test_an_edit_that_leaves_the_words_as_they_are_keeps_the_voice(
    open_desk: OpenDesk, policies: Path
) -> None:
    draft = refund("#W1005", text="You get {{1.amount}} back.")
    desk = await open_desk(resolver=ScriptedResolver(draft), policies=policies)
    handle = await desk.open("Refund order #W1005, it does not work.", email=SAMUEL)
    await desk.asked(handle)
    edit = {"reply": "You get {{1.amount}} back."}
    await desk.decide(handle, "alice", approve=True, edit=edit)
    [text] = texts(await desk.resolved(handle))
    assert text.startswith("Good day Samuel,")
    assert text.endswith("A computer wrote this.")


async def test_a_language_that_is_not_served_goes_to_a_person_and_nothing_is_done(
    skipping: WorkflowEnvironment, tmp_path: Path, policies: Path
) -> None:
    resolver = ScriptedResolver(refund("#W1001"))
    services = build_services(tmp_path, resolver=resolver, policies=policies)
    services = dataclasses.replace(services, languages=OfflineLanguages())
    async with running_workers(skipping.client, services):
        desk = Play(skipping, services)
        handle = await desk.open("Bitte erstatten Sie mir die Bestellung #W1001.", email=NORA)
        view = await desk.until(handle, Status.ESCALATED)
        assert view.escalation is not None
        assert view.escalation.reason == "language_not_served"
        assert view.classification is not None
        assert view.classification.language == "de"
        await desk.noted(handle, "replied")
        assert resolver.requests == []
        assert desk.refunds("#W1001") == ()
        await desk.end()
    services.engine.dispose()
    services.backends.close()


async def test_a_ticket_that_comes_back_for_the_same_reason_stays_with_a_person(
    open_desk: OpenDesk,
) -> None:
    classifier = ScriptedClassifier(by_word={"human": "speak_to_person"})
    desk = await open_desk(resolver=ScriptedResolver(question()), classifier=classifier)
    handle = await desk.open("A human, please.", email=NORA)
    for number in (1, 2):
        await desk.until(handle, Status.ESCALATED)
        await desk.noted(handle, "escalated", times=number)
        await desk.noted(handle, "replied", times=number)
        if number == 1:
            await desk.operate(handle, "hand_back")
    with pytest.raises(Refusal, match="stays_with_people"):
        await desk.operate(handle, "hand_back")
    await desk.operate(handle, "record_resolution", resolution={"summary": "spoke to them"})
    await desk.until(handle, Status.RESOLVED)


async def test_a_person_may_take_over_and_hand_back_as_often_as_they_like(
    open_desk: OpenDesk,
) -> None:
    desk = await open_desk(resolver=ScriptedResolver(question()))
    handle = await desk.open("I want my money back.", email=NORA)
    for number in (1, 2):
        await desk.until(handle, Status.AWAITING_CUSTOMER)
        await desk.operate(handle, "take_over")
        await desk.until(handle, Status.ESCALATED)
        await desk.noted(handle, "replied", times=2 * number)
        await desk.operate(handle, "hand_back")
    await desk.until(handle, Status.AWAITING_CUSTOMER)
