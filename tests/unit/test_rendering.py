"""No claim without a receipt: what a reply may say, and what stops it."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from closeloop.models.base import Money
from closeloop.models.proposal import Action, ActionRecord, ActionState, Draft, Receipt
from closeloop.models.rendering import render_reply

AT = datetime(2026, 3, 1, tzinfo=UTC)
FIELDS = ("amount", "receipt_id", "summary")
NO_BRACES = st.text(st.characters(exclude_characters="{}"), max_size=30)


def record(
    number: int = 1,
    state: ActionState = ActionState.VERIFIED,
    *,
    amount: int | None = 2490,
    summary: str = "money is back",
    receipt: bool = True,
) -> ActionRecord:
    money = None if amount is None else Money(amount_minor=amount)
    return ActionRecord(
        action=Action(action_id=f"p1-a{number}", kind="refund_payment"),
        state=state,
        receipt=Receipt(receipt_id=f"re_{number}", summary=summary, amount=money, at=AT)
        if receipt
        else None,
    )


def test_fills_every_field_from_the_receipt_of_the_numbered_action() -> None:
    text = "{{1.amount}} ({{1.receipt_id}}), then {{2.amount}}: {{ 2.summary }}."
    records = [record(1), record(2, amount=123456)]
    assert render_reply(Draft(text=text), records) == (
        "$24.90 (re_1), then $1,234.56: money is back."
    )


def test_text_without_placeholders_stays_as_it_is() -> None:
    assert render_reply(Draft(text="One { brace } is fine."), []) == "One { brace } is fine."


def test_what_is_filled_in_is_not_read_again() -> None:
    sly = record(summary="{{2.amount}} and {{nonsense}}")
    assert render_reply(Draft(text="{{1.summary}}"), [sly]) == "{{2.amount}} and {{nonsense}}"


@pytest.mark.parametrize("state", [s for s in ActionState if s is not ActionState.VERIFIED])
@pytest.mark.parametrize("field", FIELDS)
def test_an_action_that_is_not_verified_lends_no_receipt(state: ActionState, field: str) -> None:
    placeholder = f"{{{{1.{field}}}}}"
    with pytest.raises(ValueError, match=re.escape(placeholder)) as caught:
        render_reply(Draft(text=f"Done: {placeholder}"), [record(state=state)])
    assert state.value in str(caught.value)


def test_a_verified_action_without_a_receipt_lends_none_either() -> None:
    with pytest.raises(ValueError, match=r"\{\{1\.amount\}\}.*no verified receipt"):
        render_reply(Draft(text="{{1.amount}}"), [record(receipt=False)])


def test_an_amount_that_the_receipt_does_not_have() -> None:
    with pytest.raises(ValueError, match=r"\{\{1\.amount\}\}.*no amount"):
        render_reply(Draft(text="{{1.amount}}"), [record(amount=None)])


@pytest.mark.parametrize(
    "text",
    ["{{3.amount}}", "{{0.amount}}", "{{1.price}}", "{{amount}}", "{{}}", "{{1.amount.x}}"],
)
def test_an_unknown_placeholder_is_named(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(text)):
        render_reply(Draft(text=f"x {text} y"), [record(1), record(2)])


@pytest.mark.parametrize("text", ["{{1.amount", "1.amount}}", "{{1.am{ount}}", "{{{{1.amount}}"])
def test_a_broken_placeholder_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="placeholder"):
        render_reply(Draft(text=text), [record()])


@given(
    parts=st.lists(
        st.one_of(
            NO_BRACES.map(lambda words: (words, words)),
            st.tuples(st.integers(1, 3), st.sampled_from(FIELDS)).map(
                lambda pick: (f"{{{{{pick[0]}.{pick[1]}}}}}", pick)
            ),
        ),
        max_size=8,
    ),
    verified=st.lists(st.booleans(), min_size=3, max_size=3),
)
def test_a_reply_is_rendered_exactly_when_every_claim_has_a_receipt(
    parts: list[tuple[str, str | tuple[int, str]]], verified: list[bool]
) -> None:
    records = [
        record(n, ActionState.VERIFIED if ok else ActionState.UNKNOWN)
        for n, ok in enumerate(verified, start=1)
    ]
    values = {"amount": "$24.90", "receipt_id": "re_{n}", "summary": "money is back"}
    draft = Draft(text="".join(text for text, _ in parts))
    claims = {what[0] for _, what in parts if isinstance(what, tuple)}
    if any(not verified[n - 1] for n in claims):
        with pytest.raises(ValueError, match="no verified receipt"):
            render_reply(draft, records)
        return
    expected = "".join(
        values[what[1]].format(n=what[0]) if isinstance(what, tuple) else what for _, what in parts
    )
    assert render_reply(draft, records) == expected


@given(st.text(st.sampled_from("{}1.amountx "), max_size=40))
def test_no_placeholder_survives_rendering(text: str) -> None:
    try:
        rendered = render_reply(Draft(text=text), [record()])
    except ValueError:
        return
    assert "{{" not in rendered
    assert "}}" not in rendered
