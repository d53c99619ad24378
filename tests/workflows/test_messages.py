"""Messages that come at any moment: absorbed, never lost, never answered twice."""

import asyncio

import pytest

from closeloop.models.approval import CustomerMessage
from closeloop.models.proposal import Proposal, ProposeRequest
from closeloop.models.ticket import Status
from tests.support.desk import Handle
from tests.support.scripted import ScriptedClassifier, ScriptedResolver, answer, question, refund
from tests.workflows.cases import two_mugs
from tests.workflows.held import Held, HeldClassifier, HeldResolver
from tests.workflows.play import NORA, YUKI, OpenDesk, Play, action, texts


def echo(request: ProposeRequest) -> Proposal:
    """Answer with everything the customer wrote since our last word."""
    words: list[str] = []
    for message in request.conversation:
        words = [*words, message.text] if message.sender == "customer" else []
    return answer(" | ".join(words))


async def one_answer_to(desk: Play, handle: Handle, *words: str) -> None:
    view = await desk.resolved(handle)
    assert texts(view) == [" | ".join(words)]
    assert all(message.handled for message in view.messages)
    assert len(desk.sent(handle)) == 1


async def test_while_the_ticket_is_read(open_desk: OpenDesk) -> None:
    classifier = HeldClassifier(ScriptedClassifier())
    desk = await open_desk(resolver=ScriptedResolver(echo), classifier=classifier)
    handle = await desk.open("one", email=NORA)
    await classifier.held.reached()
    await desk.say(handle, "two")
    classifier.held.let_go()
    await one_answer_to(desk, handle, "one", "two")


async def test_while_the_agent_thinks(open_desk: OpenDesk) -> None:
    resolver = HeldResolver(ScriptedResolver(echo))
    desk = await open_desk(resolver=resolver)
    handle = await desk.open("one", email=NORA)
    await resolver.held.reached()
    await desk.say(handle, "two")
    await desk.say(handle, "three")
    resolver.held.let_go()
    await one_answer_to(desk, handle, "one", "two", "three")


async def test_while_a_write_runs_the_next_one_waits_for_what_it_says(open_desk: OpenDesk) -> None:
    held = Held("payments.refund")
    steps = two_mugs()
    resolver = ScriptedResolver(steps.propose, answer("Then only one of them."))
    desk = await open_desk(resolver=resolver, held=held)
    handle = await desk.open("Refund both mugs on #W1020.", email=YUKI)
    await held.reached()
    await desk.say(handle, "No, wait: I keep the second one!")
    held.let_go()
    view = await desk.resolved(handle)
    assert [a.state for a in view.actions] == ["verified", "skipped"]
    assert len(desk.refunds("#W1020")) == 1
    assert [r.action.action_id for r in resolver.requests[1].done] == ["p1-a1"]
    assert texts(view) == ["Then only one of them."]


async def test_a_person_is_asked_for_while_a_write_runs(open_desk: OpenDesk) -> None:
    held = Held("payments.refund")
    classifier = ScriptedClassifier(by_word={"human": "speak_to_person"})
    desk = await open_desk(resolver=two_mugs(), classifier=classifier, held=held)
    handle = await desk.open("Refund both mugs on #W1020.", email=YUKI)
    await held.reached()
    await desk.say(handle, "Stop! I want to speak to a human.")
    held.let_go()
    view = await desk.until(handle, Status.ESCALATED)
    assert view.escalation is not None
    assert view.escalation.reason == "customer_asked"
    assert [a.state for a in view.actions] == ["verified", "skipped"]
    assert len(desk.refunds("#W1020")) == 1


async def test_while_the_reply_leaves_it_is_answered_next(open_desk: OpenDesk) -> None:
    held = Held("outbox.send")
    desk = await open_desk(resolver=ScriptedResolver(echo), held=held)
    handle = await desk.open("one", email=NORA)
    await held.reached()
    await desk.say(handle, "What about my other order?")
    held.let_go()
    await desk.eventually(lambda: len(desk.sent(handle)) == 2)
    view = await desk.resolved(handle)
    assert texts(view) == ["one", "What about my other order?"]


async def test_while_the_ticket_closes_it_is_opened_again(open_desk: OpenDesk) -> None:
    held = Held("crm.add_note")
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1001"), echo), held=held)
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    await desk.resolved(handle)
    result = asyncio.create_task(handle.result())
    await held.reached()
    await desk.say(handle, "And when do you open?")
    held.let_go()
    outcome = await result
    assert [m.text for m in desk.sent(handle)][-1] == "And when do you open?"
    assert len(desk.sent(handle)) == 2
    assert outcome.closure == "verified_quiet"
    assert len(desk.events(handle, "reopened")) == 1
    assert len(desk.closing_notes()) == 2
    assert len(desk.refunds("#W1001")) == 1
    assert desk.recorded(handle).status is Status.CLOSED


async def test_the_same_message_twice_gets_the_same_receipt(open_desk: OpenDesk) -> None:
    resolver = ScriptedResolver(question(), echo)
    desk = await open_desk(resolver=resolver)
    handle = await desk.open("one", email=NORA)
    await desk.until(handle, Status.AWAITING_CUSTOMER)
    first = await desk.say(handle, "two", message_id="<a@mail>")
    assert await desk.say(handle, "two", message_id="<a@mail>") == first
    await handle.signal("customer_message", CustomerMessage(message_id="<a@mail>", text="two"))
    view = await desk.resolved(handle)
    assert await desk.say(handle, "two", message_id="<a@mail>") == first
    assert texts(view, "customer") == ["one", "two"]
    assert len(desk.sent(handle)) == 2
    assert len(resolver.requests) == 2


async def test_a_message_by_signal(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(question(), echo))
    handle = await desk.open("one", email=NORA)
    await desk.until(handle, Status.AWAITING_CUSTOMER)
    await handle.signal("customer_message", CustomerMessage(message_id="m1", text="two"))
    view = await desk.resolved(handle)
    assert texts(view)[-1] == "two"


@pytest.mark.parametrize("message_id", ["m0", "0", "r1", "opening"])
async def test_no_id_that_a_caller_may_choose_means_another_message(
    open_desk: OpenDesk, message_id: str
) -> None:
    classifier = HeldClassifier(ScriptedClassifier())
    desk = await open_desk(resolver=ScriptedResolver(echo), classifier=classifier)
    handle = await desk.open("one", email=NORA)
    await classifier.held.reached()
    await desk.say(handle, "two", message_id=message_id)
    classifier.held.let_go()
    await one_answer_to(desk, handle, "one", "two")


async def test_many_at_once_get_one_answer_that_heard_them_all(open_desk: OpenDesk) -> None:
    resolver = HeldResolver(ScriptedResolver(echo))
    desk = await open_desk(resolver=resolver)
    handle = await desk.open("0", email=NORA)
    await resolver.held.reached()
    words = [f"{n}" for n in range(1, 31)]
    await asyncio.gather(*(desk.say(handle, word) for word in words))
    resolver.held.let_go()
    view = await desk.resolved(handle)
    assert len(desk.sent(handle)) == 1
    [said] = texts(view)
    assert sorted(said.split(" | "), key=int) == ["0", *words]


async def test_another_wish_after_the_resolution(open_desk: OpenDesk) -> None:
    desk = await open_desk(
        resolver=ScriptedResolver(refund("#W1001"), answer("Thank you for asking."))
    )
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    await desk.resolved(handle)
    await desk.say(handle, "When do you open again?")
    await desk.noted(handle, "resolved", times=2)
    view = await desk.resolved(handle)
    assert texts(view)[-1] == "Thank you for asking."
    assert desk.events(handle, "reopened") == []
    assert len(desk.refunds("#W1001")) == 1
    assert (await handle.result()).closure == "verified_quiet"


async def test_still_broken_reopens_and_is_resolved(open_desk: OpenDesk) -> None:
    resolver = ScriptedResolver(answer("Turn it off and on."), refund("#W1001"))
    desk = await open_desk(resolver=resolver)
    handle = await desk.open("My mug #W1001 is broken, refund it", email=NORA)
    await desk.resolved(handle)
    await desk.say(handle, "It is still broken!")
    await desk.noted(handle, "resolved", times=2)
    view = await desk.resolved(handle)
    assert action(view).state == "verified"
    assert len(desk.refunds("#W1001")) == 1
    await handle.result()
    assert desk.kinds(handle).count("reopened") == 1
    assert desk.kinds(handle).count("resolved") == 2
    assert desk.kinds(handle).count("first_response") == 1


async def test_still_broken_takes_a_yes_back(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(answer("Try again.")))
    handle = await desk.open("It does not work", email=NORA)
    await desk.resolved(handle)
    await desk.say(handle, "Yes, that works, thanks!")
    await desk.noted(handle, "confirmed")
    await desk.say(handle, "Sorry, it is still broken.")
    await desk.noted(handle, "resolved", times=2)
    await desk.resolved(handle)
    assert (await handle.result()).closure == "unconfirmed"


async def test_a_yes_counts_once(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(answer("Try again.")))
    handle = await desk.open("It does not work", email=NORA)
    await desk.resolved(handle)
    for _ in range(2):
        await desk.say(handle, "Yes, solved, thank you! 4/5")
    assert (await handle.result()).closure == "confirmed"
    assert desk.kinds(handle).count("confirmed") == 1
    assert [e.data["score"] for e in desk.events(handle, "csat")] == [4]


async def test_still_broken_again_and_again_ends_with_a_person(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(answer("We understand.")))
    handle = await desk.open("My mug is broken", email=NORA)
    for times in range(1, 4):
        await desk.noted(handle, "resolved", times=times)
        await desk.say(handle, f"Still broken, {times} times now")
    view = await desk.until(handle, Status.ESCALATED)
    assert view.escalation is not None
    assert view.escalation.reason == "still_broken"
    await desk.eventually(lambda: desk.kinds(handle).count("reopened") == 3)
    assert texts(view)[:3] == ["We understand."] * 3
