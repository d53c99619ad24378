"""The life of a ticket, branch by branch, on the time-skipping server."""

from datetime import timedelta
from pathlib import Path

from temporalio.testing import WorkflowEnvironment

from closeloop.models.ticket import Status
from tests.support.desk import build_services, running_desk
from tests.support.scripted import ScriptedResolver, refund

NORA = "nora.whitfield@example.com"


async def test_a_plain_refund_is_resolved_confirmed_and_closed(
    skipping: WorkflowEnvironment, tmp_path: Path
) -> None:
    services = build_services(tmp_path, resolver=ScriptedResolver(refund("#W1001")))
    async with running_desk(skipping.client, services) as desk:
        handle = await desk.open("Please refund order #W1001, the mug.", email=NORA)
        view = await desk.until(handle, Status.RESOLVED, Status.ESCALATED)
        assert view.status is Status.RESOLVED, view
        receipt = await desk.say(handle, "Yes, thank you! 5/5")
        assert receipt.accepted
        outcome = await handle.result()
        assert outcome.closure == "confirmed"
        [back] = desk.refunds("#W1001")
        assert back.amount.amount_minor == 2490
        [reply] = desk.sent(handle)
        assert "$24.90" in reply.text
        assert reply.to == NORA
        _ = timedelta
