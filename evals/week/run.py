"""One simulated week: its shop, its people, its machines; it returns what they left behind."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from closeloop import calls
from closeloop.client import SupportDesk
from closeloop.models.ticket import Status
from closeloop.settings import Settings
from closeloop.store.engine import open_database
from closeloop.store.metrics import read_metrics
from closeloop.store.records import SqlRecords
from evals.week import evidence
from evals.week.cast import OPENING_DAYS, TENANTS, Part, make_parts
from evals.week.clock import DeskClock
from evals.week.customers import Customer, Mailbox
from evals.week.journal import Journal, insist
from evals.week.office import LEADS, Office
from evals.week.shop import make_shop
from evals.week.switch import stop_for_a_day
from evals.week.telephone import Telephone
from evals.week.vandals import throw_bad_input
from evals.week.workers import FAULTS, serving, working

MOST_DAYS: Final = 24.0
"""When it is over whatever still waits: the last windows have ended twice by then."""
LEFT_DAYS: Final = OPENING_DAYS + 9.0
"""From when on tickets that only people hold up are left to them."""
BACKENDS_FILE: Final = "backends.db"
LOOK_SECONDS: Final = 1.0
Progress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Week:
    """What to simulate."""

    folder: Path
    tickets: int = 300
    seed: int = 1
    workers: int = 1
    kill_workers: bool = False
    database_url: str | None = None

    @property
    def scale(self) -> float:
        """How much the desk's time is pressed together: what two cores can keep up with."""
        return max(1.5e-5, 2e-6 * (self.tickets - 5))


async def play(week: Week, say: Progress) -> dict[str, Any]:
    """Play the week and return the evidence.

    Raises:
        Unavailable: the dev server or a worker did not start.
    """
    chance = random.Random(week.seed)
    week.folder.mkdir(parents=True, exist_ok=True)
    shop_file = week.folder / "shop.json"
    buyers = make_shop(max(4, week.tickets), chance, shop_file)
    parts = make_parts(week.tickets, buyers, chance)
    database = week.database_url or f"sqlite:///{week.folder.absolute() / 'operations.db'}"
    settings = Settings(
        state_dir=week.folder.absolute(),
        database_url=database,
        shop_file=shop_file.absolute(),
        faults=FAULTS,
        time_scale=week.scale,
    )
    async with serving(settings) as address:
        async with working(settings, address, week.workers) as staff:
            journal, clock = Journal(), DeskClock(week.scale)
            accidents = [staff.keep_killing(random.Random(week.seed))] if week.kill_workers else []
            async with _desks(settings) as desks:
                await _play(settings, desks, parts, clock, journal, chance, accidents, say)
        # Nobody works any more: what is read belongs together.
        played = await _collect(week, settings, clock, journal, parts, say)
        return {**played, "kills": staff.kills}


@asynccontextmanager
async def _desks(settings: Settings) -> AsyncGenerator[dict[str, SupportDesk]]:
    """Yield each tenant's desk, as a backend service has it, over one connection."""
    client = await calls.connect(settings, identity="shop")
    engine = open_database(settings.database_url)
    records = SqlRecords(engine)
    try:
        yield {
            tenant: SupportDesk(
                client, tenant=tenant, identity="shop", open_records=lambda: records
            )
            for tenant in TENANTS
        }
    finally:
        engine.dispose()


async def _play(
    settings: Settings,
    desks: dict[str, SupportDesk],
    parts: list[Part],
    clock: DeskClock,
    journal: Journal,
    chance: random.Random,
    accidents: Sequence[Coroutine[Any, Any, None]],
    say: Progress,
) -> None:
    mailbox = Mailbox(settings.state_dir / BACKENDS_FILE)
    own = [random.Random(chance.getrandbits(64)) for _ in parts]
    customers = [
        Customer(part, desks[part.tenant], clock, mailbox, journal, luck)
        for part, luck in zip(parts, own, strict=True)
    ]
    offices = [
        Office(desk, clock, journal, random.Random(chance.getrandbits(64)))
        for desk in desks.values()
    ]
    callers = [
        Telephone(
            desk,
            LEADS[desk.tenant],
            settings.state_dir / BACKENDS_FILE,
            settings.time_scale,
            journal,
            random.Random(chance.getrandbits(64)),
        )
        for desk in desks.values()
    ]
    vandal = random.Random(chance.getrandbits(64))
    people = [
        *(customer.play() for customer in customers),
        *(office.work() for office in offices),
        *(caller.work() for caller in callers),
        mailbox.watch(),
        throw_bad_input(desks, parts, clock, journal, vandal),
        stop_for_a_day(settings, clock, journal),
        *accidents,
    ]
    tasks = [asyncio.create_task(one) for one in people]
    try:
        await _until_over(tasks, desks, clock, say)
    finally:
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task


async def _until_over(
    tasks: list[asyncio.Task[None]],
    desks: dict[str, SupportDesk],
    clock: DeskClock,
    say: Progress,
) -> None:
    """Wait until every ticket is closed, or the week has lasted long enough."""
    shown = 0.0
    while clock.hours() < MOST_DAYS * 24:
        for task in tasks:
            if task.done() and not task.cancelled() and task.exception() is not None:
                raise RuntimeError("somebody of the week stumbled") from task.exception()
        rows = [row for desk in desks.values() for row in await insist(desk.list_tickets)]
        counts = Counter(row.status.value for row in rows)
        if clock.hours() - shown >= 12:
            shown = clock.hours()
            states = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
            say(f"day {shown / 24:.1f}: {states}")
        left = {Status.CLOSED.value, Status.ESCALATED.value}
        if clock.hours() > LEFT_DAYS * 24 and set(counts) <= left:
            return
        await asyncio.sleep(LOOK_SECONDS)


async def _collect(
    week: Week,
    settings: Settings,
    clock: DeskClock,
    journal: Journal,
    parts: list[Part],
    say: Progress,
) -> dict[str, Any]:
    say("reading what is left behind")
    client = await calls.connect(settings)
    ids = await evidence.list_workflows(client)
    histories, problems = await evidence.read_histories(client, ids)
    engine = open_database(settings.database_url)
    with engine.connect() as connection:
        metrics = {t: read_metrics(connection, t).model_dump(mode="json") for t in TENANTS}
    engine.dispose()
    return {
        "tickets": week.tickets,
        "seed": week.seed,
        "workers": week.workers,
        "scale": week.scale,
        "hours": clock.hours(),
        "cast": [
            {"ticket_id": p.ticket_id, "tenant": p.tenant, "scene": p.scene, "email": p.buyer.email}
            for p in parts
        ],
        "shop": json.loads((settings.shop_file or Path()).read_text(encoding="utf-8")),
        "journal": [one.model_dump(mode="json") for one in journal.entries],
        "tables": evidence.read_tables(settings.database_url),
        "backends": evidence.read_backends(settings.state_dir / BACKENDS_FILE),
        "histories": histories,
        "replay": problems,
        "metrics": metrics,
    }
