"""Promises in replies, on the time-skipping server: kept, at risk, missed."""

from closeloop.models.proposal import CommitmentDraft, CommitmentKind, Draft, Proposal
from closeloop.models.ticket import Status
from closeloop.models.view import TicketView
from tests.support.desk import Handle
from tests.support.scripted import ScriptedClassifier, ScriptedResolver, answer, refund
from tests.workflows.play import DAY, HOUR, NORA, OpenDesk, Play, texts
from workflows import notices


def _promise(hours: float, kind: CommitmentKind = "reply") -> Proposal:
    draft = CommitmentDraft(kind=kind, text="we will call", due_in_hours=hours)
    return Proposal(reply=Draft(text="We will call you."), commitments=(draft,))


def _states(view: TicketView) -> list[str]:
    return [promise.state for promise in view.commitments]


async def _promised(desk: Play) -> Handle:
    handle = await desk.open("Where is my order?", email=NORA)
    await desk.resolved(handle)
    return handle


async def test_a_missed_promise_is_owned_up_to_before_the_customer_asks(
    open_desk: OpenDesk,
) -> None:
    desk = await open_desk(resolver=ScriptedResolver(_promise(48)))
    handle = await _promised(desk)
    await desk.skip(35 * HOUR)
    assert "promise at risk" not in [line.what for line in await desk.timeline(handle)]
    view = await desk.noted(handle, "promise at risk", step=HOUR / 2)
    assert view.classification is not None
    assert view.classification.priority == "high"
    assert _states(view) == ["open"]
    view = await desk.until(handle, Status.ESCALATED, step=DAY / 4)
    await desk.noted(handle, "replied", times=2)
    view = await desk.view(handle)
    assert texts(view)[1:] == [notices.NOT_HEARD]
    assert _states(view) == ["missed"]
    assert view.escalation is not None
    assert view.escalation.reason == "promise_missed"
    assert [c["reason"] for c in desk.cases()] == ["promise_missed"]
    assert "missed, due" in desk.cases()[0]["pack"]


async def test_two_promises_missed_in_a_row_are_owned_up_to_once(open_desk: OpenDesk) -> None:
    both = _promise(48)
    both = both.model_copy(update={"commitments": (*both.commitments, *_promise(60).commitments)})
    desk = await open_desk(resolver=ScriptedResolver(both))
    handle = await _promised(desk)
    await desk.skip(35 * HOUR)
    await desk.until(handle, Status.ESCALATED, step=DAY / 4)
    await desk.noted(handle, "replied", times=2)
    await desk.noted(handle, "promise missed", times=2, step=HOUR)
    await desk.skip(HOUR)
    view = await desk.view(handle)
    assert _states(view) == ["missed", "missed"]
    assert texts(view)[1:] == [notices.NOT_HEARD]


async def test_an_answer_in_time_keeps_a_promise(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(_promise(48), answer("It is on its way.")))
    handle = await _promised(desk)
    await desk.say(handle, "And where is it now?", "m-1")
    await desk.noted(handle, "replied", times=2)
    assert _states(await desk.view(handle)) == ["kept"]
    assert (await handle.result()).closure == "unconfirmed"
    kinds = desk.kinds(handle)
    assert "commitment_kept" in kinds
    assert "commitment_at_risk" not in kinds


async def test_a_ticket_does_not_close_over_an_open_promise(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(_promise(10 * 24)))
    handle = await _promised(desk)
    await desk.skip(8 * DAY)
    assert (await desk.view(handle)).status is not Status.CLOSED
    view = await desk.until(handle, Status.ESCALATED, step=DAY / 2)
    assert _states(view) == ["missed"]


async def test_a_refund_that_has_settled_keeps_a_promise(open_desk: OpenDesk) -> None:
    def promising(request: object) -> Proposal:
        proposal = refund("#W1001")(request)  # pyright: ignore[reportArgumentType]
        draft = CommitmentDraft(kind="settlement", text="the money arrives", due_in_hours=72)
        return proposal.model_copy(update={"commitments": (draft,)})

    desk = await open_desk(resolver=ScriptedResolver(promising))
    handle = await desk.open("Refund order #W1001, all of it.", email=NORA)
    await desk.resolved(handle)
    view = await desk.noted(handle, "promise kept", step=HOUR)
    assert _states(view) == ["kept"]
    assert (await handle.result()).closure == "verified_quiet"


async def test_with_a_person_a_missed_promise_alerts_them_and_is_told(
    open_desk: OpenDesk,
) -> None:
    classifier = ScriptedClassifier(by_word={"human": "speak_to_person"})
    desk = await open_desk(resolver=ScriptedResolver(_promise(48)), classifier=classifier)
    handle = await _promised(desk)
    await desk.say(handle, "Let me speak to a human.", "m-1")
    await desk.until(handle, Status.ESCALATED)
    view = await desk.noted(handle, "promise missed", step=HOUR)
    await desk.noted(handle, "replied", times=3)
    view = await desk.view(handle)
    assert view.status is Status.ESCALATED
    assert texts(view)[-1] == notices.NOT_HEARD
    assert len(desk.cases()) == 1
    assert any("was missed" in alert for alert in desk.alerts(handle))


async def test_a_persons_answer_keeps_a_promise(open_desk: OpenDesk) -> None:
    classifier = ScriptedClassifier(by_word={"human": "speak_to_person"})
    desk = await open_desk(resolver=ScriptedResolver(_promise(48)), classifier=classifier)
    handle = await _promised(desk)
    await desk.say(handle, "Let me speak to a human.", "m-1")
    await desk.until(handle, Status.ESCALATED)
    await desk.operate(
        handle, "record_resolution", resolution={"summary": "told them", "reply": "It is here."}
    )
    view = await desk.until(handle, Status.RESOLVED)
    assert _states(view) == ["kept"]
