"""What a person's reply tells of as having come about needs a receipt, in whatever words."""

import pytest

from tests.unit.test_grounding import check


@pytest.mark.parametrize(
    "text",
    [
        "Your money is with you already, the amount was sent to your card this morning.",
        "The sum has been wired to you, Samuel.",
        "You have your 139 dollars back.",
        "I put a stop to order W1032.",
        "Order W1032 is settled, it will not ship and the amount is back on your card.",
        "The mug's price is on your card again.",
        "The money went back to your card yesterday.",
        "$24.90 is back on your card.",
        "The full amount has already been returned to your bank account.",
        "You've got your money back.",
        "You received the refund.",
        "I wired you the $24.90 today.",
        "We put the amount back on your card.",
        "I have transferred the sum.",
        "Your account shows the amount again.",
        "The cash is on its way.",
        "It's been refunded.",
        "It's cancelled.",
        "Your money has reached you.",
        "I have stopped your order.",
        "Your order was halted.",
        "The parcel won't be sent.",
        "I pulled your order back.",
        "Your order goes to the new address.",
        "I paid you back.",
        "The 139 dollars are yours again.",
        "You will find the amount on your card already.",
        "The charge was taken off your card.",
        "Your order has been taken out of dispatch.",
        "I've just killed order W1032.",
        "The voucher is in your account.",
        "As you asked, your money is back on your card.",
    ],
)
def test_a_result_that_nothing_shows_is_refused(text: str) -> None:
    for by_person in (True, False):
        found = check(text, by_person=by_person).problems
        assert "effect" in {problem.kind for problem in found}


@pytest.mark.parametrize(
    "text",
    [
        "Your money is back on your card.",
        "The sum has been wired to you, Samuel.",
        "You have your 139 dollars back.",
        "The money for order #W1001 went back to your card.",
    ],
)
def test_a_result_stands_with_its_receipt_or_record(text: str) -> None:
    done = frozenset({"refund_payment"})
    assert check(text, by_person=True, done=done).problems == ()
    assert check(text, by_person=True, refunded=True).problems == ()


@pytest.mark.parametrize(
    "text",
    [
        "Do you have your money back?",
        "Have you got your money back?",
        "Is the amount back on your card?",
        "Once the money is back on your card, please tell me.",
        "Please check whether the amount was sent to your card.",
        "You wrote that the money is not back on your card yet.",
        "The money is not back on your card yet.",
        "You do not have your money back yet, and I am sorry for it.",
        "The amount on your card statement is $24.90.",
        "The amount was paid by card on 3 March.",
        "I sent you the price list.",
        "I pulled up your order.",
        "I looked at your order, and it will not ship before Monday.",
        "We cannot stop order #W1001 any more.",
        "The courier says that the parcel is lost.",
        "I will see that you get your money back.",
        "You had asked for your money back.",
        "You have 30 days to ask for your money back.",
        "You have the right to your money back.",
        "The total was sent to you by e-mail with the invoice.",
        "The cost of the parcel back to us is ours.",
        "It's a pleasure.",
        "I got your message about the money back.",
        "I have passed the cost question to a colleague, who gets back to you.",
        "I am sorry that no money went back to you so far.",
        "Money goes back to how the order was paid, within five days.",
        "The price is shown again on the page of the mug.",
        "Your payment was received with thanks.",
        "I understand that the cost is a worry to you.",
        "The total is with our bookkeepers.",
        "If you send the parcel back, the amount is returned to your card.",
    ],
)
def test_plain_honest_words_of_a_person_pass(text: str) -> None:
    assert check(text, by_person=True).problems == ()
