"""What a past ticket keeps of a conversation: no amount, and nothing that a record knows."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.past_tickets import personal_words, without_amounts
from closeloop.models.base import Money
from closeloop.models.records import CustomerRecord
from closeloop.redaction import redact

NORA = CustomerRecord(
    customer_id="nora_whitfield_1001",
    first_name="Nora",
    last_name="Whitfield",
    email="nora.whitfield@example.com",
    order_ids=("#W1001",),
    contact_changed_at=datetime(2026, 1, 1, tzinfo=UTC),
)


@pytest.mark.parametrize(
    "amount",
    [
        *("$5", "$1,234.50", "US$ 50", "€ 18,50", "18.50 €", "18,50€", "£20", "¥500", "500 ¥"),
        *("CHF 30", "30 CHF", "50USD", "USD 50.00", "sfr. 30", "kr 200", "200 kr"),
        *("50 bucks", "fifty dollars", "twenty-five euros", "12.5 pounds", "99 cents"),
        *("two hundred dollars", "20 quid", "$ 1 234,50", "1.234,50 EUR", "5k dollars"),
    ],
)
def test_an_amount_is_taken_out(amount: str) -> None:
    assert without_amounts(f"It was {amount}, I think.") == "It was [amount], I think."


@pytest.mark.parametrize(
    "text",
    [
        "Two mugs of 300 ml came on 2026-11-25, 30 days late, 100% broken.",
        "I have bucked the trend. The European union, a dollar sign, the pounding rain.",
        "Version 3.1, 12 plates and chf without a number.",
    ],
)
def test_all_other_words_stay(text: str) -> None:
    assert without_amounts(text) == text


@given(st.integers(min_value=0, max_value=10**9), st.sampled_from(["USD", "EUR", "CHF", "SEK"]))
def test_no_digit_of_what_we_write_ourselves_stays(minor: int, currency: str) -> None:
    written = str(Money(amount_minor=minor, currency=currency))
    assert without_amounts(f"You get {written}.") == "You get [amount]."


def test_what_a_record_knows_is_taken_out() -> None:
    text = "Account nora_whitfield_1001, w1001, #W1001. Nora"
    assert redact(text, known=personal_words(NORA)) == "Account [name], [order], [order]. [name]"
