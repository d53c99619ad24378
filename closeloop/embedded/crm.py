"""The CRM: notes on customers, and cases in the human queue."""

import sqlite3
from datetime import UTC, datetime
from typing import ClassVar
from uuid import uuid4

from closeloop.embedded.database import once, result_of
from closeloop.embedded.faults import FaultyPort, reads, writes
from closeloop.errors import BackendRefused
from closeloop.models.handover import HandOverPack
from closeloop.models.records import AlertRecord, EscalationRecord, NoteRecord
from closeloop.models.routing import OpenCases


class EmbeddedCrm(FaultyPort):
    """The helpdesk's own records: implements ``closeloop.ports.Crm``."""

    port: ClassVar[str] = "crm"

    @writes
    def add_note(self, tenant: str, key: str, customer_id: str | None, text: str) -> NoteRecord:
        """Write a note; without a customer it stands on the ticket alone.

        Raises:
            BackendRefused: ``empty_text`` or ``idempotency_mismatch``.
        """
        if not text.strip():
            raise BackendRefused("a note needs text", code="empty_text")
        call = self.call_of(tenant, key, "add_note", (customer_id, text))
        with self.database.write() as connection:

            def add() -> NoteRecord:
                note = NoteRecord(
                    note_id=f"note_{uuid4().hex[:16]}",
                    key=key,
                    text=text,
                    created_at=datetime.now(UTC),
                )
                connection.execute(
                    "INSERT INTO notes (tenant, key, note_id, customer_id, text, created_at)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    (tenant, key, note.note_id, customer_id, text, note.created_at.isoformat()),
                )
                return note

            return once(connection, call, NoteRecord, add)

    @reads
    def find_note(self, tenant: str, key: str) -> NoteRecord | None:
        """Return the note written under ``key``."""
        with self.database.read() as connection:
            row = connection.execute(
                "SELECT note_id, text, created_at FROM notes WHERE tenant = ? AND key = ?",
                (tenant, key),
            ).fetchone()
        if row is None:
            return None
        return NoteRecord(
            note_id=row[0], key=key, text=row[1], created_at=datetime.fromisoformat(row[2])
        )

    @writes
    def create_escalation(
        self,
        tenant: str,
        key: str,
        queue: str,
        reason: str,
        pack: str,
        person: str | None = None,
        details: HandOverPack | None = None,
    ) -> EscalationRecord:
        """Put a case with its hand-over pack into a human queue, or give it to a person of it.

        Raises:
            BackendRefused: ``empty_text`` or ``idempotency_mismatch``.
        """
        for name, value in (("queue", queue), ("reason", reason), ("hand-over pack", pack)):
            if not value.strip():
                raise BackendRefused(f"a case needs a {name}", code="empty_text")
        document = details.model_dump_json() if details is not None else ""
        call = self.call_of(
            tenant, key, "create_escalation", (queue, reason, pack, person, document)
        )
        with self.database.write() as connection:

            def create() -> EscalationRecord:
                case = EscalationRecord(
                    escalation_id=f"case_{uuid4().hex[:16]}",
                    key=key,
                    queue=queue,
                    person=person,
                    status="open",
                    created_at=datetime.now(UTC),
                )
                connection.execute(
                    "INSERT INTO escalations (tenant, key, escalation_id, queue, person, reason,"
                    " pack, details, status, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        tenant,
                        key,
                        case.escalation_id,
                        queue,
                        person,
                        reason,
                        pack,
                        document,
                        case.status,
                        case.created_at.isoformat(),
                    ),
                )
                return case

            return once(connection, call, EscalationRecord, create)

    @reads
    def find_escalation(self, tenant: str, key: str) -> EscalationRecord | None:
        """Return the case created under ``key``."""
        with self.database.read() as connection:
            return _case(connection, tenant, key)

    @writes
    def close_escalation(self, tenant: str, key: str) -> EscalationRecord:
        """Mark the case created under ``key`` as done; one that is done stays so.

        Raises:
            BackendRefused: ``no_case``.
        """
        with self.database.write() as connection:
            connection.execute(
                "UPDATE escalations SET status = 'done' WHERE tenant = ? AND key = ?",
                (tenant, key),
            )
            case = _case(connection, tenant, key)
        if case is None:
            raise BackendRefused(f"there is no case under {key!r}", code="no_case")
        return case

    @reads
    def open_cases(self, tenant: str) -> tuple[OpenCases, ...]:
        """Return how many open cases each queue has with each of its people."""
        with self.database.read() as connection:
            rows = connection.execute(
                "SELECT queue, person, count(*) FROM escalations"
                " WHERE tenant = ? AND status = 'open' GROUP BY queue, person"
                " ORDER BY queue, person",
                (tenant,),
            ).fetchall()
        return tuple(OpenCases(queue=row[0], person=row[1], count=row[2]) for row in rows)

    @writes
    def raise_alert(self, tenant: str, key: str, queue: str, text: str) -> AlertRecord:
        """Tell the people of a queue something at once, without making it a case.

        Raises:
            BackendRefused: ``empty_text`` or ``idempotency_mismatch``.
        """
        for name, value in (("queue", queue), ("text", text)):
            if not value.strip():
                raise BackendRefused(f"an alert needs a {name}", code="empty_text")
        call = self.call_of(tenant, key, "raise_alert", (queue, text))
        with self.database.write() as connection:

            def tell() -> AlertRecord:
                alert = AlertRecord(
                    alert_id=f"alert_{uuid4().hex[:16]}",
                    key=key,
                    queue=queue,
                    text=text,
                    created_at=datetime.now(UTC),
                )
                connection.execute(
                    "INSERT INTO alerts (tenant, key, alert_id, queue, text, created_at)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    (tenant, key, alert.alert_id, queue, text, alert.created_at.isoformat()),
                )
                return alert

            return once(connection, call, AlertRecord, tell)

    @reads
    def find_alert(self, tenant: str, key: str) -> AlertRecord | None:
        """Return the alert raised under ``key``."""
        with self.database.read() as connection:
            return result_of(connection, tenant, self.port, key, AlertRecord)


def _case(connection: sqlite3.Connection, tenant: str, key: str) -> EscalationRecord | None:
    row = connection.execute(
        "SELECT escalation_id, queue, person, status, created_at FROM escalations"
        " WHERE tenant = ? AND key = ?",
        (tenant, key),
    ).fetchone()
    if row is None:
        return None
    return EscalationRecord(
        escalation_id=row[0],
        key=key,
        queue=row[1],
        person=row[2],
        status=row[3],
        created_at=datetime.fromisoformat(row[4]),
    )
