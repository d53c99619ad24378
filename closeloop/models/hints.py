"""What a backend's webhook says, once it is known to be genuine; a hint is never a receipt."""

from typing import Literal

from closeloop.models.approval import BackendEvent
from closeloop.models.base import Wire


class BackendHint(Wire):
    """Something of ours has moved: tell the ticket that made it, which reads it back.

    ``reference`` is the backend's own id of what moved, for people.
    """

    event: BackendEvent
    tenant: str
    ticket_id: str
    reference: str


class IgnoredEvent(Wire):
    """A genuine event that no ticket needs to hear of; the sender is told that it arrived."""

    event_id: str
    type: str
    why: Literal["type", "pending", "not_ours"]


class Hinted(Wire):
    """What became of a hint, and at which ticket: ``opened`` is a linked one, for a closed one."""

    ticket_id: str
    event_id: str
    outcome: Literal["delivered", "opened", "no_ticket"]
