"""Codes in a customer's words are found, and taken out of what is kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from closeloop.policy import codes

CODE = st.integers(0, 10**8 - 1).map(lambda n: f"{n:08d}")


@given(code=CODE, between=st.sampled_from(["", " ", "-", "\u00a0"]))
def test_a_code_is_found_however_it_is_written(code: str, between: str) -> None:
    text = f"It is {code[:4]}{between}{code[4:]}, thank you."
    assert codes.found(text) == (code,)
    assert codes.hidden(text) == codes.HIDDEN


@given(code=CODE, words=st.text(max_size=80))
def test_what_is_found_is_not_left_in_the_text(code: str, words: str) -> None:
    text = f"{words}\n{codes.shown(code)}\n{words}"
    assert code in codes.found(text)
    assert codes.found(codes.hidden(text)) == ()
    assert code[:4] + " " + code[4:] not in codes.hidden(text)


@given(text=st.text(max_size=120))
def test_a_text_without_a_code_stays_as_it_is(text: str) -> None:
    if not codes.found(text):
        assert codes.hidden(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "Order #12345678 is broken.",
        "My tracking number is 123456789.",
        "Call me on +12345678.",
        "It cost 1234567.89 dollars.",
        "Order W12345678",
        "1234 5678 9012",
    ],
)
def test_other_numbers_are_no_codes(text: str) -> None:
    assert codes.found(text) == ()


def test_what_else_a_message_says_stays() -> None:
    text = "The code is 1234 5678. And please let me speak to a person."
    assert codes.hidden(text) == "The code is [code]. And please let me speak to a person."


def test_a_message_full_of_codes_is_no_way_around_the_limit() -> None:
    text = " / ".join(f"{n:04d} 5678" for n in range(50))
    assert len(codes.found(text)) == codes.MOST
    assert codes.found(codes.hidden(text)) == ()
