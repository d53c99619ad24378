"""Personal data is found by its form or from records; all other words stay as they are."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from closeloop.redaction import find, redact


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("Mail me at nora.w+shop@mail.example.co.uk.", "Mail me at [email]."),
        ("My card 4111 1111 1111 1111 was charged", "My card [card] was charged"),
        ("card 378282246310005, please", "card [card], please"),
        ("Pay to DE89 3704 0044 0532 0130 00 today", "Pay to [iban] today"),
        ("GB29NWBK60161331926819", "[iban]"),
        ("SSN 078-05-1120.", "SSN [id]."),
        ("from 192.168.10.4 and 2001:db8::7", "from [ip] and [ip]"),
        ("Call +44 20 7946 0958 or (555) 010-9988 ext. 12", "Call [phone] or [phone]"),
        ("Office,+41 (0)69 979 80 58-Fax", "Office,[phone]-Fax"),
        ("order #W1001 and #1234567", "order [order] and [order]"),
        ("My order W1001 is late, order no. 7731", "My order [order] is late, order no. [order]"),
        ("Order number: W-20931, orders W1001 and W1002", "Order number: [order], orders [order]"),
        ("Send it to 12 Oak Street, Apt 4, Portland, OR 97205.", "Send it to [address]."),
        ("We live at Lindenstraße 7", "We live at [address]"),
        ("My name is Nora Whitfield and I", "My name is [name] and I"),
        ("Ask Mrs. O'Hara.", "Ask Mrs. [name]."),
        ("It works.\n\nBest regards,\nSamuel Reyes", "It works.\n\nBest regards,\n[name]"),
    ],
)
def test_what_is_personal_is_taken_out(text: str, redacted: str) -> None:
    assert redact(text) == redacted


@pytest.mark.parametrize(
    "text",
    [
        "I paid $1,234,567.00 on 2026-11-25, or 25/11/2026.",
        "Two mugs for €24.90, sent at 10:30:45.",
        "Version 3.1 of the Lark One weighs 640 g.",
        "30 days after delivery; 100% of it.",
        "Is this the way? Drive safely.",
        "I want to order 2 mugs and an order of 12 plates.",
        "In order 2026 was a good year; in order to order 200 plates.",
        "",
    ],
)
def test_all_other_words_stay(text: str) -> None:
    assert redact(text) == text
    assert find(text) == ()


def test_what_records_know_is_taken_out_as_whole_words() -> None:
    known = ("Nora Whitfield", "Nora", "12 Elm Rise", "Portland")
    text = "nora here, NORA  WHITFIELD of 12 Elm\nRise, Portland. Honorary title."
    assert redact(text, known=known) == "[name] here, [name] of [name], [name]. Honorary title."


def test_an_order_that_records_know_is_taken_out_with_and_without_its_mark() -> None:
    text = "#W1001, w1001 and W1001; not W10012 or XW1001"
    left = "[order], [order] and [order]; not W10012 or XW1001"
    assert redact(text, known=("#W1001",)) == left


def test_what_overlaps_is_taken_out_once() -> None:
    assert redact("Nora.Reyes@example.com", known=("Nora", "Reyes")) == "[email]"


@given(st.text(alphabet=st.sampled_from("aZ09 -+.@#()/,\n:"), max_size=200))
def test_any_text_is_redacted_and_what_stays_is_in_order(text: str) -> None:
    found = find(text)
    assert all(0 <= f.start < f.end <= len(text) for f in found)
    assert all(a.end <= b.start for a, b in pairwise(found))
