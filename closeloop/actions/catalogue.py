"""The catalogue: every action kind there is, found by its name."""

from typing import Final

from pydantic import ValidationError

from closeloop.actions.base import ActionKind
from closeloop.actions.callbacks import CancelCallback, RescheduleCallback, ScheduleCallback
from closeloop.actions.customers import IssueStoreCredit, UpdateCustomerAddress
from closeloop.actions.desk import AddCrmNote, CreateEscalationCase, SendReplyMessage
from closeloop.actions.items import ExchangeItems, ModifyOrderItems, ReturnItems
from closeloop.actions.orders import CancelOrder, ModifyOrderAddress, ModifyOrderPayment
from closeloop.actions.refunds import RefundPayment
from closeloop.models.proposal import Action

CATALOGUE: Final[dict[str, type[ActionKind]]] = {
    cls.kind: cls
    for cls in (
        RefundPayment,
        CancelOrder,
        ModifyOrderItems,
        ModifyOrderAddress,
        ModifyOrderPayment,
        ReturnItems,
        ExchangeItems,
        UpdateCustomerAddress,
        IssueStoreCredit,
        ScheduleCallback,
        RescheduleCallback,
        CancelCallback,
        AddCrmNote,
        CreateEscalationCase,
        SendReplyMessage,
    )
}

WORKFLOW_ONLY: Final = frozenset({CreateEscalationCase.kind, SendReplyMessage.kind})
"""Kinds that the workflow performs as steps of its own; a resolver cannot propose them."""


class UnknownKind(ValueError):
    """There is no such action kind here: an older worker, or a model's invention."""


def parse(action: Action) -> ActionKind:
    """Return the action with exact parameters.

    Raises:
        UnknownKind: the kind is not in the catalogue.
        ValueError: a parameter is wrong; names it.
    """
    cls = CATALOGUE.get(action.kind)
    if cls is None:
        raise UnknownKind(f"there is no action kind {action.kind[:64]!r}")
    try:
        return cls.model_validate(action.params)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "params"
        raise ValueError(f"{action.kind}: {field}: {first['msg']}") from error
