"""The desk's own bookkeeping: notes, cases in the human queue, replies."""

import hashlib
from typing import Annotated, ClassVar

from pydantic import StringConstraints

from closeloop.actions.base import ActionKind, Effect
from closeloop.models.records import OrderRecord
from closeloop.models.ticket import Assurance, Body

ShortText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4_000)]


class AddCrmNote(ActionKind):
    """Write a note on the customer's record."""

    kind: ClassVar[str] = "add_crm_note"
    assurance: ClassVar[Assurance] = Assurance.NONE
    internal: ClassVar[bool] = True

    text: ShortText

    def effect(self, ticket_id: str, order: OrderRecord | None) -> Effect:
        """Name the note by ticket and content: the same note is written once."""
        digest = hashlib.sha256(self.text.encode()).hexdigest()[:16]
        return Effect(effect_id=f"note:{ticket_id}:{digest}")

    def describe(self) -> str:
        """Say that a note is written."""
        return "Write a note on the customer's record"


class CreateEscalationCase(ActionKind):
    """Put a case with its hand-over pack into a human queue."""

    kind: ClassVar[str] = "create_escalation"
    assurance: ClassVar[Assurance] = Assurance.NONE
    internal: ClassVar[bool] = True

    number: int
    queue: str
    reason: str

    def effect(self, ticket_id: str, order: OrderRecord | None) -> Effect:
        """Name the case by ticket and number: each stay with people is one case."""
        return Effect(effect_id=f"escalation:{ticket_id}:{self.number}")

    def describe(self) -> str:
        """Say where the case goes."""
        return f"Hand the ticket to the {self.queue} queue: {self.reason}"


class SendReplyMessage(ActionKind):
    """Send a reply to the contact on file."""

    kind: ClassVar[str] = "send_reply"
    assurance: ClassVar[Assurance] = Assurance.NONE
    internal: ClassVar[bool] = True

    number: int
    text: Body

    def effect(self, ticket_id: str, order: OrderRecord | None) -> Effect:
        """Name the reply by ticket and number: a reply is sent once."""
        return Effect(effect_id=f"reply:{ticket_id}:{self.number}")

    def describe(self) -> str:
        """Say that a reply is sent."""
        return "Send a reply to the customer"
