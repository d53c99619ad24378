"""The outbox: messages to customers, kept where a mail server would send them."""

from datetime import UTC, datetime
from typing import ClassVar
from uuid import uuid4

from closeloop.embedded.database import once
from closeloop.embedded.faults import FaultyPort, reads, writes
from closeloop.errors import BackendRefused
from closeloop.models.records import SentMessage

_MESSAGE = "SELECT sent_id, key, ticket_id, recipient, text, sent_at FROM messages"


class EmbeddedOutbox(FaultyPort):
    """Messages to customers: implements ``closeloop.ports.Outbox``."""

    port: ClassVar[str] = "outbox"

    @writes
    def send(
        self, tenant: str, key: str, ticket_id: str, to: str, subject: str, text: str
    ) -> SentMessage:
        """Send one message.

        Raises:
            BackendRefused: ``empty_text``, ``no_recipient`` or ``idempotency_mismatch``.
        """
        if not text.strip():
            raise BackendRefused("a message needs text", code="empty_text")
        if not to.strip():
            raise BackendRefused("a message needs somebody to go to", code="no_recipient")
        call = self.call_of(tenant, key, "send", (ticket_id, to, subject, text))
        with self.database.write() as connection:

            def send() -> SentMessage:
                sent = SentMessage(
                    sent_id=f"msg_{uuid4().hex[:16]}",
                    key=key,
                    ticket_id=ticket_id,
                    to=to,
                    text=text,
                    sent_at=datetime.now(UTC),
                )
                connection.execute(
                    "INSERT INTO messages (tenant, key, sent_id, ticket_id, recipient, subject,"
                    " text, sent_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        tenant,
                        key,
                        sent.sent_id,
                        ticket_id,
                        to,
                        subject,
                        text,
                        sent.sent_at.isoformat(),
                    ),
                )
                return sent

            return once(connection, call, SentMessage, send)

    @reads
    def find(self, tenant: str, key: str) -> SentMessage | None:
        """Return the message sent under ``key``."""
        with self.database.read() as connection:
            row = connection.execute(
                f"{_MESSAGE} WHERE tenant = ? AND key = ?", (tenant, key)
            ).fetchone()
        return None if row is None else _sent(row)

    def messages(self, tenant: str, ticket_id: str | None = None) -> tuple[SentMessage, ...]:
        """Return what was sent, oldest first, of one ticket or of all; no port: faults spare it."""
        with self.database.read() as connection:
            rows = connection.execute(
                f"{_MESSAGE} WHERE tenant = ? AND (? IS NULL OR ticket_id = ?) ORDER BY rowid",
                (tenant, ticket_id, ticket_id),
            ).fetchall()
        return tuple(_sent(row) for row in rows)


def _sent(row: tuple[str, str, str, str, str, str]) -> SentMessage:
    sent_id, key, ticket_id, to, text, sent_at = row
    return SentMessage(
        sent_id=sent_id,
        key=key,
        ticket_id=ticket_id,
        to=to,
        text=text,
        sent_at=datetime.fromisoformat(sent_at),
    )
