"""A scripted customer: a task's scenario in the customer's own words, as a ticket and as answers.

The ticket is the scenario's ``reason_for_call`` as it stands, but in the first person. Who writes
the channel knows, from ``known_info``, as after a login. To a question the customer answers with
the one sentence of the whole scenario (also of ``known_info``, ``task_instructions`` and
``unknown_info``) that has most words in common with it; words that every desk uses count only where
nothing else decides, and the customer's own name not at all. Asked for a yes, they say yes where
the question is about a thing that the scenario speaks of, or about no thing at all, and otherwise
no. They never say more than the scenario does. Nothing is drawn: the same question gets the same
answer.

It is simpler than the language models that play customers elsewhere: it holds nothing back that a
scenario wants held back, and acts on no ``if``, but says the sentence, for the desk to read.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from closeloop.errors import ConfigurationError
from closeloop.models.ticket import Status
from closeloop.models.view import TicketView
from closeloop.policy.claims import sentences
from closeloop.policy.vocabulary import DESK, words_of
from evals.retail.data import Json, Task

SUBJECT: Final = "My request"
NO_MORE: Final = "I do not know more than what I wrote."
MAX_ANSWERS: Final = 6
"""Then the customer has had enough, and the ticket ends with a question."""
STRANGER: Final = "nobody@customer.example.com"

_REASON: Final = "reason_for_call"
_KNOWN: Final = "known_info"
_TOLD: Final = (_REASON, _KNOWN, "task_instructions", "unknown_info")
"""The fields of a scenario; of two sentences that answer equally well the earlier is said."""
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
        self._who = who_is(told[_KNOWN], shop["users"])
        user = shop["users"].get(self._who) or {"name": {}}
        self._name = words_of(" ".join(user["name"].values()))
        self._reason = first_person(told[_REASON])
        self._knows = sentences(first_person("\n".join(told.values())))
        self._things = words_of(" ".join(one["name"] for one in shop["products"].values()))
        self._named = words_of(" ".join(self._knows))

    def ticket(self) -> Mapping[str, object]:
        """Return the ticket; where the scenario does not say who writes, nobody knows."""
        return {
            "channel": "chat",
            "assurance": "confirmed" if self._who else "none",
            "customer": {"id": self._who} if self._who else {"email": STRANGER},
            "subject": SUBJECT,
            "body": self._reason,
        }

    def says(self, view: TicketView) -> str | None:
        """Return the answer to a question; None to an answer, and once patience is over."""
        answers = sum(message.sender == "customer" for message in view.messages) - 1
        if view.status is not Status.AWAITING_CUSTOMER or answers >= MAX_ANSWERS:
            return None
        return self.answer(view.messages[-1].text)

    def answer(self, question: str) -> str:
        """Return what the scenario has on a question."""
        asked = words_of(question) - self._name

        def common(sentence: str) -> tuple[int, int]:
            shared = asked & words_of(sentence)
            return len(shared - DESK), len(shared)

        best = max(self._knows, key=common)
        said = best if any(common(best)) else NO_MORE
        if not _WANTS_YES.search(question):
            return said
        things = asked & self._things
        return f"Yes, please. {said}" if not things or things & self._named else f"No. {said}"


def _told(task: Task) -> dict[str, str]:
    told: Json = (task.scenario or {}).get("instructions") or {}
    if not told.get(_REASON):
        raise ConfigurationError(
            f"tasks*.json: task {task.task_id}: user_scenario.instructions.{_REASON}: is missing"
        )
    return {key: str(told.get(key) or "").strip() for key in _TOLD}


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
