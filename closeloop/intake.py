"""What callers hand in, made exact: tickets, decisions, operations, and their ids. Pure."""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from closeloop.errors import BadInput, Refused
from closeloop.models.approval import BackendEvent, Edit, RecordedResolution, RejectCode
from closeloop.models.base import clip
from closeloop.models.ticket import ID_PATTERN, Assurance, Mode, Ticket, TicketRequest

MAX_SKEW: Final = timedelta(minutes=5)
"""How far a caller's clock may be ahead of ours."""

_MAX_SUBJECT: Final = 200
_SHOWN: Final = 60

Model = TypeVar("Model", bound=BaseModel)


def parse_input(model: type[Model], data: object) -> Model:
    """Return ``data`` as ``model``.

    Raises:
        BadInput: one line that names the dotted field and says what to do; where there are several
            mistakes, a field that does not exist comes first, for it is often what another lacks.
    """
    try:
        return model.model_validate(data, extra="forbid")
    except ValidationError as error:
        found: list[Any] = [dict(one) for one in error.errors(include_url=False)]
    found.sort(key=lambda one: one["type"] != "extra_forbidden")
    first = found[0]
    field = ".".join(str(part) for part in first["loc"] if part != "[key]") or None
    words = f"{field or 'the input'} {_problem(model, first)}"
    if len(found) > 1:
        words += f" (and {len(found) - 1} more to correct)"
    raise BadInput(words, field=field) from None


def make_ticket(
    request: TicketRequest | Mapping[str, object], *, tenant: str, now: datetime
) -> Ticket:
    """Return the ticket that ``request`` asks for, with a random id where it names none.

    Raises:
        BadInput: a field is wrong, or ``received_at`` lies in the future.
        Refused: the request names another tenant (``wrong_tenant``).
    """
    asked = request if isinstance(request, TicketRequest) else parse_input(TicketRequest, request)
    if "tenant" in asked.model_fields_set and asked.tenant != tenant:
        raise Refused(
            f"the ticket names tenant {asked.tenant!r}, and this caller acts for {tenant!r}",
            code="wrong_tenant",
        )
    if asked.received_at is not None and asked.received_at > now + MAX_SKEW:
        raise BadInput(
            f"received_at {asked.received_at.isoformat()} lies in the future: give the time at "
            "which the message arrived, with its offset, or leave it out",
            field="received_at",
        )
    given = {name: getattr(asked, name) for name in TicketRequest.model_fields}
    return Ticket.model_validate(
        given
        | {
            "ticket_id": asked.ticket_id or random_id(),
            "tenant": tenant,
            "customer": asked.customer.model_dump(),
            "received_at": asked.received_at or now,
        }
    )


def follow_up(
    closed: Ticket, text: str, ticket_id: str, assurance: Assurance, *, now: datetime
) -> Ticket:
    """Return the ticket that a message to the ``closed`` one opens, for its customer and orders.

    The assurance is the message's own: how the closed ticket's writer was known says nothing about
    who writes now.
    """
    return Ticket(
        ticket_id=ticket_id,
        tenant=closed.tenant,
        channel=closed.channel,
        assurance=assurance,
        customer=closed.customer,
        subject=clip(f"Follow-up to {closed.ticket_id}", _MAX_SUBJECT),
        body=text,
        order_ids=closed.order_ids,
        received_at=now,
    )


def looking_again(closed: Ticket, event: BackendEvent, ticket_id: str, *, now: datetime) -> Ticket:
    """Return the ticket that a hint about the ``closed`` one opens: nobody has written."""
    return follow_up(
        closed,
        clip(f"{event.kind}: {event.effect_id or 'any effect'} of {event.ticket_id}", _MAX_SUBJECT),
        ticket_id,
        Assurance.NONE,
        now=now,
    ).model_copy(update={"channel": "api"})


def random_id() -> str:
    """Return 16 characters of base32, 80 bits: not to be guessed, easy to read out."""
    return base64.b32encode(secrets.token_bytes(10)).decode().lower()


def decision_id(
    request_id: str,
    approver: str,
    *,
    approve: bool,
    reason: RejectCode | None,
    words: str,
    edit: Edit | None,
    ask: str | None = None,
) -> str:
    """Return the same id for the same decision, so that repeating it is harmless."""
    content = edit.model_dump(mode="json") if edit else None
    parts = [request_id, approver, approve, reason, words, content]
    return _digest("d", parts if ask is None else [*parts, ask])


def operation_id(
    operation: str,
    approver: str,
    *,
    resolution: RecordedResolution | None,
    mode: Mode | None,
    after: str | None,
) -> str:
    """Return the id of an operation.

    Recording a resolution or lowering a mode has the same id each time, so that repeating it is
    harmless; ``after`` is the customer's last message, and tells two resolutions of a reopened
    ticket apart. Claiming, taking over and handing back may be meant again each time: their ids are
    random.
    """
    if operation in ("claim", "take_over", "hand_back"):
        return f"o-{random_id()}"
    content = resolution.model_dump(mode="json") if resolution else None
    return _digest("o", [operation, approver, content, mode, after])


def message_digest(message_id: str) -> str:
    """Return a hash of a message id, which may be an e-mail's own and so name a person."""
    return _digest("m", [message_id])


def event_digest(event_id: str) -> str:
    """Return a hash of a backend event's id."""
    return _digest("e", [event_id])


def _digest(prefix: str, content: Sequence[object]) -> str:
    text = json.dumps(content, sort_keys=True)
    return f"{prefix}-{hashlib.sha256(text.encode()).hexdigest()[:40]}"


def _problem(model: type[BaseModel], error: Mapping[str, Any]) -> str:
    """Say what is wrong with one field; pydantic's own words where they are plain enough."""
    context: Mapping[str, Any] = error.get("ctx", {})
    value = error["input"]
    match error["type"]:
        case "extra_forbidden":
            known = f"; known: {', '.join(model.model_fields)}" if len(error["loc"]) == 1 else ""
            return f"is not a known field: remove it{known}"
        case "missing":
            return "is missing"
        case "string_too_short":
            return "must not be empty"
        case "string_too_long":
            return f"is too long: {len(value)} characters, at most {context['max_length']}"
        case "string_pattern_mismatch" if context["pattern"] == ID_PATTERN:
            return f"{_shown(value)} is not a valid id: use 1 to 64 of letters, digits, '_' and '-'"
        case "string_pattern_mismatch":
            return f"{_shown(value)} has the wrong form: it must match {context['pattern']}"
        case "enum" | "literal_error":
            return f"{_shown(value)} is not one of {context['expected']}"
        case "value_error":
            return f"is wrong: {error['msg'].removeprefix('Value error, ')}"
        case "model_type" | "model_attributes_type" | "dict_type":
            return "must be an object with named fields"
        case "tuple_type":
            return "must be a list"
        case "too_long":
            return (
                f"has too many entries: {context['actual_length']}, at most {context['max_length']}"
            )
        case "string_type" | "string_unicode":
            return "must be text"
        case "timezone_aware":
            return f"{_shown(value)} lacks its offset: write it as 2027-01-31T12:00:00Z"
        case "datetime_type" | "datetime_parsing" | "datetime_from_date_parsing":
            return f"{_shown(value)} is not a time: write it as 2027-01-31T12:00:00Z"
        case _:
            words: str = error["msg"]
            return f"is wrong: {words[:1].lower()}{words[1:]}, not {_shown(value)}"


def _shown(value: object) -> str:
    return clip(repr(value), _SHOWN)
