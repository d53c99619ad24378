"""The plain ways of a ticket: answered, refunded, asked back; confirmed, quiet, or unanswered."""

from closeloop.models.ticket import Status
from tests.support.scripted import ScriptedResolver, answer, question, refund
from tests.workflows.play import DAY, NORA, OpenDesk, action, texts


async def test_a_refund_the_customer_confirms(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1001")))
    handle = await desk.open("Please refund order #W1001, the mug.", email=NORA)
    view = await desk.resolved(handle)
    assert action(view).state == "verified"
    assert action(view).attempts == 1
    receipt = await desk.say(handle, "Yes, thank you! 5/5")
    assert (receipt.accepted, receipt.status) == (True, Status.RESOLVED)
    outcome = await handle.result()
    assert outcome.closure == "confirmed"
    assert [money.amount_minor for money in outcome.refunded] == [2490]
    [back] = desk.refunds("#W1001")
    assert back.amount.amount_minor == 2490
    [reply] = desk.sent(handle)
    assert reply.to == NORA
    assert "$24.90" in reply.text
    assert desk.kinds(handle) == [
        "ticket_opened",
        "classified",
        "judged",
        "action_verified",
        "first_response",
        "resolved",
        "csat",
        "confirmed",
        "closed",
    ]
    [closed] = desk.events(handle, "closed")
    assert closed.data["closure"] == "confirmed"
    assert closed.data["autonomous"] is True
    assert desk.recorded(handle).status is Status.CLOSED
    assert desk.waiting() == ()
    [note] = desk.closing_notes()
    assert "$24.90 refunded for order #W1001" in note


async def test_no_word_after_an_effect_is_verified_quiet(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1001")))
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    await desk.resolved(handle)
    outcome = await handle.result()
    assert outcome.closure == "verified_quiet"
    assert len(desk.sent(handle)) == 1


async def test_no_word_after_a_mere_answer_proves_nothing(open_desk: OpenDesk) -> None:
    hours = "Our team works Monday to Friday from 8 am to 6 pm."
    desk = await open_desk(resolver=ScriptedResolver(answer(hours)))
    handle = await desk.open("What are your opening hours?", email=NORA)
    view = await desk.resolved(handle)
    assert texts(view) == [hours]
    outcome = await handle.result()
    assert outcome.closure == "unconfirmed"
    assert outcome.actions_verified == 0
    [closed] = desk.events(handle, "closed")
    assert closed.data["closure"] == "unconfirmed"


async def test_a_question_its_answer_and_the_solution(open_desk: OpenDesk) -> None:
    resolver = ScriptedResolver(question("Which order do you mean?"), refund("#W1001"))
    desk = await open_desk(resolver=resolver)
    handle = await desk.open("Please refund my order.", email=NORA)
    view = await desk.until(handle, Status.AWAITING_CUSTOMER)
    assert view.closure is None
    assert view.waiting_until is not None
    assert "resolved" not in desk.kinds(handle)
    await desk.say(handle, "Order #W1001, refund it please.")
    view = await desk.resolved(handle)
    assert action(view).state == "verified"
    assert len(desk.sent(handle)) == 2
    assert len(desk.refunds("#W1001")) == 1
    assert [m.text for m in resolver.requests[1].conversation] == [
        "Please refund my order.",
        "Which order do you mean?",
        "Order #W1001, refund it please.",
    ]


async def test_a_question_nobody_answers_closes_unconfirmed(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(question()))
    handle = await desk.open("Please refund my order.", email=NORA)
    await desk.until(handle, Status.AWAITING_CUSTOMER)
    await desk.skip(6 * DAY)
    assert (await desk.view(handle)).status is Status.AWAITING_CUSTOMER
    outcome = await handle.result()
    assert outcome.closure == "unconfirmed"
    assert desk.kinds(handle)[-1] == "closed"
    assert "resolved" not in desk.kinds(handle)


async def test_a_ticket_stays_resolved_until_the_reopen_window_ends(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1001")))
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    await desk.resolved(handle)
    await desk.say(handle, "yes, thanks")
    await desk.skip(6 * DAY)
    view = await desk.view(handle)
    assert (view.status, view.closure) == (Status.RESOLVED, None)
    assert "closed" not in desk.kinds(handle)
    await desk.skip(2 * DAY)
    assert (await handle.result()).closure == "confirmed"
