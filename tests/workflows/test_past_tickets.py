"""What people approved and systems confirmed becomes an example, with nobody's data in it."""

from closeloop.models.knowledge import PAST_TICKETS, Passage
from tests.support.scripted import ScriptedResolver, answer, refund
from tests.workflows.play import HOUR, NORA, SAMUEL, OpenDesk, Play

WORDS = (
    "Please refund all of order #W1005, $145.50. I am Samuel Reyes, samuel.reyes@example.com, call"
    " me at +1 555 010 9988."
)


def kept(desk: Play) -> tuple[Passage, ...]:
    store = desk.services.knowledge
    ids = [d.document_id for d in store.documents("default") if d.source == PAST_TICKETS]
    return store.get("default", ids)


async def test_an_approved_resolution_becomes_a_past_ticket(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1005")))
    handle = await desk.open(WORDS, email=SAMUEL, ticket_id="approved")
    await desk.asked(handle)
    await desk.decide(handle, "bob", approve=True)
    await desk.resolved(handle)
    assert kept(desk) == ()
    await desk.say(handle, "Yes, thank you!")
    assert (await handle.result()).closure == "confirmed"
    [passage] = kept(desk)
    assert (passage.passage_id, passage.kind) == ("past-approved", "past_ticket")
    assert "Please refund all of order [order], [amount]" in passage.text
    assert "Done: refund payment" in passage.text
    for personal in ("Samuel", "Reyes", "samuel.reyes", "555", "W1005", "145"):
        assert personal not in passage.text
    found = desk.services.knowledge.search(
        "default", "refund all of my order", limit=5, kinds=("past_ticket",)
    )
    assert [p.passage_id for p in found] == ["past-approved"]


async def test_what_a_person_did_and_recorded_is_one_too(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1005")))
    handle = await desk.open("Please refund order #W1005.", email=SAMUEL, ticket_id="by-hand")
    await desk.asked(handle)
    await desk.skip(25 * HOUR)
    await desk.noted(handle, "escalated")
    total = desk.services.backends.payments.list_payments("default", "#W1005")[0].amount
    desk.services.backends.payments.refund("default", "by-hand", "#W1005", total)
    resolution = {
        "summary": "refunded",
        "effects": [{"kind": "refund_payment", "params": {"order_id": "#W1005"}}],
        "reply": "Dear Samuel, we have sent the money back to your card.",
    }
    await desk.operate(handle, "record_resolution", resolution=resolution)
    await handle.result()
    [passage] = kept(desk)
    assert "Answer: Dear [name], we have sent the money back" in passage.text


async def test_what_no_person_saw_is_none(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1001")))
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    assert (await handle.result()).closure == "verified_quiet"
    assert kept(desk) == ()


async def test_what_was_undone_or_never_done_is_none(open_desk: OpenDesk) -> None:
    desk = await open_desk(
        resolver=ScriptedResolver(refund("#W1005"), answer("It cannot be refunded."))
    )
    handle = await desk.open("Please refund order #W1005.", email=SAMUEL)
    await desk.asked(handle)
    await desk.decide(handle, "bob", approve=False, reason="not_eligible")
    await desk.resolved(handle)
    await handle.result()
    assert kept(desk) == ()
