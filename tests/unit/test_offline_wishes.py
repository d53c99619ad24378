"""Several wishes in one message: done together, asked for again, or handed to a person."""

import pytest

from closeloop.actions.catalogue import parse
from closeloop.actions.orders import CancelOrder
from closeloop.actions.refunds import RefundPayment
from closeloop.offline import wording
from tests.unit.offline_support import Desk, Us, kind_of, reason_of, refused, text_of


@pytest.mark.parametrize(
    "words",
    [
        "Please cancel my order #W1007 and refund the headphones from #W1006.",
        "Refund my headphones please. Also, please cancel the kettle.",
        "I want a refund for #W1006, and please cancel #W1007",
    ],
)
@pytest.mark.parametrize("read_as", ["cancel_order", "refund_request"])
def test_two_wishes_of_one_message_are_both_done(desk: Desk, words: str, read_as: str) -> None:
    proposal = desk.propose(desk.request(read_as, words, who="priya_raman"))
    done = {type(params): params.target_order for params in map(parse, proposal.actions)}
    assert done == {CancelOrder: "#W1007", RefundPayment: "#W1006"}
    assert len({action.action_id for action in proposal.actions}) == 2
    text = text_of(proposal)
    assert "{{1.amount}}" in text
    assert "{{2.amount}}" in text
    assert text.count("Hello Priya,") == text.count(wording.SIGN_OFF) == 1


def test_what_is_unclear_is_said_to_be_open_and_the_rest_is_done(desk: Desk) -> None:
    words = "Please cancel #W1007. Also I want a refund for order #W9999."
    request = desk.request("cancel_order", words, who="priya_raman")
    proposal = desk.propose(request)
    assert [parse(action).target_order for action in proposal.actions] == ["#W1007"]
    assert wording.STILL_OPEN in text_of(proposal)
    again = desk.request("cancel_order", words, Us(text_of(proposal)), "#W1006", who="priya_raman")
    assert reason_of(desk.propose(again)) == "several_wishes"


def test_a_refusal_of_one_wish_leaves_the_other(desk: Desk) -> None:
    words = "Please cancel my order #W1007 and refund the headphones from #W1006."
    no = refused("refund.window", "More than 30 days have passed.")
    proposal = desk.propose(
        desk.request(
            "cancel_order",
            words,
            who="priya_raman",
            observations=[no],
            about="refund money back within days of delivery",
        )
    )
    assert kind_of(proposal) == "answer"
    assert [parse(action).target_order for action in proposal.actions] == ["#W1007"]
    assert "cannot be refunded" in text_of(proposal)


def test_a_condition_goes_to_a_person(desk: Desk) -> None:
    words = "Cancel #W1007 if it has not left. Otherwise please refund #W1006."
    proposal = desk.propose(desk.request("cancel_order", words, who="priya_raman"))
    assert reason_of(proposal) == "several_wishes"


@pytest.mark.parametrize(
    "words",
    [
        "If you cannot gift-wrap it, please cancel #W1007.",
        "Cancel #W1007 unless it comes before Friday.",
        "Can it be here by Friday? In case it can't, I want to cancel #W1007.",
        "I'd cancel #W1007 provided that it costs me nothing.",
        "Please cancel #W1007 if you can promise that it is free.",
    ],
)
def test_a_single_wish_on_a_condition_goes_to_a_person(desk: Desk, words: str) -> None:
    proposal = desk.propose(desk.request("cancel_order", words, who="priya_raman"))
    assert reason_of(proposal) == "conditional_wish"


@pytest.mark.parametrize(
    "words",
    [
        "Please cancel #W1007 if possible. If you have questions, call me.",
        "Cancel #W1007 if it hasn't been sent yet.",
        "I was wondering if you could cancel #W1007.",
        "Can you cancel #W1007, if it is not too late?",
    ],
)
def test_courtesy_and_what_the_order_settles_are_no_condition(desk: Desk, words: str) -> None:
    proposal = desk.propose(desk.request("cancel_order", words, who="priya_raman"))
    assert [parse(action).target_order for action in proposal.actions] == ["#W1007"]


def test_a_later_plain_word_counts_more_than_an_earlier_condition(desk: Desk) -> None:
    said = ("If you cannot gift-wrap it, cancel #W1007.", Us("We cannot."), "Then cancel #W1007.")
    proposal = desk.propose(desk.request("cancel_order", *said, who="priya_raman"))
    assert [parse(action).target_order for action in proposal.actions] == ["#W1007"]


def test_a_stranger_hears_nothing_of_either(desk: Desk) -> None:
    words = "Please cancel my order #W1007 and refund the headphones from #W1006."
    proposal = desk.propose(desk.request("cancel_order", words, who=None, assurance="none"))
    assert kind_of(proposal) == "question"
    assert "W1007" not in text_of(proposal)
