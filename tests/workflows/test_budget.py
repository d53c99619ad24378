"""The budget of events and activities (DESIGN section 8), and one timer at a time.

A query that meets a ticket at work costs this server a workflow task, and real ones nothing: the
tests here wait by looking at what the ticket wrote.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from closeloop.models.ticket import Status
from tests.support.desk import Handle
from tests.support.scripted import ScriptedResolver, Step, answer, question, refund
from tests.workflows.play import HOUR, NORA, SAMUEL, OpenDesk, Play


async def settled(desk: Play, holds: Callable[[], bool]) -> None:
    await desk.eventually(holds)
    await asyncio.sleep(0.1)  # the workflow task that follows what was written


async def test_a_plain_autonomous_refund(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1001")))
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    await settled(desk, lambda: len(desk.sent(handle)) == 1)
    await desk.say(handle, "Yes, thank you!")
    assert (await handle.result()).closure == "confirmed"
    history = await desk.history(handle)
    assert history.total <= 63
    assert history.remote <= 7
    assert history.local <= 3


async def quiet(desk: Play) -> Handle:
    return await desk.open("Please refund order #W1001.", email=NORA)


async def asked(desk: Play, *, request: int = 1) -> bool:
    await settled(desk, lambda: any(f"-r{request}" in str(r.request_id) for r in desk.waiting()))
    return True


async def approved(desk: Play) -> Handle:
    handle = await desk.open("Please refund order #W1005.", email=SAMUEL)
    await asked(desk)
    await desk.decide(handle, "alice", approve=True)
    return handle


async def rejected(desk: Play) -> Handle:
    handle = await desk.open("Please refund order #W1005.", email=SAMUEL)
    await asked(desk)
    await desk.decide(handle, "alice", approve=False, reason="tone")
    await asked(desk, request=2)
    await desk.decide(handle, "alice", approve=True)
    return handle


async def expired(desk: Play) -> Handle:
    handle = await desk.open("Please refund order #W1005.", email=SAMUEL)
    await asked(desk)
    await desk.skip(25 * HOUR)
    await settled(desk, lambda: len(desk.sent(handle)) == 1)
    await desk.operate(handle, "record_resolution", resolution={"summary": "phoned"})
    return handle


async def answered(desk: Play) -> Handle:
    handle = await desk.open("Please refund my order.", email=NORA)
    await settled(desk, lambda: len(desk.sent(handle)) == 1)
    await desk.say(handle, "Order #W1001, refund it please.")
    return handle


async def reopened(desk: Play) -> Handle:
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    await settled(desk, lambda: len(desk.sent(handle)) == 1)
    await desk.say(handle, "Still broken!")
    return handle


@pytest.mark.parametrize(
    ("branch", "steps", "events", "remote", "local"),
    [
        (quiet, [refund("#W1001")], 58, 7, 2),
        (approved, [refund("#W1005")], 82, 9, 4),
        (rejected, [refund("#W1005")], 109, 12, 7),
        (expired, [refund("#W1005")], 126, 13, 4),  # two alerts, and two patches of people
        (answered, [question(), refund("#W1001")], 92, 11, 3),
        (reopened, [answer(), refund("#W1001")], 93, 11, 4),
    ],
)
async def test_other_branches(
    open_desk: OpenDesk,
    branch: Callable[[Play], Awaitable[Handle]],
    steps: Sequence[Step],
    events: int,
    remote: int,
    local: int,
) -> None:
    desk = await open_desk(resolver=ScriptedResolver(*steps))
    handle = await branch(desk)
    await settled(desk, lambda: desk.stands(handle) is Status.RESOLVED)
    await handle.result()
    history = await desk.history(handle)
    found = (history.total, history.remote, history.local)
    assert history.total <= events, found
    assert history.remote <= remote, found
    assert history.local <= local, found
    assert desk.stands(handle) is Status.CLOSED


async def test_one_timer_at_a_time(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(question(), refund("#W1005"), answer()))
    handle = await desk.open("Please refund my order.", email=SAMUEL)
    await settled(desk, lambda: len(desk.sent(handle)) == 1)  # waits for the answer
    await desk.say(handle, "Order #W1005, refund it please.")
    await asked(desk)  # waits for approval, then for the reminder's time, then again
    await desk.skip(5 * HOUR)
    await desk.decide(handle, "alice", approve=True)
    await settled(desk, lambda: len(desk.sent(handle)) == 2)  # waits for the customer's word
    await desk.say(handle, "When do you open on Sundays?")
    await settled(desk, lambda: len(desk.sent(handle)) == 3)
    await handle.result()
    running = most = 0
    async for event in handle.fetch_history_events():
        if event.HasField("timer_started_event_attributes"):
            running += 1
        if event.HasField("timer_fired_event_attributes") or event.HasField(
            "timer_canceled_event_attributes"
        ):
            running -= 1
        most = max(most, running)
    assert (most, running) == (1, 0)
    counts = (await desk.history(handle)).counts
    assert counts["TIMER_STARTED"] == 5
    assert counts["TIMER_FIRED"] == 2  # the reminder's, and the end of the window


async def test_words_that_change_nothing_restart_no_timer(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1001")))
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    await settled(desk, lambda: len(desk.sent(handle)) == 1)
    for _ in range(3):
        await desk.say(handle, "Yes, solved, thank you!")
    await handle.result()
    assert (await desk.history(handle)).counts["TIMER_STARTED"] == 1
