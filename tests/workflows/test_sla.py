"""Service levels of running tickets: what is said, who is told, and what stands still.

The desk of these tests never closes, so that times do not depend on when they run; open hours are
the business of ``tests/unit/test_sla_hours.py``.
"""

from datetime import timedelta
from pathlib import Path

from closeloop.models.sla import Goal
from closeloop.models.state import TicketEvent
from closeloop.models.ticket import Status
from tests.support.desk import Handle, canned_policies, edited_policies
from tests.support.scripted import ScriptedResolver, answer, question, refund
from tests.workflows.cases import GIVE_UP, RESOLUTION, refund_by_hand
from tests.workflows.play import DAY, HOUR, MINUTE, NORA, SAMUEL, OpenDesk, Play
from tests.workflows.test_running import attributes

BY_HAND = {"summary": "phoned", "reply": "We have called you, and it is solved."}


def always_open(folder: Path) -> Path:
    """Return policies whose targets count every hour: 8 h, 8 h and 24 h for a normal ticket."""
    canned_policies(folder)
    return edited_policies(folder, "sla.toml", ('calendar = "office"\n', ""))


def late(desk: Play, handle: Handle) -> list[tuple[str, str]]:
    """Return what became late, in its order."""
    return [
        (event.kind, str(event.data["target"]))
        for event in desk.events(handle)
        if event.kind.startswith("sla_")
    ]


def seconds(event: TicketEvent) -> float:
    """Return how long something took."""
    value = event.data["seconds"]
    assert isinstance(value, int | float)
    return value


async def test_at_risk_then_missed_then_resolved(open_desk: OpenDesk, tmp_path: Path) -> None:
    desk = await open_desk(resolver=ScriptedResolver(GIVE_UP), policies=always_open(tmp_path))
    handle = await desk.open("My secret word is swordfish.", email=NORA)
    await desk.until(handle, Status.ESCALATED)
    await desk.noted(handle, "replied")
    opened_at = (await desk.view(handle)).opened_at
    assert (await desk.view(handle)).sla.first_response_at is None  # a notice is no answer
    await desk.skip(7 * HOUR)
    await desk.eventually(lambda: len(desk.alerts(handle)) == 1)
    assert (await attributes(handle))["TicketPriority"] == "high"
    assert (await attributes(handle))["SlaBreached"] is False
    await desk.skip(18 * HOUR)
    await desk.eventually(lambda: len(desk.alerts(handle)) == 4)
    found = await attributes(handle)
    assert (found["TicketPriority"], found["SlaBreached"]) == ("urgent", True)
    refund_by_hand(desk)
    await desk.operate(handle, "record_resolution", resolution=RESOLUTION)
    view = await desk.until(handle, Status.RESOLVED)
    assert late(desk, handle) == [
        ("sla_at_risk", "first_response"),
        ("sla_breached", "first_response"),
        ("sla_at_risk", "resolution"),
        ("sla_breached", "resolution"),
    ]
    after = [
        (event.at - opened_at) / HOUR
        for event in desk.events(handle)
        if event.kind.startswith("sla_")
    ]
    assert [round(hours, 2) for hours in after] == [6, 8, 18, 24]
    raises = [(e.data["before"], e.data["after"]) for e in desk.events(handle, "priority_raised")]
    assert raises == [("normal", "high"), ("high", "urgent")]
    assert view.sla.missed == (Goal.FIRST_RESPONSE, Goal.RESOLUTION)
    [resolved] = desk.events(handle, "resolved")
    [first] = desk.events(handle, "first_response")
    assert (resolved.data["within_sla"], first.data["within_sla"]) == (False, False)
    assert seconds(first) == seconds(resolved) > 25 * 3600
    assert "first response at risk" in desk.alerts(handle)[0]
    assert not any("swordfish" in text or NORA in text for text in desk.alerts(handle))
    triage = desk.recorded(handle).classification
    assert triage is not None
    assert triage.priority == "urgent"


async def test_the_clock_stands_while_the_customer_has_the_word(
    open_desk: OpenDesk, tmp_path: Path
) -> None:
    resolver = ScriptedResolver(question(), refund("#W1001"))
    desk = await open_desk(resolver=resolver, policies=always_open(tmp_path))
    handle = await desk.open("I want my money back.", email=NORA)
    await desk.until(handle, Status.AWAITING_CUSTOMER)
    await desk.skip(3 * DAY)
    await desk.say(handle, "Refund order #W1001, all of it.")
    await desk.resolved(handle)
    await desk.say(handle, "yes, thanks")
    await handle.result()
    assert late(desk, handle) == []
    assert desk.alerts(handle) == []
    [resolved] = desk.events(handle, "resolved")
    [following] = desk.events(handle, "next_response")
    assert (resolved.data["within_sla"], following.data["within_sla"]) == (True, True)
    assert seconds(following) < 3600
    assert len(desk.events(handle, "first_response")) == 1


async def test_reopening_goes_on_with_the_time_that_was_left(
    open_desk: OpenDesk, tmp_path: Path
) -> None:
    resolver = ScriptedResolver(answer(), GIVE_UP)
    desk = await open_desk(resolver=resolver, policies=always_open(tmp_path))
    handle = await desk.open("My mug leaks.", email=NORA)
    due = (await desk.resolved(handle)).sla.due_at
    assert due is not None
    await desk.skip(2 * DAY)
    await desk.say(handle, "It is still broken.")
    view = await desk.until(handle, Status.ESCALATED)
    assert view.sla.due_at is not None
    assert timedelta(0) <= view.sla.due_at - due - 2 * DAY < 5 * MINUTE
    assert view.sla.next_response_due_at is not None
    assert late(desk, handle) == []
    await desk.skip(7 * HOUR)
    await desk.eventually(lambda: late(desk, handle) == [("sla_at_risk", "next_response")])


async def test_an_approval_that_nobody_decides_is_late_in_time(
    open_desk: OpenDesk, tmp_path: Path
) -> None:
    desk = await open_desk(
        resolver=ScriptedResolver(refund("#W1005")), policies=always_open(tmp_path)
    )
    handle = await desk.open("Please refund order #W1005.", email=SAMUEL)
    await desk.asked(handle)
    await desk.skip(9 * HOUR)
    await desk.eventually(lambda: len(desk.alerts(handle)) == 2)
    assert "waits for approval" in desk.alerts(handle)[1]
    pending = await desk.asked(handle)  # the request is still open, and is decided as ever
    assert pending.request_id.endswith("-r1")
    await desk.decide(handle, "alice", approve=True)
    await desk.resolved(handle)
    assert len(desk.refunds("#W1005")) == 1
    [resolved] = desk.events(handle, "resolved")
    assert resolved.data["within_sla"] is True


async def test_an_alert_that_cannot_be_raised_keeps_nobody_waiting(
    open_desk: OpenDesk, tmp_path: Path
) -> None:
    desk = await open_desk(
        resolver=ScriptedResolver(GIVE_UP),
        policies=always_open(tmp_path),
        faults="crm.raise_alert=refuse:x1",
    )
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    await desk.until(handle, Status.ESCALATED)
    await desk.noted(handle, "replied")
    await desk.skip(7 * HOUR)
    await desk.noted(handle, "nobody told")
    await desk.eventually(lambda: late(desk, handle) == [("sla_at_risk", "first_response")])
    await desk.operate(handle, "record_resolution", resolution=BY_HAND)
    await desk.until(handle, Status.RESOLVED)


async def test_hours_are_read_on_when_the_known_ones_end(
    open_desk: OpenDesk, tmp_path: Path
) -> None:
    weekdays = [(f'{day} = ["08:00-20:00"]\n', "") for day in ("mon", "tue", "wed", "thu", "fri")]
    seldom = edited_policies(
        tmp_path, "sla.toml", *weekdays, ('["09:00-17:00"]', '["09:00-10:30"]')
    )
    desk = await open_desk(resolver=ScriptedResolver(GIVE_UP), policies=seldom)
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    view = await desk.until(handle, Status.ESCALATED)
    assert view.sla.due_at is None  # sixteen Saturdays: further than six weeks
    await desk.skip(50 * DAY)
    assert late(desk, handle) == [
        ("sla_at_risk", "first_response"),
        ("sla_breached", "first_response"),
    ]
    await desk.skip(40 * DAY)
    await desk.eventually(lambda: ("sla_at_risk", "resolution") in late(desk, handle))
    due = (await desk.view(handle)).sla.due_at
    assert due is not None
    assert due - view.opened_at > 105 * DAY
