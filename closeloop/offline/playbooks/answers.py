"""What is answered from articles, noted down, or handed to a person at once."""

from closeloop.actions.desk import AddCrmNote
from closeloop.models.base import clip
from closeloop.models.proposal import Action, Proposal
from closeloop.models.ticket import Assurance
from closeloop.offline import wording
from closeloop.offline.playbooks import drafting
from closeloop.offline.playbooks.case import ARTICLES, Case
from closeloop.offline.playbooks.orders import is_pending
from closeloop.offline.playbooks.quoting import fact_on
from closeloop.offline.playbooks.reading import looks_like_order_number

MAX_NOTE_CHARS = 1_500


def return_item(case: Case) -> Proposal:
    """Say how a return works; an order that was not sent yet is cancelled instead."""
    return _sending_back(
        case,
        "send parcel back return label order number items pack",
        "return items within days delivery clean complete",
    )


def exchange_item(case: Case) -> Proposal:
    """Say how an exchange works."""
    return _sending_back(
        case,
        "exchange works tell order number item variant label",
        "exchange exchanged variant same product within days delivery",
    )


def invoice_copy(case: Case) -> Proposal:
    """Say how to get an invoice."""
    return _gated(case) or drafting.article(
        case, "invoice receipt copy pdf download write order number", kinds=ARTICLES
    )


def product_question(case: Case) -> Proposal:
    """Quote the product's facts; a question that no passage answers goes to a person."""
    known = [passage for passage in case.passages if passage.kind in ARTICLES]
    fact = fact_on(case.latest, known) or fact_on(case.words, known)
    if fact is None:
        return drafting.knowledge_gap(case, "a question about a product")
    return drafting.answer(
        case,
        (),
        goal="answer a question about a product",
        why=f"{fact.passage_id} speaks of what is asked",
        quotes=(fact,),
        courtesy=wording.ANSWER_FOUND,
    )


def complaint(case: Case) -> Proposal:
    """Put a complaint on record and say sorry; nothing is promised."""
    words = clip(" ".join(case.words.split()), MAX_NOTE_CHARS)
    if not words:
        return not_understood(case)
    note = AddCrmNote(text=f"Complaint in ticket {case.request.ticket_id}: {words}")
    action = Action(
        action_id="a1",
        kind=note.kind,
        params=note.model_dump(mode="json"),
        reason="a complaint is kept on record",
        requested_by=tuple(message.message_id for message in case.messages[-1:]),
    )
    return drafting.answer(
        case,
        (wording.COMPLAINT,),
        goal="put the complaint on record",
        why="the customer is dissatisfied and asks for nothing else",
        actions=(action,),
        courtesy=wording.SORRY_LET_DOWN,
    )


def speak_to_person(case: Case) -> Proposal:
    """Hand over: the customer asked for a person."""
    return drafting.escalate(case, "customer_asked", "The customer asks for a person.")


def not_understood(case: Case) -> Proposal:
    """Hand over: we do not know what the customer wants."""
    return drafting.escalate(
        case,
        "not_understood",
        f"It is not clear what the customer wants (read as {case.request.classification_intent!r}"
        f" with {case.request.confidence:.0%} confidence).",
    )


def _gated(case: Case) -> Proposal | None:
    """Return the reply to a number that is not the customer's, or to somebody we do not know.

    General answers are for everybody; an order that is named makes it a question about an account.
    """
    named = bool(case.request.order_ids) or looks_like_order_number(case.words)
    if case.assurance is Assurance.NONE:
        return drafting.not_identified(case) if named else None
    if case.choose(lambda order: True).foreign:
        return drafting.not_on_account(case)
    return None


def _sending_back(case: Case, procedure: str, conditions: str) -> Proposal:
    gate = _gated(case)
    if gate is not None:
        return gate
    choice = case.choose(lambda order: order.status == "delivered")
    if choice.sure and is_pending(choice.orders[0]):
        return drafting.not_sent_yet(case, choice.orders[0])
    how = case.quote(procedure, needs=3, most=4)
    rule = case.quote(conditions, needs=3, most=1)
    if how is None:
        return drafting.knowledge_gap(case, "how something is sent back")
    same = rule is not None and rule.passage_id == how.passage_id
    return drafting.answer(
        case,
        (),
        goal="say how to send it back",
        why=f"{how.passage_id} says how it works",
        quotes=(how,) if same else (rule, how),
        courtesy=wording.THANKS,
    )
