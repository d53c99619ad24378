"""What people made of proposals, kept to learn from."""

from closeloop.models.approval import Edit, RequestOutcome
from closeloop.models.base import Money, UtcTime, Wire
from closeloop.models.proposal import Action


class DecisionLabel(Wire):
    """A person's decision beside what was proposed.

    ``edit`` is what they changed, ``reason`` and ``words`` why they rejected it, ``question`` what
    they asked the customer instead.
    """

    request_id: str
    at: UtcTime
    outcome: RequestOutcome
    approver: str
    first_approver: str | None = None
    reason: str | None = None
    words: str = ""
    question: str | None = None
    edit: Edit | None = None
    intent: str | None = None
    actions: tuple[Action, ...] = ()
    reply: str | None = None
    total: Money | None = None
    source: str = ""


class TicketDecision(DecisionLabel):
    """A decision with the ticket it was made on."""

    ticket_id: str
