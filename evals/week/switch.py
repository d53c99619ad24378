"""The switch: for some hours one tenant's lead stops all that nobody has approved."""

import asyncio
from typing import Final

from closeloop.settings import Settings
from closeloop.store.engine import open_database
from closeloop.store.stops import SqlStops
from evals.week.clock import DeskClock
from evals.week.journal import Journal, entry

TENANT: Final = "acme"
STOPS_AT_HOURS: Final = 30.0
RESUMES_AT_HOURS: Final = 54.0
STOPPED_BY, RESUMED_BY = "dave", "carol"


async def stop_for_a_day(settings: Settings, clock: DeskClock, journal: Journal) -> None:
    """Stop the tenant's autonomous writes when it is time, and let them go on a day later."""
    engine = open_database(settings.database_url)
    try:
        stops = SqlStops(engine)
        await clock.until(STOPS_AT_HOURS)
        now = entry(STOPPED_BY, "stop", TENANT, "").at
        await asyncio.to_thread(stops.stop, TENANT, STOPPED_BY, "something looks odd", now)
        journal.entries.append(entry(STOPPED_BY, "stop", TENANT, ""))  # from when it has returned
        await clock.until(RESUMES_AT_HOURS)
        resumed = entry(RESUMED_BY, "resume", TENANT, "")
        await asyncio.to_thread(stops.resume, TENANT, RESUMED_BY, resumed.at)
        journal.entries.append(resumed)
    finally:
        engine.dispose()
