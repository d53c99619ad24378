"""A worker frees what expired while nobody called."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, select, text

from closeloop.serve import sweeping
from closeloop.store.ledger import SqlLedger
from closeloop.store.schema import audit, effects
from tests.store.store_support import TENANT, by_day, step
from tests.support.desk import build_services
from tests.support.scripted import ScriptedResolver, answer


def states(engine: Engine) -> dict[str, str]:
    with engine.connect() as connection:
        rows = connection.execute(select(effects.c.effect_id, effects.c.state))
        return {row.effect_id: row.state for row in rows}


async def test_expired_reservations_of_a_silent_tenant_are_freed(tmp_path: Path) -> None:
    services = build_services(tmp_path, resolver=ScriptedResolver(answer()))
    now = datetime.now(UTC)
    early = SqlLedger(services.engine, by_day(1_000, 1_000), clock=lambda: now - timedelta(hours=2))
    early.reserve(TENANT, step("expired", ["a"], 100), now - timedelta(hours=1))
    early.reserve(TENANT, step("waits", ["b"], 100), now + timedelta(hours=1))
    async with sweeping(services, every_seconds=0.01):
        async with asyncio.timeout(20):
            while states(services.engine)["expired"] != "released":  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    assert states(services.engine) == {"expired": "released", "waits": "reserved"}
    with services.engine.connect() as connection:
        last = connection.execute(select(audit).order_by(audit.c.number.desc())).first()
    assert last is not None
    assert last.detail == {"effect_id": "expired", "why": "expired"}
    services.engine.dispose()
    services.backends.close()


async def test_a_database_that_does_not_answer_is_asked_again(tmp_path: Path) -> None:
    services = build_services(tmp_path, resolver=ScriptedResolver(answer()))
    now = datetime.now(UTC)
    early = SqlLedger(services.engine, by_day(1_000, 1_000), clock=lambda: now - timedelta(hours=2))
    early.reserve(TENANT, step("expired", ["a"], 100), now - timedelta(hours=1))
    with services.engine.begin() as connection:
        connection.execute(text("ALTER TABLE effects RENAME TO elsewhere"))
    async with sweeping(services, every_seconds=0.01):
        await asyncio.sleep(0.1)
        with services.engine.begin() as connection:
            connection.execute(text("ALTER TABLE elsewhere RENAME TO effects"))
        async with asyncio.timeout(20):
            while states(services.engine)["expired"] != "released":  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    services.engine.dispose()
    services.backends.close()
