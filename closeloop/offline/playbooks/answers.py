"""What is answered from articles, noted down, or handed to a person at once."""

from closeloop.actions.desk import AddCrmNote
from closeloop.models.base import clip
from closeloop.models.proposal import Action, Proposal
from closeloop.offline import wording
from closeloop.offline.playbooks import drafting
from closeloop.offline.playbooks.case import ARTICLES, Case
from closeloop.offline.playbooks.quoting import fact_on
from closeloop.offline.playbooks.reading import looks_like_order_number, only_asks

MAX_NOTE_CHARS = 1_500


def invoice_copy(case: Case) -> Proposal:
    """Say how to get an invoice; a person sends the one of an order that is named.

    The article would only ask them to write as they have: from their address, with the number.
    """
    if gated := drafting.gated(case):
        return gated
    named = bool(case.request.order_ids) or looks_like_order_number(case.words)
    if named and not only_asks(case.latest, ("invoice", "receipt", "bill")):
        return drafting.escalate(
            case,
            "invoice_wanted",
            "The customer wants the invoice of an order of theirs. How sure it is who writes:"
            f" {case.assurance.value}.",
            "Send it to the e-mail address on file, or say where it can be downloaded.",
        )
    return drafting.article(
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
