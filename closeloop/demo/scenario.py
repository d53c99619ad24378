"""A scenario file: a ticket, what people do along the way, and how it must end."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, ValidationError, model_validator

from closeloop.errors import ConfigurationError
from closeloop.models.approval import Edit, OperationName, RecordedResolution, RejectCode
from closeloop.models.base import Input
from closeloop.models.proposal import ActionState
from closeloop.models.ticket import Body, Closure, Mode, Status, TicketRequest


class BackOfficeRefund(Input):
    """A refund that a person makes in the payments system itself."""

    order_id: str
    amount_minor: int = Field(gt=0)


class Rejection(Input):
    """A rejection with its reason."""

    reason: RejectCode
    words: str = ""


class Deed(Input):
    """What somebody does; exactly one of these.

    ``give_code`` answers with the code that was sent to the contact on file (false: a wrong one),
    ``call`` makes the call that is booked. ``ask`` puts a question to the customer in the place of
    a decision; ``stop`` stops the tenant's autonomous writes, for this reason, until ``resume``.
    """

    fault: str | None = None
    say: Body | None = None
    give_code: bool | None = None
    approve: Literal[True] | None = None
    edit: Edit | None = None
    reject: Rejection | None = None
    refund: BackOfficeRefund | None = None
    record_resolution: RecordedResolution | None = None
    ask: Body | None = None
    claim: Literal[True] | None = None
    take_over: Literal[True] | None = None
    hand_back: Literal[True] | None = None
    stop: str | None = Field(default=None, min_length=1)
    resume: Literal[True] | None = None
    call: Literal["reached", "not_reached"] | None = None
    open: "Scenario | None" = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = {name for name in type(self).model_fields if getattr(self, name) is not None}
        if len(given - {"edit"}) != 1 or (self.edit is not None and self.approve is None):
            raise ValueError("give exactly one deed (an edit goes with approve)")
        return self

    @property
    def planted(self) -> bool:
        """Whether it is done before the ticket opens."""
        return self.fault is not None or self.stop is not None

    @property
    def unseen(self) -> bool:
        """Whether the ticket stands as it stood: it saw nothing of this, or goes on waiting."""
        return self.refund is not None or self.take_over is not None or self.resume is not None

    @property
    def operation(self) -> OperationName | None:
        """The operation that it is, of those that say nothing more."""
        if self.claim:
            return "claim"
        if self.take_over:
            return "take_over"
        return "hand_back" if self.hand_back else None


class Play(Input):
    """``who`` does something once the ticket stands at ``after``.

    ``start`` is before it opens, ``late`` once its resolution is overdue.
    """

    after: Literal["start", "late"] | Status
    who: str
    does: Deed

    @model_validator(mode="after")
    def _in_time(self) -> Self:
        if (self.after == "start") != self.does.planted:
            raise ValueError("a fault or a stop, and nothing else, comes before the start")
        if self.does.fault is not None and "(" not in self.does.fault:
            raise ValueError(
                "name whose calls the fault hits, as in payments.refund(#W1002)=503:x3"
            )
        return self


class ExpectedAction(Input):
    """How one action must end; ``attempts`` only where it is certain."""

    kind: str
    state: ActionState
    attempts: int | None = None


class ExpectedCase(Input):
    """Where a ticket that went to people stood in the helpdesk, and how its case must end."""

    queue: str
    person: str | None = None
    status: Literal["open", "done"]


class Expectation(Input):
    """How the ticket must end; its cases, and whether it was late, are compared where given.

    ``refunded_minor`` is what the payments system shows as given back on the customer's orders
    since the demo began; ``messages_to_customer`` counts what the outbox sent on this ticket.
    """

    status: Status
    closure: Closure | None = None
    mode: Mode
    actions: tuple[ExpectedAction, ...] = ()
    refunded_minor: int = 0
    messages_to_customer: int
    cases: tuple[ExpectedCase, ...] | None = None
    late: bool | None = None


class Scenario(Input):
    """One ticket of the demo."""

    name: str
    ticket: TicketRequest
    plays: tuple[Play, ...] = ()
    expect: Expectation


def read_scenarios(folder: Path) -> Sequence[Scenario]:
    """Return the scenarios of a folder by file name.

    Raises:
        ConfigurationError: there are none, or a file is wrong; names the file and the field.
    """
    files = sorted(folder.glob("*.json"))
    if not files:
        raise ConfigurationError(f"{folder}: there are no scenario files (*.json)")
    return [_read(file) for file in files]


def _read(file: Path) -> Scenario:
    try:
        return Scenario.model_validate(json.loads(file.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise ConfigurationError(f"{file}: {field}: {first['msg']}") from error
    except ValueError as error:
        raise ConfigurationError(f"{file}: not JSON: {error}") from error
