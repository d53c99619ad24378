"""Reads several wishes out of one message, and makes one proposal of what became of each.

A wish is a part of the customer's words that plainly asks for one remedy; see ``policy.consent``.
Each is planned on its own, as if the other parts had not been written. What is clear is done
together. What needs a word from the customer is said to be open, and asked for in a message of its
own. Where a person is needed for one of them, or none of them is clear, a person gets them all.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from closeloop.actions.base import ActionParams
from closeloop.actions.catalogue import CATALOGUE
from closeloop.actions.items import ExchangeItems, ReturnItems
from closeloop.actions.orders import CancelOrder
from closeloop.actions.refunds import RefundPayment
from closeloop.models.base import clip
from closeloop.models.proposal import Action, Draft, Proposal
from closeloop.offline import wording
from closeloop.offline.playbooks import drafting
from closeloop.offline.playbooks.case import CUSTOMER, Case
from closeloop.offline.playbooks.reading import plain, sentences
from closeloop.policy.wished import names_remedy

MAX_WISHES: Final = 3
"""More of them in one message is more than can be read with any trust."""

_REMEDIES: Final[dict[str, type[ActionParams]]] = {
    "cancel_order": CancelOrder,
    "refund_request": RefundPayment,
    "return_item": ReturnItems,
    "exchange_item": ExchangeItems,
}
_MONEY: Final = frozenset(
    {"refund_request", "partial_refund", "damaged_or_wrong_item", "double_charge"}
)
"""Intents that the wish for a refund belongs to."""
_SAME: Final = frozenset({"refund_request", "return_item"})
"""Two words for one wish, where one thing is meant: to send it back and be paid."""
_PART: Final = re.compile(
    r"(?<=[.?!;])\s+|\n+|,?\s+(?:and(?: also| then)?|also|plus)\s+(?=(?:please\s+|kindly\s+)?"
    r"(?:cancel|refund|return|exchange|swap|call off|send|give|i'd|i want|i would|can|could)\b)",
    re.IGNORECASE,
)
_CONDITION: Final = re.compile(r"\b(?:if|unless|otherwise|in case|depending|provided)\b")
_OF_COURSE: Final = re.compile(
    r"\bif (?:(?:that|it)(?:'s| is) )?(?:at all |still )?possible\b"
    r"|\bif you (?:still )?can\b(?=\W*$|[,.;!?)])"
    r"|\bif (?:it|that|the (?:order|parcel|package))(?:'s| is| has| was)?(?:n't| not)(?: yet)?"
    r"(?: been)? (?:left|shipped|sent|dispatched|gone|too late)\b"
    r"|\b(?:wonder(?:ing|ed)?|know|see|ask(?:ing)?|tell (?:me|us)|check) if (?:you|i|we)\b"
)
"""Conditions that are courtesy, or that the order's own state settles before anything is done."""
_PLACEHOLDER: Final = re.compile(r"\{\{1\.")


@dataclass(frozen=True, slots=True)
class Wish:
    """One intent, and the parts of the customer's words that speak of it alone."""

    intent: str
    parts: tuple[str, ...]


def wishes(case: Case, intent: str) -> tuple[Wish, ...]:
    """Return the wishes in the customer's last message, in their order.

    ``intent`` is how the whole was read; one wish or none is that intent alone.
    """
    found: dict[str, list[str]] = {}
    for part in filter(None, map(str.strip, _PART.split(case.latest))):
        named = [name for name, kind in _REMEDIES.items() if names_remedy([part], kind)]
        if len(named) == 1:
            own = intent if named[0] == "refund_request" and intent in _MONEY else named[0]
            found.setdefault(own, []).append(part)
    if len(found) < 2 or set(found) <= _SAME or intent not in found:
        return ()
    return tuple(Wish(name, tuple(parts)) for name, parts in found.items())


def is_conditional(case: Case) -> bool:
    """Return whether one remedy is tied to a condition beside another: "if not, refund it"."""
    words = plain(case.latest)
    named = {
        name
        for name, kind in _REMEDIES.items()
        if any(re.search(rf"\b{re.escape(stem)}", words) for stem in kind.remedy_words)
    }
    return len(named) > 1 and not named <= _SAME and _CONDITION.search(words) is not None


def hangs_on_a_condition(case: Case, actions: Sequence[Action]) -> bool:
    """Return whether the customer wants what an action does only under a condition of theirs.

    The last message that speaks of the remedy counts: "if it cannot be gift-wrapped, cancel it".
    """
    return any(_tied(case, CATALOGUE[action.kind].remedy_words) for action in actions)


def _tied(case: Case, remedy_words: Sequence[str]) -> bool:
    for message in reversed(case.messages):
        asking = [
            sentence
            for sentence in sentences(plain(message.text))
            if any(re.search(rf"\b{re.escape(stem)}", sentence) for stem in remedy_words)
        ]
        if asking:
            return any(_CONDITION.search(_OF_COURSE.sub(" ", sentence)) for sentence in asking)
    return False


def _narrowed(case: Case, wish: Wish, every: Sequence[Wish]) -> Case:
    """Return the case without the words that speak of the other wishes."""
    others = [part for other in every if other is not wish for part in other.parts]

    def without(text: str) -> str:
        for part in others:
            text = text.replace(part, " ")
        return text

    conversation = tuple(
        message.model_copy(update={"text": without(message.text)})
        if message.sender == CUSTOMER
        else message
        for message in case.request.conversation
    )
    foreign = {_kind(other) for other in every} - {_kind(wish)}
    update = {
        "conversation": conversation,
        "classification_intent": wish.intent,
        "observations": tuple(
            seen for seen in case.request.observations if seen.action_kind not in foreign
        ),
    }
    return replace(case, request=case.request.model_copy(update=update))


def _kind(wish: Wish) -> str:
    return _REMEDIES.get(wish.intent, RefundPayment).kind


def answers_nothing(case: Case) -> bool:
    """Return whether we said that a wish is still open, and the answer does not name it again.

    A bare number then would be taken for another order of the wish that is done.
    """
    ours = [m.text for m in case.request.conversation if m.sender != CUSTOMER]
    is_open = bool(ours) and wording.STILL_OPEN in ours[-1]
    return is_open and not any(names_remedy([case.latest], kind) for kind in _REMEDIES.values())


def all_of(case: Case, every: Sequence[Wish], plan: Callable[[Case, Wish], Proposal]) -> Proposal:
    """Return one proposal for several wishes."""
    if len(every) > MAX_WISHES:
        return for_a_person(case, every, ())
    plans = [plan(_narrowed(case, wish, every), wish) for wish in every]
    kinds = [action.kind for one in plans for action in one.actions]
    refused = any(o.action_kind in (None, *kinds) for o in case.request.observations)
    twice = len(kinds) != len(set(kinds)) and refused
    if twice or any(one.escalation is not None for one in plans):
        return for_a_person(case, every, plans)
    if all(one.asks_customer for one in plans):
        same = all(one.reply == plans[0].reply for one in plans)
        return plans[0] if same else for_a_person(case, every, plans)
    return _together(case, plans)


def _together(case: Case, plans: Sequence[Proposal]) -> Proposal:
    paragraphs: list[str] = []
    open_ones: list[str] = []
    actions = [action for one in plans for action in one.actions]
    count = 0
    for one in plans:
        assert one.reply is not None
        if one.asks_customer:
            open_ones.append(one.goal)
            continue
        count += len(one.actions)
        text = _PLACEHOLDER.sub("{{" + f"{count}.", one.reply.text)
        paragraphs += [part for part in wording.body(text) if part not in paragraphs]
    if open_ones:
        paragraphs.append(wording.STILL_OPEN)
    cites = dict.fromkeys(c for one in plans if one.reply for c in one.reply.cites)
    kept = tuple(c for c in cites if not open_ones or _is_cited(c, plans))
    return Proposal(
        goal="; ".join([*(one.goal for one in plans if not one.asks_customer), *open_ones]),
        actions=tuple(
            action.model_copy(update={"action_id": f"a{number}"})
            for number, action in enumerate(actions, start=1)
        ),
        reply=Draft(text=wording.letter(case.name, paragraphs), cites=kept),
        rationale="; ".join(one.rationale for one in plans),
    )


def _is_cited(passage_id: str, plans: Sequence[Proposal]) -> bool:
    answers = (one.reply for one in plans if not one.asks_customer)
    return any(reply is not None and passage_id in reply.cites for reply in answers)


def only_if(case: Case, plan: Proposal) -> Proposal:
    """Return the hand-over of a wish that hangs on a condition, with what was planned for it."""
    return drafting.escalate(
        case,
        "conditional_wish",
        "The customer wants it under a condition only, and a person has to see whether it holds.",
        clip(f"Without the condition it would be: {plan.goal}.", 900),
    )


def for_a_person(
    case: Case, every: Sequence[Wish] = (), plans: Sequence[Proposal] = ()
) -> Proposal:
    """Return the hand-over of all wishes, with what could be done about each."""
    listed = ", ".join(wish.intent for wish in every)
    ready = "; ".join(one.goal for one in plans if one.escalation is None)
    return drafting.escalate(
        case,
        "several_wishes",
        f"The customer wants several things, and not all of it is plain ({listed or 'open'}).",
        clip(f"By the records these are possible: {ready}." if ready else "", 900),
    )
