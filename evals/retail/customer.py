"""A scripted customer: a task's scenario in the customer's own words, as a ticket and as answers.

The ticket is the scenario's ``reason_for_call`` and ``known_info`` as they stand, put into the first
person. To a question the customer answers with the one sentence of the whole scenario (also of
``task_instructions``, which are for later, and of ``unknown_info``) that has most words in common
with it. Asked for a yes, they say yes where the question is about a thing that the scenario speaks
of, or about no thing at all, and no otherwise. They never say more than the scenario does, and draw
nothing: the same questions get the same answers.

It is simpler than the language models that play customers elsewhere. It does not hold back what a
scenario wants held back, and does not act on an ``if``: it says the sentence, and the desk reads it.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from closeloop.errors import ConfigurationError
from closeloop.models.ticket import Status
from closeloop.models.view import TicketView
from closeloop.policy.claims import sentences
from closeloop.policy.vocabulary import words_of
from evals.retail.data import Json, Task

SUBJECT: Final = "My request"
NO_MORE: Final = "I do not know more than what I wrote."
MAX_ANSWERS: Final = 6
"""Then the customer has had enough, and the ticket ends with a question."""
STRANGER: Final = "nobody@customer.example.com"

_OPENING: Final = ("reason_for_call", "known_info")
_LATER: Final = ("task_instructions", "unknown_info")
_WANTS_YES: Final = re.compile(
    r"\b(?:confirm|yes|proceed|go (?:ahead|on)|correct|shall (?:we|i)"
    r"|(?:would|do) you (?:like|want|agree)|are you (?:sure|happy|okay))\b",
    re.IGNORECASE,
)


class ScriptedCustomer:
    """The port ``Customer`` of a played ticket, from a task's scenario."""

    def __init__(self, task: Task, shop: Mapping[str, Any]) -> None:
        """Read the scenario; ``shop`` is the data's state, for who it is and what things there are.

        Raises:
            ConfigurationError: the task has no scenario.
        """
        told = _told(task)
        self._who = who_is(told["known_info"], shop["users"])
        self._opening = first_person("\n\n".join(told[key] for key in _OPENING if told[key]))
        later = first_person("\n".join(told[key] for key in _LATER))
        self._knows = sentences(f"{self._opening}\n{later}")
        self._things = words_of(" ".join(one["name"] for one in shop["products"].values()))
        self._named = words_of(" ".join(self._knows))

    def ticket(self) -> Mapping[str, object]:
        """Return the ticket; the channel knows who writes if the scenario says it, as a login."""
        return {
            "channel": "chat",
            "assurance": "confirmed" if self._who else "none",
            "customer": {"id": self._who} if self._who else {"email": STRANGER},
            "subject": SUBJECT,
            "body": self._opening,
        }

    def says(self, view: TicketView) -> str | None:
        """Return the answer to a question; None to an answer, and once patience is over."""
        answers = sum(message.sender == "customer" for message in view.messages) - 1
        if view.status is not Status.AWAITING_CUSTOMER or answers >= MAX_ANSWERS:
            return None
        return self.answer(view.messages[-1].text)

    def answer(self, question: str) -> str:
        """Return what the scenario has on a question."""
        asked = words_of(question)
        best = max(self._knows, key=lambda sentence: len(asked & words_of(sentence)))
        said = best if asked & words_of(best) else NO_MORE
        if not _WANTS_YES.search(question):
            return said
        things = asked & self._things
        return f"Yes, please. {said}" if not things or things & self._named else f"No. {said}"


def _told(task: Task) -> dict[str, str]:
    told: Json = (task.scenario or {}).get("instructions") or {}
    if not told.get("reason_for_call"):
        raise ConfigurationError(
            f"tasks*.json: task {task.task_id}: user_scenario.instructions.reason_for_call: is"
            " missing"
        )
    return {key: str(told.get(key) or "").strip() for key in (*_OPENING, *_LATER)}


def who_is(text: str, users: Mapping[str, Any]) -> str | None:
    """Return whose account a text names: by e-mail, user id, or both names and zip; one alone."""
    words = frozenset(re.findall(r"[\w.@-]*\w", text))

    def is_named(user_id: str, user: Json) -> bool:
        name, address = user["name"], user["address"]
        by_name = {name["first_name"], name["last_name"], address["zip"]} <= words
        return user_id in words or user["email"] in words or by_name

    found = [user_id for user_id, user in users.items() if is_named(user_id, user)]
    return found[0] if len(found) == 1 else None


_OBJECT: Final = (
    "to|for|with|of|from|by|at|on|about|(?:ask|tell|save|give|send|let|help|cost|make)s?|made"
)
_PERSONS: Final = re.compile(
    rf"\b(?:(?P<before>{_OBJECT}) you|you(?: are|'re)|you were|yourself|yours?|you)\b",
    re.IGNORECASE,
)
_FIRST: Final = {
    "you are": "I am",
    "you're": "I'm",
    "you were": "I was",
    "yourself": "myself",
    "yours": "mine",
    "your": "my",
    "you": "I",
}


def first_person(text: str) -> str:
    """Return a text about "you" as that person says it; nothing else is changed."""

    def said(match: re.Match[str]) -> str:
        if match["before"]:
            return f"{match['before']} me"
        word = _FIRST[match[0].lower()]
        return word[0].upper() + word[1:] if match[0][0].isupper() else word

    return _PERSONS.sub(said, text.replace("\u2019", "'"))
