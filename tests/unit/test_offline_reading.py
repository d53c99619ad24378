"""What the offline resolver reads out of words, addresses and articles."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from closeloop.models.knowledge import Passage
from closeloop.offline import wording
from closeloop.offline.playbooks.addresses import read_address
from closeloop.offline.playbooks.quoting import fact_on, quote_on, statements, topic_words
from closeloop.offline.playbooks.reading import (
    amounts_minor,
    looks_like_order_number,
    numbers_named,
    only_asks,
    says_yes,
    units_meant,
    wished_minor,
    without_quotes,
)

# --- words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("#W1001", ("#W1001",)),
        ("it is w1001, thanks", ("#W1001",)),
        ("order no. 1002!", ("#W1002",)),
        ("my order 1001 and #1002", ("#W1001", "#W1002")),
        ("W10015 or XW1001", ()),
        ("I paid 1001 dollars", ()),
    ],
)
def test_numbers_are_read_in_the_ways_people_write_them(text: str, named: tuple[str, ...]) -> None:
    assert numbers_named(text, ["#W1001", "#W1002"]) == named


@pytest.mark.parametrize(
    ("text", "looks"),
    [
        ("#W9999", True),
        ("W4242 please", True),
        ("order number 55512", True),
        ("apartment #3", False),
        ("I ordered 2 mugs for $1200", False),
        ("an E26 bulb", False),
    ],
)
def test_the_shape_of_an_order_number(text: str, looks: bool) -> None:
    assert looks_like_order_number(text) is looks


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("$30", (3000,)),
        ("30.00, not 89,50", (3000, 8950)),
        ("USD 12 or 7 dollars", (1200, 700)),
        ("no amount, 30 days", ()),
    ],
)
def test_amounts(text: str, minor: tuple[int, ...]) -> None:
    assert amounts_minor(text) == minor


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("please refund me $10", 1000),
        ("give me back 12.50 dollars", 1250),
        ("I paid $145.50 and want a refund", None),
        ("refund my order", None),
    ],
)
def test_an_amount_is_wished_only_where_it_is_asked_for(text: str, minor: int | None) -> None:
    assert wished_minor(text) == minor


@pytest.mark.parametrize(
    ("text", "available", "units"),
    [
        ("my mug broke", 2, 1),
        ("both mugs broke", 2, 2),
        ("one of the two mugs", 2, 1),
        ("my mugs broke", 3, 3),
        ("two of them", 3, 2),
        ("all of them", 3, 3),
        ("three mugs", 2, 2),
        ("the mug broke 2 days ago", 2, 1),
        ("both", 1, 1),
    ],
)
def test_units_meant(text: str, available: int, units: int) -> None:
    assert units_meant(text, "mug", available) == units


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("How do I cancel?", True),
        ("Hi, is it too late to cancel?", True),
        ("Please cancel it", False),
        ("How long is it on its way? Cancel it please.", False),
        ("Where is my mug?", False),
    ],
)
def test_asking_about_is_not_asking_for(text: str, asks: bool) -> None:
    assert only_asks(text, ("cancel",)) is asks


def test_yes_is_a_short_plain_yes() -> None:
    assert says_yes("Yes, please!")
    assert says_yes("that's the one")
    assert not says_yes("yes, but not that one")
    assert not says_yes("yesterday it broke")
    assert not says_yes("yes " + "and " * 100)


def test_quoted_mail_is_not_the_customers_word() -> None:
    text = "the moss one\n> Is it #W1 or #W2?\nOn Mon, 3 May Shop wrote:\nIs it #W3?"
    assert without_quotes(text) == "the moss one"


# --- addresses -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "Please ship #W1016 to 88 Birch Avenue, Apt 4, Albany, NY 12207 please",
            ("88 Birch Avenue", "Apt 4", "Albany", "NY", "12207"),
        ),
        (
            "I bought 2 lamps, send them to 88 Birch Ave, Albany, New York 12207.",
            ("88 Birch Ave", "", "Albany", "NY", "12207"),
        ),
        (
            "My new address:\n27 New Street\n5th Floor\nSanta Fe, NM 87501-1234\nThanks",
            ("27 New Street", "5th Floor", "Santa Fe", "NM", "87501-1234"),
        ),
        ("14 elm st\naustin\ntx 78701", ("14 elm st", "", "austin", "TX", "78701")),
        (
            "not 1 Old Rd, Reno, NV 89501 but 2 New Rd, Elko, NV 89801",
            ("2 New Rd", "", "Elko", "NV", "89801"),
        ),
        ("P.O. Box 12, Reno, NV 89501", ("P.O. Box 12", "", "Reno", "NV", "89501")),
        (
            "9 Pine Way, Charleston, West Virginia 25301",
            ("9 Pine Way", "", "Charleston", "WV", "25301"),
        ),
    ],
)
def test_addresses_are_read(text: str, parts: tuple[str, ...]) -> None:
    address = read_address(text)
    assert address is not None
    read = (address.address1, address.address2, address.city, address.state, address.zip)
    assert read == parts
    assert address.country == "USA"


@pytest.mark.parametrize(
    "text",
    [
        "88 Birch Avenue",
        "12 Oak Street, Boston",
        "12 Oak Street, Boston, XX 02110",
        "Hauptstrasse 5, 10115 Berlin",
        "send it to Albany, NY 12207",
        "I want 2 things, please come to us, Albany, NY 12207",
    ],
)
def test_anything_less_certain_is_no_address(text: str) -> None:
    assert read_address(text) is None


@given(st.text(max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    address = read_address(text)
    assert address is None or address.zip[:5].isdigit()
    amounts_minor(text)
    units_meant(text, "mug", 3)


# --- articles ------------------------------------------------------------------------------------


def passage(title: str, text: str, name: str = "p") -> Passage:
    return Passage(
        passage_id=name, article_id="a", title=title, kind="policy", version="1", score=1, text=text
    )


def test_statements_are_sentences_items_and_rows_in_plain_text() -> None:
    text = (
        "First *one* runs\nover two lines. See [that](x.md)!\n\n"
        "1. Step one\n2. Step two\n   goes on\n\n"
        "| size | price |\n|---|---|\n| small | 1.50 |\n"
    )
    assert statements(text) == (
        "First one runs over two lines.",
        "See that!",
        "Step one",
        "Step two goes on",
        "size small, price 1.50.",
    )


def test_a_quote_holds_no_placeholder_and_is_bounded() -> None:
    quote = quote_on(
        topic_words("refund window"), [passage("Refund window", "The refund {{1.amount}} " * 90)]
    )
    assert quote is not None
    assert "{{" not in quote.text
    assert len(quote.text) <= 420


def test_a_quote_speaks_of_the_topic_or_there_is_none() -> None:
    long = passage("Refunds: How long", "You have 30 days after delivery. We like tea.", "long")
    other = passage("Shipping", "We ship on Mondays. Delivery takes 3 days.", "other")
    topic = topic_words("refund days after delivery")
    quote = quote_on(topic, [other, long], must="days delivery")
    assert quote is not None
    assert (quote.passage_id, quote.text) == ("long", "You have 30 days after delivery.")
    assert quote_on(topic_words("gift cards"), [other, long]) is None
    assert quote_on(topic_words(""), [other, long]) is None


def test_a_fact_speaks_of_the_subject_and_of_what_is_asked() -> None:
    mug = passage("Stoneware Mug: Care", "Dishwasher safe. Not for the oven.", "mug")
    lamp = passage("Lamp: Care", "Not for the dishwasher.", "lamp")
    fact = fact_on("Can the mugs go into a dishwasher?", [lamp, mug])
    assert fact is not None
    assert (fact.passage_id, fact.text) == ("mug", "Dishwasher safe.")
    assert fact_on("Is the mug waterproof?", [lamp, mug]) is None
    assert fact_on("", [lamp, mug]) is None


# --- wording -------------------------------------------------------------------------------------


def test_foreign_text_cannot_break_a_letter() -> None:
    assert wording.neutral("a {{1.amount}}\n\nb", 100) == "a ((1.amount)) b"
    assert wording.letter(None, ["x", "", "y"]) == "Hello,\n\nx\n\ny\n\nThe support team"
    assert wording.letter("Eve\n{{x}}", ["x"]).startswith("Hello Eve ((x)),")
