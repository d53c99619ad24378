"""The desk's calendar: calls to customers, and what those who called have entered."""

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from typing import ClassVar, Final, Literal
from uuid import uuid4

from closeloop.embedded.database import once
from closeloop.embedded.faults import FaultyPort, reads, writes
from closeloop.errors import BackendRefused
from closeloop.models.callbacks import CallbackRecord, CallbackStatus, Slot
from closeloop.policy.calendars import in_words

_CALL: Final = (
    "SELECT booking_id, key, ticket_id, customer_id, starts_at, ends_at, zone, status, entered_by"
    " FROM callbacks WHERE tenant = ?"
)


class EmbeddedCalendar(FaultyPort):
    """Calls to customers: implements ``closeloop.ports.Calendar``."""

    port: ClassVar[str] = "calendar"

    @writes
    def book(
        self, tenant: str, key: str, ticket_id: str, customer_id: str, slot: Slot, zone: str
    ) -> CallbackRecord:
        """Book a call.

        Raises:
            BackendRefused: ``idempotency_mismatch``.
        """
        start, end = _text(slot.starts_at), _text(slot.ends_at)
        call = self.call_of(tenant, key, "book", (ticket_id, customer_id, start, end, zone))
        with self.database.write() as connection:

            def book() -> CallbackRecord:
                booking_id = f"call_{uuid4().hex[:16]}"
                connection.execute(
                    "INSERT INTO callbacks (tenant, booking_id, key, ticket_id, customer_id,"
                    " starts_at, ends_at, zone, status) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'booked')",
                    (tenant, booking_id, key, ticket_id, customer_id, start, end, zone),
                )
                return _there(connection, tenant, booking_id)

            return once(connection, call, CallbackRecord, book)

    @writes
    def move(self, tenant: str, key: str, booking_id: str, slot: Slot) -> CallbackRecord:
        """Move a call that was not made yet; refuses as ``closeloop.ports.Calendar`` says."""
        start, end = _text(slot.starts_at), _text(slot.ends_at)

        def move(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE callbacks SET starts_at = ?, ends_at = ?"
                " WHERE tenant = ? AND booking_id = ?",
                (start, end, tenant, booking_id),
            )

        return self._change(tenant, key, booking_id, ("move", start, end), move)

    @writes
    def cancel(self, tenant: str, key: str, booking_id: str) -> CallbackRecord:
        """Call a call off; refuses as ``closeloop.ports.Calendar`` says."""

        def cancel(connection: sqlite3.Connection) -> None:
            _enter(connection, tenant, booking_id, "cancelled", None)

        return self._change(tenant, key, booking_id, ("cancel",), cancel)

    @reads
    def get(self, tenant: str, booking_id: str) -> CallbackRecord | None:
        """Return a call as it stands."""
        with self.database.read() as connection:
            return _found(connection, tenant, booking_id)

    @reads
    def find(self, tenant: str, key: str) -> CallbackRecord | None:
        """Return the call booked under ``key``, as it stands."""
        with self.database.read() as connection:
            row = connection.execute(f"{_CALL} AND key = ?", (tenant, key)).fetchone()
        return None if row is None else _record(row)

    @reads
    def calls(self, tenant: str, since: datetime) -> tuple[CallbackRecord, ...]:
        """Return the calls that end after a time, in the order of their beginnings."""
        with self.database.read() as connection:
            rows = connection.execute(
                f"{_CALL} AND ends_at > ? ORDER BY starts_at, rowid", (tenant, _text(since))
            ).fetchall()
        return tuple(map(_record, rows))

    def every(self, tenant: str) -> tuple[CallbackRecord, ...]:
        """Return every call, in the order of booking; no port: faults spare it."""
        with self.database.read() as connection:
            rows = connection.execute(f"{_CALL} ORDER BY rowid", (tenant,)).fetchall()
        return tuple(map(_record, rows))

    def enter(
        self, tenant: str, booking_id: str, outcome: Literal["reached", "not_reached"], by: str
    ) -> CallbackRecord:
        """Enter what came of a call, as whoever called does; no port: faults spare it.

        Raises:
            BackendRefused: ``no_booking``, or ``not_booked`` where something else was entered.
        """
        with self.database.write() as connection:
            found = _there(connection, tenant, booking_id)
            if found.status == outcome:
                return found
            _require_booked(found)
            _enter(connection, tenant, booking_id, outcome, by)
            return _there(connection, tenant, booking_id)

    def _change(
        self,
        tenant: str,
        key: str,
        booking_id: str,
        what: tuple[str, ...],
        change: Callable[[sqlite3.Connection], None],
    ) -> CallbackRecord:
        call = self.call_of(tenant, key, what[0], (booking_id, *what[1:]))
        with self.database.write() as connection:

            def work() -> CallbackRecord:
                _require_booked(_there(connection, tenant, booking_id))
                change(connection)
                return _there(connection, tenant, booking_id)

            return once(connection, call, CallbackRecord, work)


def _enter(
    connection: sqlite3.Connection,
    tenant: str,
    booking_id: str,
    status: CallbackStatus,
    by: str | None,
) -> None:
    connection.execute(
        "UPDATE callbacks SET status = ?, entered_by = ? WHERE tenant = ? AND booking_id = ?",
        (status, by, tenant, booking_id),
    )


def _require_booked(call: CallbackRecord) -> None:
    if call.status != "booked":
        raise BackendRefused(f"call {call.booking_id} is {call.status} already", code="not_booked")


def _there(connection: sqlite3.Connection, tenant: str, booking_id: str) -> CallbackRecord:
    found = _found(connection, tenant, booking_id)
    if found is None:
        raise BackendRefused(f"there is no call {booking_id[:80]!r}", code="no_booking")
    return found


def _found(connection: sqlite3.Connection, tenant: str, booking_id: str) -> CallbackRecord | None:
    row = connection.execute(f"{_CALL} AND booking_id = ?", (tenant, booking_id)).fetchone()
    return None if row is None else _record(row)


def _record(
    row: tuple[str, str, str, str, str, str, str, CallbackStatus, str | None],
) -> CallbackRecord:
    booking_id, key, ticket_id, customer_id, starts_at, ends_at, zone, status, entered_by = row
    start = datetime.fromisoformat(starts_at)
    return CallbackRecord(
        booking_id=booking_id,
        key=key,
        ticket_id=ticket_id,
        customer_id=customer_id,
        starts_at=start,
        ends_at=datetime.fromisoformat(ends_at),
        zone=zone,
        said=in_words(start, zone),
        status=status,
        entered_by=entered_by,
    )


def _text(at: datetime) -> str:
    """Return a time so that times and their texts have the same order."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")
