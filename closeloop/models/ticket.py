"""The ticket: what a caller hands in, and the words of its life."""

import hashlib
import json
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import EmailStr, Field, StringConstraints, model_validator

from closeloop.models.base import Input, UtcTime, Wire
from closeloop.names import DEFAULT_TENANT

MAX_BODY_CHARS = 20_000
ID_PATTERN = r"^[A-Za-z0-9_-]{1,64}$"

Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
OrderId = Annotated[str, StringConstraints(pattern=r"^#?[A-Za-z0-9_-]{1,40}$")]
Body = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_BODY_CHARS)
]


class Status(StrEnum):
    """Where a ticket stands."""

    NEW = "new"
    WORKING = "working"
    AWAITING_APPROVAL = "awaiting_approval"
    AWAITING_CUSTOMER = "awaiting_customer"
    ESCALATED = "escalated"
    RESOLVED = "resolved"
    CLOSED = "closed"


class Mode(StrEnum):
    """Who decides; from most to least autonomous."""

    AUTONOMOUS = "autonomous"
    ASSISTED = "assisted"
    ADVISORY = "advisory"
    SHADOW = "shadow"

    @property
    def rank(self) -> int:
        """0 for autonomous, rising as the agent may do less."""
        return list(Mode).index(self)


class Assurance(StrEnum):
    """How sure we are who writes; set by the channel or the caller, never by the text."""

    NONE = "none"
    CHANNEL_VERIFIED = "channel_verified"
    CONFIRMED = "confirmed"

    @property
    def rank(self) -> int:
        """0 for none, rising with certainty."""
        return list(Assurance).index(self)


Closure = Literal["confirmed", "verified_quiet", "unconfirmed"]
"""How a resolution ended; disjoint, and never added up silently."""


class CustomerRef(Input):
    """Who wrote: the shop's customer id or an e-mail address; at least one of them."""

    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")] | None = None
    email: EmailStr | None = None
    name: Annotated[str, StringConstraints(max_length=120)] | None = None

    @model_validator(mode="after")
    def _someone(self) -> Self:
        if self.id is None and self.email is None:
            raise ValueError("give the customer's id or email")
        return self


class TicketRequest(Input):
    """A ticket as it is handed in: the ticket file, field by field."""

    ticket_id: Id | None = None
    tenant: Id = DEFAULT_TENANT
    channel: Literal["email", "web", "chat", "phone", "api"] = "api"
    assurance: Assurance = Assurance.NONE
    customer: CustomerRef
    subject: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    body: Body
    order_ids: tuple[OrderId, ...] = Field(default=(), max_length=20)
    received_at: UtcTime | None = None
    metadata: dict[Id, Annotated[str, StringConstraints(max_length=500)]] = Field(
        default_factory=dict, max_length=20
    )


class Customer(Wire):
    """Who wrote, as a ticket carries it: checked at the door, not again at every replay."""

    id: str | None = None
    email: str | None = None
    name: str | None = None


class Ticket(Wire):
    """One customer problem, as its workflow keeps it."""

    ticket_id: str
    tenant: str
    channel: str = "api"
    assurance: Assurance = Assurance.NONE
    customer: Customer
    subject: str
    body: str
    order_ids: tuple[str, ...] = ()
    received_at: UtcTime
    metadata: dict[str, str] = Field(default_factory=dict)

    def content_hash(self) -> str:
        """Return what makes two openings of one id the same: customer, subject, body, order_ids."""
        content = {
            "customer": self.customer.model_dump(mode="json"),
            "subject": self.subject,
            "body": self.body,
            "order_ids": list(self.order_ids),
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class Message(Wire):
    """One message of the conversation; ``handled`` once a turn has read it."""

    message_id: str
    sender: Literal["customer", "closeloop", "person"]
    text: str
    at: UtcTime
    handled: bool = False
