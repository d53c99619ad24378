"""Payment data is taken out, and nothing else is."""

import pytest

from closeloop.policy.redaction import redact


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("4111111111111111", "[card number]"),
        ("My card is 4111 1111 1111 1111.", "My card is [card number]."),
        ("5500-0000-0000-0004, please", "[card number], please"),
        ("amex 3782 822463 10005!", "amex [card number]!"),
        ("378282246310005", "[card number]"),
        ("6011 1111 1111 1117 and 4111111111111111", "[card number] and [card number]"),
        ("DE89 3704 0044 0532 0130 00", "[bank account]"),
        ("to DE89370400440532013000 please", "to [bank account] please"),
        ("to de89 3704 0044 0532 0130 00 next week", "to [bank account] next week"),
        ("GB82WEST12345698765432.", "[bank account]."),
        ("NO93 8601 1117 947", "[bank account]"),
    ],
)
def test_what_is_hidden(text: str, left: str) -> None:
    assert redact(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "Order #W1001, item 1008292230, $24.90",
        "4111 1111 1111 1112",  # fails the Luhn check
        "1732572812345",  # a moment in milliseconds
        "re_0831937e729d450f and 0f5b2c1e-4111-1111-1111-111111111111",
        "tracking 1Z999AA10123456784",
        "DE00 3704 0044 0532 0130 00",  # fails the modulo-97 check
        "2026-11-25T22:41:06.536457Z",
        "call +49 30 1234567 or 4111 1111",
        "",
    ],
)
def test_what_stands(text: str) -> None:
    assert redact(text) == text
