"""Reading a customer's yes, in words the reader was not written against."""

from __future__ import annotations

import pytest

from closeloop.offline.confirmation import read_confirmation, read_yes_no

SOLVED = [
    "Yes, all sorted, thank you!",
    "It arrived this morning, perfect. 5/5",
    "no thanks, all good",
    "No further questions.",
    "money is back on my card, cheers",
    "That fixed it.",
    "works now",
    "Solved. 4 out of 5",
    "no problems any more, thanks",
    "Got the refund, thx :)",
    "👍",
    "yep",
    "Thank you so much",
    "Hi,\n\nyes that did the trick.\n\nBest regards,\nOla",
    "The new cup came today and it isn't broken, thanks",
    "Not a problem any longer!",
    "yes, nothing else, you can close it",
    "It's ok now\n\nOn Mon, 3 May 2027 at 10:00 Shop wrote:\n> Is it still not working?",
]

STILL_BROKEN = [
    "yes but it still doesn't work",
    "not solved",
    "No.",
    "nope, nothing on my account yet",
    "I still have not received anything",
    "The refund never came",
    "that did not help",
    "It is broken again",
    "same problem as before",
    "Isn't fixed. 1/5",
    "Where is my money??",
    "thanks, but no luck so far",
    "Nothing has happened since your mail.",
    "It doesnt work",
    "Thank you for the quick reply. Unfortunately the problem persists.",
    "no!! still waiting",
    "It's not ok",
    "Not really",
    "The replacement is cracked too",
    "no\n\n> Did this solve your problem? Reply yes or no.",
]

SOMETHING_ELSE = [
    "thanks, and can you also cancel order #W3",
    "yes please refund it",
    "what are your opening hours?",
    "I have another question about the blue mug",
    "hmm",
    "",
    "let me check and get back to you",
    "maybe",
    "Who is this?",
    "yes and please change the address of W88 as well",
    "I'll tell you once it arrives",
    "speak to a human please",
    "Thanks! By the way, do you sell umbrellas?",
    "> yes",
    "I want to return the other one too",
]

SCORES: list[tuple[str, int | None]] = [
    ("5/5", 5),
    ("All good, 4 out of 5", 4),
    ("yes. score: 3", 3),
    ("Rating 2", 2),
    ("I'd give it 1 star", 1),
    ("5 stars!", 5),
    ("4", 4),
    ("solved, 4 / 5", 4),
    ("yes, thanks", None),
    ("5/5 items arrived, thanks", None),
    ("3 out of 5 plates are broken", None),
    ("it came on 4/5/2027", None),
    ("it came on 4/5", None),
    ("0/5", None),
    ("7/5", None),
    ("10/10", None),
    ("I got 4 of them", None),
    ("order W5 came", None),
]

YES = [
    "yes",
    "Yes please refund it",
    "sure, go ahead",
    "ok",
    "that's fine by me",
    "Please do.",
    "correct",
    "sounds good",
    "why not",
    "y",
    "of course!",
    "yes, no need to call me",
    "no problem, go ahead",
    "👍",
    "Hello, yes, I agree. Kind regards, Tom",
    "absolutely",
    "Yes, do cancel it",
]

NO = [
    "no",
    "No thanks",
    "please don't",
    "please don't refund it",
    "I'd rather not",
    "leave it",
    "absolutely not",
    "never mind",
    "no, keep the order",
    "not now",
    "nope",
    "Don't do that",
    "I do not agree",
    "no\n> shall we cancel? yes / no",
]

UNCLEAR = [
    "yes and no",
    "maybe",
    "what does that cost?",
    "yes but only if shipping is free",
    "",
    "I don't know",
    "not sure",
    "which one?",
    "yes, but send it to another address",
    "no idea",
    "if it's free then yes",
    "yes, unless it has shipped already",
    "The weather is nice",
    "yes? no!",
    "> yes",
    "is that okay?",
]


@pytest.mark.parametrize("text", SOLVED)
def test_a_customer_who_says_it_is_solved(text: str) -> None:
    assert read_confirmation(text).answer == "yes"


@pytest.mark.parametrize("text", STILL_BROKEN)
def test_a_customer_whose_problem_remains(text: str) -> None:
    assert read_confirmation(text).answer == "still_broken"


@pytest.mark.parametrize("text", SOMETHING_ELSE)
def test_a_new_wish_or_an_unclear_word_is_not_a_confirmation(text: str) -> None:
    assert read_confirmation(text).answer == "other"


@pytest.mark.parametrize(("text", "score"), SCORES)
def test_the_satisfaction_score(text: str, score: int | None) -> None:
    assert read_confirmation(text).score == score


@pytest.mark.parametrize("text", YES)
def test_a_yes_to_a_question(text: str) -> None:
    assert read_yes_no(text) == "yes"


@pytest.mark.parametrize("text", NO)
def test_a_no_to_a_question(text: str) -> None:
    assert read_yes_no(text) == "no"


@pytest.mark.parametrize("text", UNCLEAR)
def test_anything_else_is_no_consent(text: str) -> None:
    assert read_yes_no(text) == "unclear"
