"""Makes proposals: an answer, a question or an escalation, with everything each of them needs."""

from collections.abc import Sequence

from closeloop.actions.base import ActionKind
from closeloop.models.base import clip
from closeloop.models.knowledge import SourceKind
from closeloop.models.proposal import Action, Draft, EscalationDraft, Proposal
from closeloop.models.records import OrderLine, OrderRecord
from closeloop.models.ticket import Assurance
from closeloop.offline import wording
from closeloop.offline.playbooks.case import Case
from closeloop.offline.playbooks.matching import Choice
from closeloop.offline.playbooks.quoting import Quote
from closeloop.offline.playbooks.reading import looks_like_order_number

MAX_WORDS_IN_SUMMARY = 400
MAX_ORDERS_LISTED = 6
MONEY_BACK = "cancel get back everything paid money"
"""The topic of what a cancellation gives back."""


def act(case: Case, params: ActionKind, order: OrderRecord, reason: str) -> Action:
    """Return the action, with the messages that asked for it."""
    return Action(
        action_id="a1",
        kind=params.kind,
        params=params.model_dump(mode="json", exclude_defaults=True),
        reason=reason,
        requested_by=case.requested_by(params, order),
    )


def answer(
    case: Case,
    paragraphs: Sequence[str],
    *,
    goal: str,
    why: str,
    quotes: Sequence[Quote | None] = (),
    actions: Sequence[Action] = (),
    courtesy: str = "",
    closing: str = "",
) -> Proposal:
    """Return an answer: paragraphs, then quotes, which are cited.

    ``courtesy`` goes first and ``closing`` last; both go where an approver wants it plainer.
    """
    said = [quote for quote in quotes if quote is not None]
    first, last = ("", "") if case.plainly else (courtesy, closing)
    text = wording.letter(case.name, [first, *paragraphs, *map(quoted, said), last])
    return Proposal(
        goal=goal,
        actions=tuple(actions),
        reply=Draft(text=text, cites=tuple(quote.passage_id for quote in said)),
        rationale=why,
    )


def quoted(quote: Quote) -> str:
    """Return a quotation with the title of what it is from."""
    return wording.QUOTE.format(title=wording.neutral(quote.title, 200), text=quote.text)


def question(
    case: Case,
    paragraphs: Sequence[str],
    *,
    goal: str,
    why: str,
    quotes: Sequence[Quote | None] = (),
) -> Proposal:
    """Return a question to the customer."""
    drafted = answer(case, paragraphs, goal=goal, why=why, quotes=quotes, courtesy=wording.THANKS)
    return drafted.model_copy(update={"asks_customer": True})


def too_late_to_change(case: Case, order: OrderRecord, what: str) -> Proposal:
    """Explain by an article why ``what`` of an order that was sent cannot be changed any more."""
    rule = case.quote(f"cannot change order processed shipped left {what}", needs=3)
    if rule is None:
        return knowledge_gap(case, f"changing order {order.order_id}, {order.status}")
    return answer(
        case,
        (
            wording.TOO_LATE_TO_CHANGE.format(
                order=wording.neutral(order.order_id), state=wording.order_state(order)
            ),
        ),
        goal=f"explain why the {what} cannot be changed",
        why=f"order {order.order_id} is {order.status}",
        quotes=(rule,),
        courtesy=wording.THANKS,
    )


def escalate(case: Case, reason: str, what: str, advice: str = "") -> Proposal:
    """Return a hand-over to a person: a stable reason, what happened, what might help."""
    asked = clip(" ".join(case.latest.split()), MAX_WORDS_IN_SUMMARY)
    summary = f"{what} The customer's last words: {asked}" if asked else what
    return Proposal(
        goal="hand over to a person",
        escalation=EscalationDraft(reason=reason, summary=summary, recommendation=advice),
        rationale=what,
    )


def knowledge_gap(case: Case, about: str) -> Proposal:
    """Return a hand-over where no passage supports an answer."""
    return escalate(
        case,
        "knowledge_gap",
        f"No article that was found supports an answer about {about}.",
        "Answer by hand, and add what was missing to the knowledge base.",
    )


def article(case: Case, topic: str, *, kinds: Sequence[SourceKind], must: str = "") -> Proposal:
    """Return an answer that quotes what the articles say on a topic, else a knowledge gap."""
    quote = case.quote(topic, kinds=kinds, must=must)
    if quote is None:
        return knowledge_gap(case, topic.split(" ", 1)[0])
    return answer(
        case,
        (),
        goal="answer from an article",
        why=f"{quote.passage_id} speaks of what is asked",
        quotes=(quote,),
        courtesy=wording.ANSWER_FOUND,
    )


# --- questions that several playbooks ask --------------------------------------------------------


def gated(case: Case) -> Proposal | None:
    """Return the reply to a number that is not the customer's, or to somebody we do not know.

    General answers are for everybody; an order that is named makes it a question about an account.
    """
    named = bool(case.request.order_ids) or looks_like_order_number(case.words)
    if case.assurance is Assurance.NONE:
        return not_identified(case) if named else None
    if case.choose(lambda order: True).foreign:
        return not_on_account(case)
    return None


def not_identified(case: Case) -> Proposal:
    """Return the reply to somebody we do not know: the same whoever and whatever they name."""
    text = wording.letter(None, wording.NOT_IDENTIFIED)
    return Proposal(
        goal="learn who is writing",
        reply=Draft(text=text),
        asks_customer=True,
        asks_identity=True,
        rationale="nothing is disclosed or changed before it is known who writes",
    )


def not_sure_enough(case: Case) -> Proposal:
    """Return the reply to a customer of whom we must be surer: the same whatever they name."""
    return question(
        case,
        (*wording.NOT_SURE_ENOUGH, wording.NOT_IDENTIFIED[1]),
        goal="be sure who is writing",
        why="this needs more certainty about who writes than there is",
    ).model_copy(update={"asks_identity": True})


def not_on_account(case: Case) -> Proposal:
    """Return the reply to an order number that is not the customer's, whether it exists or not."""
    return question(
        case,
        wording.NOT_ON_ACCOUNT,
        goal="learn which order is meant",
        why="the customer's account has no order that fits",
    )


def which_order(case: Case, choice: Choice) -> Proposal:
    """Return the question which order is meant, with those it could be."""
    if choice.foreign or not choice.orders:
        return not_on_account(case)
    listed = "\n".join(map(wording.order_line, choice.orders[:MAX_ORDERS_LISTED]))
    one = len(choice.orders) == 1
    return question(
        case,
        (
            wording.THIS_ORDER if one else wording.WHICH_ORDER,
            listed,
            wording.THIS_ORDER_ANSWER if one else wording.WHICH_ORDER_ANSWER,
        ),
        goal="learn which order is meant",
        why=f"{len(choice.orders)} of the customer's orders could be meant",
    )


def which_item(case: Case, order: OrderRecord, lines: Sequence[OrderLine]) -> Proposal:
    """Return the question which item of an order is meant."""
    labels = dict.fromkeys(wording.item_label(line) for line in lines)
    return question(
        case,
        (
            wording.WHICH_ITEM.format(order=wording.neutral(order.order_id)),
            "\n".join(f"- {label}" for label in labels),
            wording.WHICH_ITEM_ANSWER,
        ),
        goal="learn which item is meant",
        why=f"{len(labels)} items of {order.order_id} could be meant",
    )


def not_sent_yet(case: Case, order: OrderRecord) -> Proposal:
    """Return the offer to cancel an order that cannot be returned or refunded yet."""
    number = wording.neutral(order.order_id)
    return question(
        case,
        tuple(line.format(order=number) for line in wording.NOT_SENT_YET),
        goal="offer to cancel instead",
        why=f"order {order.order_id} is pending: it is cancelled, not refunded",
        quotes=(case.quote(MONEY_BACK, must="back paid"),),
    )
