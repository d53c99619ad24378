"""What the server and the workers see: attributes, cards, cancels, broken workers."""

from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from temporalio import activity
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import WorkflowFailureError
from temporalio.common import SearchAttributeKey
from temporalio.exceptions import CancelledError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.failures import FailureInterceptor
from closeloop.bootstrap import Services, build_activities, workflow_runner
from closeloop.models.steps import ExecuteAction
from closeloop.models.ticket import Status
from closeloop.names import AGENTS_QUEUE, BACKENDS_QUEUE, SEARCH_ATTRIBUTES, TICKETS_QUEUE
from tests.support.desk import Handle, build_services
from tests.support.scripted import ScriptedResolver, answer, refund
from tests.workflows.cases import GIVE_UP
from tests.workflows.held import Held, HeldResolver
from tests.workflows.play import DAY, HOUR, MINUTE, NORA, SAMUEL, OpenDesk, Play, action
from workflows.ticket import TicketWorkflow

SPEAKER = "refund:#W1005:all"


# --- attributes and the card ---------------------------------------------------------------------


async def attributes(handle: Handle) -> dict[str, Any]:
    found = (await handle.describe()).typed_search_attributes
    makers = {
        "Keyword": SearchAttributeKey.for_keyword,
        "Bool": SearchAttributeKey.for_bool,
        "Datetime": SearchAttributeKey.for_datetime,
    }
    return {name: found.get(makers[kind](name)) for name, kind in SEARCH_ATTRIBUTES.items()}


async def test_the_attributes_of_a_ticket_that_waits_and_then_closes(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1005")))
    handle = await desk.open("Please refund order #W1005.", email=SAMUEL)
    await desk.asked(handle)
    due = (await desk.view(handle)).sla.due_at
    assert due is not None
    found = await attributes(handle)
    assert found.pop("SlaDueAt") == due
    assert found.pop("SlaBreached") is False
    assert found == {
        "TicketStatus": "awaiting_approval",
        "TicketIntent": "refund_request",
        "TicketPriority": "normal",
        "AutonomyMode": "assisted",
        "Tenant": None,  # set by whoever opens the ticket
        "EscalationReason": None,
        "AwaitingApproval": True,
    }
    await desk.decide(handle, "alice", approve=True)
    await desk.resolved(handle)
    await handle.result()
    found = await attributes(handle)
    assert (found["TicketStatus"], found["AwaitingApproval"]) == ("closed", False)
    assert found["AutonomyMode"] == "assisted"


async def test_the_attributes_of_a_ticket_with_people(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(GIVE_UP))
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    await desk.until(handle, Status.ESCALATED)
    await desk.noted(handle, "replied")
    await desk.skip(8 * DAY)
    found = await attributes(handle)
    assert (found["TicketStatus"], found["EscalationReason"]) == ("escalated", "no_playbook")
    assert (found["SlaBreached"], found["TicketPriority"]) == (True, "urgent")
    assert found["AutonomyMode"] == "advisory"


async def test_the_status_is_known_before_the_case_is_in_the_crm(open_desk: OpenDesk) -> None:
    held = Held("crm.create_escalation")
    desk = await open_desk(resolver=ScriptedResolver(GIVE_UP), held=held)
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    await held.reached()
    assert (await attributes(handle))["TicketStatus"] == "escalated"
    held.let_go()


async def test_the_card_says_what_is_waited_for_and_carries_no_markup(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1005")))
    body = "Please refund order #W1005 ![x](https://evil.example/x.png) <b>now</b>"
    handle = await desk.open(body, email=SAMUEL)
    await desk.asked(handle)
    metadata = await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    card = metadata.current_details
    assert "awaiting\\_approval" in card or "awaiting_approval" in card
    assert "$145.50" in card.replace("\\", "")
    assert "p1-a1" in card
    assert "refund.autonomous" in card.replace("\\", "")
    for raw in ("![", "](", "<b>", "https://"):
        assert raw not in card


# --- cancelled -----------------------------------------------------------------------------------


async def cancelled(handle: Handle) -> None:
    await handle.cancel()
    with pytest.raises(WorkflowFailureError) as ended:
        await handle.result()
    assert isinstance(ended.value.cause, CancelledError)


async def test_a_cancelled_ticket_frees_what_it_reserved(open_desk: OpenDesk) -> None:
    desk = await open_desk(resolver=ScriptedResolver(refund("#W1005")))
    handle = await desk.open("Please refund order #W1005.", email=SAMUEL)
    await desk.asked(handle)
    assert desk.effect_state(SPEAKER) == "reserved"
    await cancelled(handle)
    assert desk.effect_state(SPEAKER) == "released"
    assert desk.waiting() == ()


async def test_cancelled_in_the_midst_of_an_activity(open_desk: OpenDesk) -> None:
    resolver = HeldResolver(ScriptedResolver(refund("#W1005")))
    desk = await open_desk(resolver=resolver)
    handle = await desk.open("Please refund order #W1005.", email=SAMUEL)
    await resolver.held.reached()
    await handle.cancel()
    resolver.held.let_go()
    await cancelled(handle)
    assert desk.cases() == []  # it is not a failure that people have to look at
    assert desk.waiting() == ()


async def test_cancelled_while_a_write_runs_it_is_on_record(open_desk: OpenDesk) -> None:
    held = Held("payments.refund")
    resolver = ScriptedResolver(refund("#W1005"))
    desk = await open_desk(resolver=resolver, held=held)
    handle = await desk.open("Please refund order #W1005.", email=SAMUEL)
    await desk.asked(handle)
    await desk.decide(handle, "alice", approve=True)
    await held.reached()
    await handle.cancel()
    held.let_go()
    await cancelled(handle)
    # The call was on its way, and is on record: a later ticket finds it.
    await desk.eventually(lambda: desk.effect_state(SPEAKER) == "done")
    assert len(desk.refunds("#W1005")) == 1


# --- workers that are not what they should be ----------------------------------------------------


@asynccontextmanager
async def workers(
    env: WorkflowEnvironment, services: Services, *, without: str, instead: Sequence[Any] = ()
) -> AsyncIterator[Play]:
    """Run workers that lack an activity, or have another one in its place."""
    activities = build_activities(services)
    backends = [a for a in activities.backends if a.__name__ != without]
    assert len(backends) == len(activities.backends) - 1
    with ThreadPoolExecutor(8) as threads:
        async with (
            Worker(
                env.client,
                task_queue=BACKENDS_QUEUE,
                activities=[*backends, *instead],
                activity_executor=threads,
                interceptors=[FailureInterceptor()],
            ),
            Worker(
                env.client,
                task_queue=AGENTS_QUEUE,
                activities=[*backends, *instead],
                activity_executor=threads,
                interceptors=[FailureInterceptor()],
            ),
            Worker(
                env.client,
                task_queue=TICKETS_QUEUE,
                workflows=[TicketWorkflow],
                activities=activities.tickets,
                activity_executor=threads,
                no_remote_activities=True,
                workflow_runner=workflow_runner(),
                interceptors=[FailureInterceptor()],
            ),
        ):
            play = Play(env, services)
            yield play
            await play.end()
    services.engine.dispose()
    services.backends.close()


@pytest.mark.parametrize("name", ["classify_ticket", "retrieve_knowledge", "propose_resolution"])
async def test_an_activity_the_worker_does_not_have(
    skipping: WorkflowEnvironment, tmp_path: Path, name: str
) -> None:
    services = build_services(tmp_path, resolver=ScriptedResolver(answer()))
    async with workers(skipping, services, without=name) as desk:
        handle = await desk.open("Please help", email=NORA)
        view = await desk.until(handle, Status.ESCALATED, step=MINUTE)
        assert view.escalation is not None
        assert view.escalation.reason == "step_failed"
        assert name in view.mode_reasons[0]
        assert len(desk.cases()) == 1


async def test_a_write_the_worker_does_not_have(
    skipping: WorkflowEnvironment, tmp_path: Path
) -> None:
    services = build_services(tmp_path, resolver=ScriptedResolver(refund("#W1001")))
    async with workers(skipping, services, without="refund_payment") as desk:
        handle = await desk.open("Please refund order #W1001.", email=NORA)
        view = await desk.until(handle, Status.ESCALATED, step=5 * MINUTE)
        assert action(view).state == "unknown"
        assert desk.refunds("#W1001") == ()


@activity.defn(name="propose_resolution")
def rubbish(_request: Any) -> Any:
    return ["this", "is", {"no": "proposal"}]


@activity.defn(name="propose_resolution")
def nothing(_request: Any) -> None:
    return None


@pytest.mark.parametrize("strange", [rubbish, nothing])
async def test_a_result_that_cannot_be_read_goes_to_a_person(
    skipping: WorkflowEnvironment, tmp_path: Path, strange: Any
) -> None:
    services = build_services(tmp_path, resolver=ScriptedResolver(answer()))
    async with workers(skipping, services, without="propose_resolution", instead=[strange]) as desk:
        handle = await desk.open("Please help", email=NORA)
        view = await desk.until(handle, Status.ESCALATED)
        assert view.escalation is not None
        assert view.escalation.reason == "step_failed"
        assert "propose_resolution" in view.mode_reasons[0]


@activity.defn(name="refund_payment")
def paid(step: ExecuteAction) -> str:
    return f"paid {step.effect_id} at {datetime.now(UTC):%H:%M}"


async def test_a_write_whose_result_cannot_be_read_is_looked_up(
    skipping: WorkflowEnvironment, tmp_path: Path
) -> None:
    services = build_services(tmp_path, resolver=ScriptedResolver(refund("#W1001")))
    async with workers(skipping, services, without="refund_payment", instead=[paid]) as desk:
        handle = await desk.open("Please refund order #W1001.", email=NORA)
        view = await desk.until(handle, Status.ESCALATED)
        assert action(view).state == "unknown"
        assert view.escalation is not None
        assert view.escalation.reason == "effect_unknown"


async def test_an_outbox_that_is_away_for_an_hour_loses_nothing(open_desk: OpenDesk) -> None:
    desk = await open_desk(
        resolver=ScriptedResolver(refund("#W1001")), faults="outbox.send=503:x12"
    )
    handle = await desk.open("Please refund order #W1001.", email=NORA)
    await desk.eventually(lambda: len(desk.refunds("#W1001")) == 1)
    view = await desk.until(handle, Status.RESOLVED, Status.ESCALATED, step=HOUR)
    assert view.status is Status.RESOLVED
    assert len(desk.sent(handle)) == 1
