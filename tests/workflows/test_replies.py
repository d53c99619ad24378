"""What a reply claims is held against receipts, passages and records before a customer reads it."""

import pytest

from closeloop.models.approval import CustomerMessage, UpdateReceipt
from closeloop.models.proposal import Draft, Proposal
from closeloop.models.ticket import Assurance, Status
from tests.support.desk import ROOT
from tests.support.plain import EchoResolver
from tests.support.scripted import ScriptedResolver, answer, question, refund
from tests.workflows.cases import GIVE_UP
from tests.workflows.play import NORA, SAMUEL, OpenDesk, Refusal, texts
from workflows.replies import UNGROUNDED

WRONG = answer("We have refunded your order, and $99.00 is on its way.")
MOST_BYTES = 1_550_000
"""What the history of a ticket with 60 messages may take."""


async def test_an_ungrounded_reply_is_sent_back_once_with_the_reasons(open_desk: OpenDesk) -> None:
    resolver = ScriptedResolver(WRONG, question())
    desk = await open_desk(resolver=resolver)
    handle = await desk.open("Please refund my mug.", email=NORA)
    view = await desk.until(handle, Status.AWAITING_CUSTOMER)
    assert texts(view) == ["Which order do you mean?"]
    assert view.mode == "autonomous"
    [told] = resolver.requests[1].observations
    assert told.code == UNGROUNDED
    assert "We have refunded" in told.message
    assert "$99.00" in told.message


async def test_a_second_ungrounded_reply_goes_to_a_person_with_the_reasons(
    open_desk: OpenDesk,
) -> None:
    desk = await open_desk(resolver=ScriptedResolver(WRONG))
    handle = await desk.open("Please refund my mug.", email=NORA)
    pending = await desk.asked(handle)
    assert "We have refunded" in " ".join(pending.reasons)
    assert desk.sent(handle) == ()
    with pytest.raises(Refusal) as refused:
        await desk.decide(handle, "alice", approve=True)
    assert refused.value.code == "no_receipt"
    edit = {"reply": "We are looking for your order."}
    await desk.decide(handle, "alice", approve=True, edit=edit)
    assert texts(await desk.resolved(handle)) == ["We are looking for your order."]


async def test_an_answer_on_nothing_is_looked_at_by_a_person(open_desk: OpenDesk) -> None:
    policies = ROOT / "policies"
    desk = await open_desk(resolver=ScriptedResolver(answer()), policies=policies)
    handle = await desk.open("Please refund my mug.", email=NORA)
    pending = await desk.asked(handle)
    assert "reply.evidence" in " ".join(pending.reasons)


async def test_an_answer_that_quotes_policy_goes_out_by_itself(open_desk: OpenDesk) -> None:
    text = "What counts is the day you write to us."
    desk = await open_desk(resolver=ScriptedResolver(answer(text)), policies=ROOT / "policies")
    handle = await desk.open("Where does the money of a refund go?", email=NORA)
    view = await desk.resolved(handle)
    assert [text in said for said in texts(view)] == [True]
    assert view.mode == "autonomous"


async def test_a_passage_that_was_never_retrieved_cannot_be_cited(open_desk: OpenDesk) -> None:
    made_up = Proposal(reply=Draft(text="Here is your answer.", cites=("nowhere#1",)))
    resolver = ScriptedResolver(made_up, question())
    desk = await open_desk(resolver=resolver)
    handle = await desk.open("Please refund my mug.", email=NORA)
    await desk.until(handle, Status.AWAITING_CUSTOMER)
    [told] = resolver.requests[1].observations
    assert "nowhere#1" in told.message


async def test_an_approvers_words_claim_no_effect_that_nothing_makes(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1005")))
    handle = await desk.open("Please refund order #W1005, the speaker.", email=SAMUEL)
    await desk.asked(handle)
    edit = {"reply": "We have cancelled your order; you get {{1.amount}} back."}
    with pytest.raises(Refusal) as refused:
        await desk.decide(handle, "alice", approve=True, edit=edit)
    assert refused.value.code == "bad_edit"
    assert "We have cancelled" in str(refused.value)
    edit = {"reply": "We have refunded {{1.amount}}; call me if anything is odd."}
    await desk.decide(handle, "alice", approve=True, edit=edit)
    [text] = texts(await desk.resolved(handle))
    assert text.startswith("We have refunded $")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("You are like our customer Theo Marchetti.", "Theo Marchetti"),
        ("It is like order #W111002.", "#W111002"),
        ("It is like order #W1002.", "#W1002"),
        ("Theo (theo.marchetti@example.com) had the same.", "theo.marchetti@example.com"),
        ("It was refunded by bank transfer.", "by bank transfer"),
        ("Carol will ring you at five today.", "leave it out"),
    ],
)
async def test_an_approvers_words_name_nobody_else_and_promise_nothing_untyped(
    open_desk: OpenDesk, words: str, told: str
) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1005")))
    handle = await desk.open("Please refund order #W1005, the speaker.", email=SAMUEL)
    await desk.asked(handle)
    edit = {"reply": f"Hello Samuel, you get {{{{1.amount}}}} back. {words}"}
    with pytest.raises(Refusal) as refused:
        await desk.decide(handle, "alice", approve=True, edit=edit)
    assert refused.value.code == "bad_edit"
    assert told in str(refused.value)
    assert desk.sent(handle) == ()
    edit = {"reply": "Hello Samuel, you get {{1.amount}} back for #W1005. Alice"}
    await desk.decide(handle, "alice", approve=True, edit=edit)
    [text] = texts(await desk.resolved(handle))
    assert text.startswith("Hello Samuel, you get $")


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        ("Hello Samuel Reyes, order #W1005 is with us. Bob Hartmann", True),
        ("Hello, order #W1002 is with us.", False),
        ("Hello, Theo Marchetti has it.", False),
        ("Hello, I will call you tomorrow at five.", True),
    ],
)
async def test_a_person_may_know_a_customer_whom_the_channel_does_not(
    open_desk: OpenDesk, words: str, *, sent: bool
) -> None:
    desk = await open_desk(resolver=ScriptedResolver(GIVE_UP))
    handle = await desk.open("My speaker is dead.", email=SAMUEL, assurance=Assurance.NONE)
    await desk.until(handle, Status.ESCALATED)
    resolution = {"summary": "known by telephone", "reply": words}
    if sent:
        await desk.operate(handle, "record_resolution", resolution=resolution)
        assert texts(await desk.until(handle, Status.RESOLVED))[-1] == words
        return
    with pytest.raises(Refusal) as refused:
        await desk.operate(handle, "record_resolution", resolution=resolution)
    assert refused.value.code == "no_receipt"


async def test_a_persons_reply_tells_only_of_effects_that_were_read_back(
    open_desk: OpenDesk,
) -> None:
    desk = await open_desk(resolver=ScriptedResolver(GIVE_UP))
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    await desk.until(handle, Status.ESCALATED)
    resolution = {"summary": "done by hand", "reply": "I have refunded it myself."}
    with pytest.raises(Refusal) as refused:
        await desk.operate(handle, "record_resolution", resolution=resolution)
    assert refused.value.code == "no_receipt"
    resolution = {"summary": "done by hand", "reply": "I have called you about it."}
    await desk.operate(handle, "record_resolution", resolution=resolution)
    view = await desk.until(handle, Status.RESOLVED)
    assert texts(view)[-1] == "I have called you about it."


async def test_a_ticket_of_sixty_messages_has_a_small_history(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=EchoResolver())
    words = "The lamp on order #W1001 flickers when it is dimmed. " * 18
    handle = await desk.open(words, email=NORA)
    for number in range(1, 60):
        await desk.until(handle, Status.AWAITING_CUSTOMER)
        message = CustomerMessage(message_id=f"m{number}", text=f"{number}: {words}")
        await handle.execute_update("add_message", message, result_type=UpdateReceipt)
        await desk.eventually(lambda sent=number: len(desk.sent(handle)) > sent)
    size = sum([event.ByteSize() async for event in handle.fetch_history_events()])
    assert len(desk.sent(handle)) == 60
    assert size < MOST_BYTES
