"""Fifty tickets at once after the last of one limit: it is kept, and no ticket is lost."""

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from closeloop.devserver import DevServer
from closeloop.models.proposal import Proposal, ProposeRequest
from closeloop.models.ticket import Status
from closeloop.store.records import SqlRecords
from tests.support.desk import build_services, edited_policies, running_desk
from tests.support.scripted import ScriptedResolver, refund
from tests.workflows.cases import GIVE_UP

TICKETS = 50
PRICE = 2_490
ALONE, AT_ALL = 10_000, 15_000
"""What the tenant may spend in a day without a person, and with one: 4 and 6 of such refunds."""
RESTING = (Status.RESOLVED, Status.AWAITING_APPROVAL, Status.ESCALATED)


def shop_of_strangers(folder: Path) -> Path:
    """Write a shop whose customers have nothing in common: one paid order each."""
    users: dict[str, Any] = {}
    orders: dict[str, Any] = {}
    for n in range(1, TICKETS + 1):
        address = {
            "address1": f"{n} Mill Lane",
            "address2": "",
            "city": "Bristol",
            "country": "USA",
            "state": "RI",
            "zip": f"{10_000 + n}",
        }
        card = {"source": "credit_card", "id": f"card_{n}", "brand": "visa", "last_four": "4242"}
        users[f"user_{n}"] = {
            "user_id": f"user_{n}",
            "name": {"first_name": "Ann", "last_name": f"Stone{n}"},
            "address": address,
            "email": f"ann{n}@example.com",
            "payment_methods": {card["id"]: card},
            "orders": [f"#W{n}"],
        }
        orders[f"#W{n}"] = {
            "order_id": f"#W{n}",
            "user_id": f"user_{n}",
            "address": address,
            "items": [
                {
                    "name": "Mug",
                    "product_id": "71",
                    "item_id": "7101",
                    "price": PRICE / 100,
                    "options": {},
                }
            ],
            "status": "delivered",
            "fulfillments": [],
            "payment_history": [
                {
                    "transaction_type": "payment",
                    "amount": PRICE / 100,
                    "payment_method_id": card["id"],
                }
            ],
            "placed_at": "-P9D",
            "delivered_at": "-P5D",
            "currency": "USD",
        }
    product = {"name": "Mug", "product_id": "71", "variants": {}}
    path = folder / "shop.json"
    path.write_text(json.dumps({"products": {"71": product}, "users": users, "orders": orders}))
    return path


def refund_it(request: ProposeRequest) -> Proposal:
    """Refund the order; whatever stands against it, leave that to a person."""
    return GIVE_UP if request.observations else refund(request.order_ids[0])(request)


async def at_rest(records: SqlRecords) -> dict[str, Status]:
    """Return how every ticket ended, by its id, once all of them rest; the server is left alone."""
    for _ in range(550):
        rows = records.list_tickets("default")
        if len(rows) == TICKETS and all(row.status in RESTING for row in rows):
            return {row.ticket_id: row.status for row in rows}
        await asyncio.sleep(0.5)
    raise AssertionError(f"not at rest: {Counter(row.status for row in rows)}")


@pytest.mark.timeout(300)
async def test_fifty_tickets_after_the_last_of_one_limit(tmp_path: Path) -> None:
    policies = edited_policies(
        tmp_path,
        "rules.toml",
        ('at_most = "2000.00"', f'at_most = "{ALONE // 100}.00"'),
    )
    desk_file = policies / "desk.toml"
    text = desk_file.read_text().replace('customer = "5000.00"', 'customer = "100.00"')
    desk_file.write_text(text.replace('tenant = "10000.00"', f'tenant = "{AT_ALL // 100}.00"'))
    async with DevServer(tmp_path / "server", headless=True) as server:
        client = await Client.connect(server.address, data_converter=pydantic_data_converter)
        services = build_services(
            tmp_path,
            resolver=ScriptedResolver(refund_it),
            policies=policies,
            shop_file=shop_of_strangers(tmp_path),
        )
        async with running_desk(client, services) as desk:
            handles = await asyncio.gather(
                *(
                    desk.open(
                        f"Please refund order #W{n}.",
                        email=f"ann{n}@example.com",
                        order_ids=[f"#W{n}"],
                    )
                    for n in range(1, TICKETS + 1)
                )
            )
            ends = await at_rest(services.records)
            spent = sum(
                refunded.amount.amount_minor
                for n in range(1, TICKETS + 1)
                for refunded in desk.refunds(f"#W{n}")
            )
            assert 0 < spent <= ALONE
            counted = Counter(ends.values())
            assert counted[Status.RESOLVED] == spent // PRICE
            assert spent + counted[Status.AWAITING_APPROVAL] * PRICE <= AT_ALL
            for handle in handles:
                ticket_id = handle.id.rpartition(":")[2]
                if ends[ticket_id] is Status.AWAITING_APPROVAL:
                    await desk.decide(handle, "bob", approve=True)
                    assert (await desk.until(handle, Status.RESOLVED)).status
        services.engine.dispose()
        services.backends.close()
