"""How tickets are played that people have; calls, promises and vulnerable customers among them."""

import pytest

from closeloop.models.ticket import Status
from tests.replay.plays import confirmed_later, phoned, quiet, with_person
from tests.support.desk import Handle
from tests.workflows.play import DAY, HOUR, MINUTE, Play, Refusal


async def bereaved_then_in_distress(desk: Play, handle: Handle) -> None:
    await approved_first(desk, handle, "topic.bereavement")
    await desk.until(handle, Status.RESOLVED)
    await desk.say(handle, "It is still not solved. I can not go on.", "m-1")
    await in_distress(desk, handle)


async def in_distress(desk: Play, handle: Handle) -> None:
    await desk.until(handle, Status.ESCALATED)
    escalation = (await desk.view(handle)).escalation
    assert escalation is not None
    assert escalation.reason == "topic.distress"
    await desk.operate(handle, "record_resolution", resolution={"summary": "called at once"})
    await handle.result()


async def as_angry(desk: Play, handle: Handle) -> None:
    await desk.until(handle, Status.RESOLVED)
    await desk.say(handle, "It is still not solved, you crooks.", "m-1")
    await approved_first(desk, handle, "sentiment.again")
    await desk.until(handle, Status.AWAITING_CUSTOMER)
    await handle.result()


async def approved_first(desk: Play, handle: Handle, rule: str) -> None:
    """Approve what waits for this rule's sake."""
    pending = await desk.asked(handle)
    assert any(rule in reason for reason in pending.reasons)
    await desk.decide(handle, "bob", approve=True)


async def handed_back(desk: Play, handle: Handle) -> None:
    await with_person(desk, handle)
    await desk.say(handle, "It is about order #W1001, refund it please.", "m-1")
    await desk.operate(handle, "hand_back")
    await confirmed_later(desk, handle)


async def routed_twice(desk: Play, handle: Handle) -> None:
    await desk.noted(handle, "replied")
    await desk.operate(handle, "hand_back")
    await desk.noted(handle, "routed", times=2)
    await desk.noted(handle, "replied", times=2)
    await desk.operate(handle, "record_resolution", resolution={"summary": "called them"})
    await confirmed_later(desk, handle)
    assert [case["status"] for case in desk.cases()] == ["done", "done"]


async def called(desk: Play, handle: Handle) -> None:
    await desk.noted(handle, "replied")
    desk.called("reached")
    await desk.hint(handle, "e-1")
    await quiet(desk, handle)


async def not_reached(desk: Play, handle: Handle) -> None:
    for number in (1, 2):
        await desk.noted(handle, "replied", times=number)
        desk.called("not_reached")
        await desk.noted(handle, "callback not reached", times=number, step=10 * MINUTE)
    await ended_by_person(desk, handle)


async def not_called(desk: Play, handle: Handle) -> None:
    await desk.noted(handle, "promise at risk", step=5 * MINUTE)
    await ended_by_person(desk, handle)


async def promise_missed(desk: Play, handle: Handle) -> None:
    await desk.noted(handle, "resolved")
    await desk.say(handle, "And when?", "m-1")
    await desk.noted(handle, "promise kept")
    await desk.noted(handle, "replied", times=2)
    await desk.say(handle, "Let me speak to a human.", "m-2")
    await desk.noted(handle, "promise missed", step=HOUR)
    await ended_by_person(desk, handle)


async def promises_missed(desk: Play, handle: Handle) -> None:
    await desk.noted(handle, "promise missed", times=2, step=HOUR)
    await ended_by_person(desk, handle)


async def case_later(desk: Play, handle: Handle) -> None:
    await desk.noted(handle, "routed", step=HOUR)
    await ended_by_person(desk, handle)


async def ended_by_person(desk: Play, handle: Handle) -> None:
    await desk.until(handle, Status.ESCALATED, step=10 * MINUTE)
    resolution = {"summary": "Talked to them.", "reply": "Thank you for the talk."}
    await desk.operate(handle, "record_resolution", resolution=resolution)
    await desk.until(handle, Status.RESOLVED)
    await handle.result()


async def kept(desk: Play, handle: Handle) -> None:
    """Handed back, and back again for the same reason: the person keeps it."""
    await with_person(desk, handle)
    await desk.operate(handle, "hand_back")
    await desk.noted(handle, "escalated", times=2)
    await desk.noted(handle, "replied", times=2)
    with pytest.raises(Refusal, match="stays_with_people"):
        await desk.operate(handle, "hand_back")
    await phoned(desk, handle)


async def in_distress_with_people(desk: Play, handle: Handle) -> None:
    await with_person(desk, handle)
    await desk.say(handle, "I can not go on.", "m-1")
    await desk.noted(handle, "new topics")
    await phoned(desk, handle)


async def outlived(desk: Play, handle: Handle) -> None:
    """The ticket is open for longer than the hours that it recorded."""
    await with_person(desk, handle)
    await desk.skip(50 * DAY)
    assert (await desk.view(handle)).sla.first_response_due_at is not None
    await phoned(desk, handle)
