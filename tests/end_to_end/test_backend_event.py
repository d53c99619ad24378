"""A backend's hint on its way to a ticket: from the body of a webhook to the ticket's timeline."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import stripe
from pydantic import SecretStr

from closeloop.bootstrap import read_stripe_webhook
from closeloop.client import SupportDesk
from closeloop.models.hints import BackendHint
from closeloop.models.ticket import Status
from closeloop.names import idempotency_key, parse_workflow_id, workflow_id
from closeloop.settings import Settings
from tests.support.desk import build_services, running_desk
from tests.support.scripted import ScriptedResolver, refund
from tests.support.servers import time_skipping

SECRET = "whsec_test"


def delivery(ticket_id: str, effect_id: str, *, event_id: str, status: str) -> BackendHint:
    """Return the hint of one delivery that says what became of the ticket's refund."""
    metadata = {
        "closeloop_key": idempotency_key("default", effect_id),
        "closeloop_tenant": "default",
        "closeloop_ticket": ticket_id,
    }
    moved = {"id": "re_1", "object": "refund", "status": status, "metadata": metadata}
    event = {"id": event_id, "object": "event", "type": "refund.updated", "data": {"object": moved}}
    payload = json.dumps(event)
    header = stripe.WebhookSignature.generate_signature_header(payload, SECRET)
    settings = Settings(stripe_webhook_secret=SecretStr(f"whsec_old, {SECRET}"))
    hint = read_stripe_webhook(settings, payload.encode(), header, datetime.now(UTC))
    assert isinstance(hint, BackendHint)
    return hint


async def test_a_hint_reaches_an_open_ticket_once(tmp_path: Path) -> None:
    async with time_skipping() as env:
        services = build_services(tmp_path, resolver=ScriptedResolver(refund("#W1001")))
        async with running_desk(env.client, services) as desk:
            with env.auto_time_skipping_disabled():
                handle = await desk.open(
                    "Please refund order #W1001, the mug.", email="nora.whitfield@example.com"
                )
                view = await desk.until(handle, Status.RESOLVED)
                _, ticket_id = parse_workflow_id(handle.id)
                effect_id = view.actions[0].effect_id
                assert effect_id is not None
                door = SupportDesk(env.client)
                hint = delivery(ticket_id, effect_id, event_id="evt_1", status="succeeded")
                for _ in range(2):
                    hinted = await door.backend_event(hint.ticket_id, hint.event)
                    assert (hinted.outcome, hinted.event_id) == ("delivered", "evt_1")
                heard: list[str] = []
                for _ in range(100):
                    heard = [e.detail for e in await door.get_timeline(ticket_id)]
                    heard = [detail for detail in heard if "refund.settled" in detail]
                    if heard:
                        break
                    await asyncio.sleep(0.05)
                assert len(heard) == 1
                assert effect_id in heard[0]
                assert (await desk.view(handle)).status is Status.RESOLVED, "a hint proves nothing"
            await handle.result()
            late = await door.backend_event(ticket_id, hint.event)
            assert (late.outcome, late.ticket_id) == ("opened", f"{ticket_id}~2")
            quiet = env.client.get_workflow_handle(workflow_id("default", late.ticket_id))
            await quiet.result()
            nobody = await door.backend_event("T-404", hint.event)
            assert nobody.outcome == "no_ticket"
        services.engine.dispose()
        services.backends.close()
