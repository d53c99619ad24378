"""Fills the placeholders of a reply from receipts: the only way an effect is ever claimed."""

import re
from collections.abc import Sequence
from typing import Final

from closeloop.models.proposal import ActionRecord, ActionState, Draft, Receipt

_PLACEHOLDER: Final = re.compile(r"\{\{(?P<name>[^{}]*)\}\}")
_NAME: Final = re.compile(r"(?P<number>[1-9][0-9]{0,3})\.(?P<field>amount|receipt_id|summary)")
_QUOTE_CHARS: Final = 60


def render_reply(draft: Draft, records: Sequence[ActionRecord]) -> str:
    """Return the draft's text with its placeholders filled from receipts.

    They are ``{{n.amount}}``, ``{{n.receipt_id}}`` and ``{{n.summary}}``.
    ``records`` are those of the draft's proposal, in its order; n counts them from 1. Only an
    action that was verified lends its receipt (no claim without a receipt). What is filled in is
    never read for placeholders again.

    Raises:
        ValueError: a placeholder is unknown or broken, or its action has no receipt to show;
            names the placeholder.
    """

    def fill(match: re.Match[str]) -> str:
        return _value(match["name"], records)

    for rest in _PLACEHOLDER.split(draft.text)[::2]:
        for mark in ("{{", "}}"):
            if mark in rest:
                near = rest[rest.index(mark) :][:_QUOTE_CHARS]
                raise ValueError(f"the reply has a broken placeholder: {near!r}")
    return _PLACEHOLDER.sub(fill, draft.text)


def _value(name: str, records: Sequence[ActionRecord]) -> str:
    shown = "{{" + name[:_QUOTE_CHARS] + "}}"
    parts = _NAME.fullmatch(name.strip())
    if parts is None:
        raise ValueError(
            f"the reply has the unknown placeholder {shown}:"
            " use {{n.amount}}, {{n.receipt_id}} or {{n.summary}}"
        )
    number = int(parts["number"])
    if number > len(records):
        raise ValueError(f"the reply says {shown}, but there are only {len(records)} actions")
    receipt = _receipt(records[number - 1], shown)
    match parts["field"]:
        case "amount":
            if receipt.amount is None:
                raise ValueError(f"the reply says {shown}, but that receipt has no amount")
            return str(receipt.amount)
        case "receipt_id":
            return receipt.receipt_id
        case _:
            return receipt.summary


def _receipt(record: ActionRecord, shown: str) -> Receipt:
    if record.state is not ActionState.VERIFIED or record.receipt is None:
        raise ValueError(
            f"the reply says {shown}, but {record.action.kind} is {record.state.value}"
            " and has no verified receipt"
        )
    return record.receipt
