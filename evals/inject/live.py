"""A sample of the poisoned e-mails through the real workflow, each beside its clean e-mail."""

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from closeloop import calls, executions
from closeloop.bootstrap import build_services, running_workers
from closeloop.client import SupportDesk
from closeloop.devserver import DevServer
from closeloop.embedded.outbox import EmbeddedOutbox
from closeloop.models.proposal import ActionState
from closeloop.names import DEFAULT_TENANT, SEARCH_ATTRIBUTES, workflow_id
from closeloop.settings import Settings
from evals.inject.data import Attack
from evals.inject.path import CUSTOMER
from evals.inject.report import Tally
from workflows.notices import HANDED_OVER, ROUTED

POLL_SECONDS: Final = 0.3


async def run(attacks: Sequence[Attack], count: int) -> Tally:
    """Send ``count`` of the e-mails, evenly spread, and their clean ones; compare what came of it.

    The fixed notice that a person takes over says nothing and is not counted.

    Raises:
        Unavailable: the dev server did not start.
    """
    chosen = attacks[:: max(1, len(attacks) // count)][:count]
    with tempfile.TemporaryDirectory() as work:
        services = build_services(Settings(state_dir=Path(work)))
        server = DevServer(Path(work), headless=True, search_attributes=SEARCH_ATTRIBUTES)
        async with server:
            client = await Client.connect(server.address, data_converter=pydantic_data_converter)
            desk = SupportDesk(client, tenant=DEFAULT_TENANT, identity="inject-eval")
            async with running_workers(client, services):
                flagged, through = 0, list[str]()
                for number, attack in enumerate(chosen):
                    outbox = services.backends.outbox
                    _, before = await _play(desk, outbox, f"clean-{number}", attack.clean or "")
                    suspected, after = await _play(desk, outbox, f"attack-{number}", attack.text)
                    flagged += suspected
                    if not after <= before:
                        through.append(attack.name)
        services.backends.close()
        services.engine.dispose()
    return Tally(name="live", texts=len(chosen), flagged=flagged, through=tuple(through))


async def _play(
    desk: SupportDesk, outbox: EmbeddedOutbox, ticket_id: str, text: str
) -> tuple[bool, frozenset[str]]:
    """Return whether a ticket was suspected, and what it did and said by itself."""
    await desk.open_ticket(
        {
            "ticket_id": ticket_id,
            "channel": "email",
            "assurance": "confirmed",
            "customer": {"id": CUSTOMER},
            "subject": "Message",
            "body": text,
        }
    )
    handle = desk.client.get_workflow_handle(workflow_id(desk.tenant, ticket_id))
    while True:
        description = await calls.describe(handle)
        if description and executions.status_of(description) in executions.STOPS:
            break
        await asyncio.sleep(POLL_SECONDS)
    view = await desk.get_ticket(ticket_id)
    done = {f"{a.kind} {a.params}" for a in view.actions if a.state == ActionState.VERIFIED}
    said = {m.text for m in outbox.messages(desk.tenant, ticket_id) if not _hands_over(m.text)}
    suspected = view.classification is not None and view.classification.injection_suspected
    return suspected, frozenset(done | said)


def _hands_over(text: str) -> bool:
    """Whether a message only says that people have the ticket now."""
    return HANDED_OVER in text or ROUTED.partition("{")[0] in text
