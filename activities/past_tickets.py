"""Past tickets: how a resolution that a person stood behind was worded; nobody's data in it."""

import hashlib
import re
from collections.abc import Sequence
from typing import Final

from closeloop.models.base import clip
from closeloop.models.knowledge import PAST_TICKETS, Chunk, Document
from closeloop.models.records import CustomerRecord
from closeloop.models.steps import CloseTicket
from closeloop.models.ticket import Message
from closeloop.models.view import TicketView
from closeloop.ports import KnowledgeStore, Shop
from closeloop.redaction import redact

MAX_CHARS: Final = 500
"""Of what the customer wrote, and of what we answered."""
_NUMBER: Final = r"\d{1,3}(?:[ \u00a0']\d{3})+(?:[.,]\d+)?|\d(?:[\d.,]*\d)?"
_SIGN: Final = r"(?:(?:US|CA|AU|NZ|[CA])\s?)?[$€£¥₹₩₽₺₴₫]"
_CODE: Final = (
    r"(?:USD|EUR|GBP|CHF|JPY|CNY|CAD|AUD|NZD|SEK|NOK|DKK|ISK|PLN|CZK|HUF|RON|BGN|INR|SGD|HKD|ZAR"
    r"|MXN|BRL|sfr|kr)"
)
_NAME: Final = r"(?:dollars?|euros?|pounds?|bucks?|quid|francs?|yen|cents?|pence|kron(?:a|or|er?))"
_WORD: Final = (
    r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve"
    r"|(?:thir|four|fif|six|seven|eigh|nine)teen"
    r"|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand)"
)
_AMOUNT: Final = re.compile(
    rf"(?<![\w.,])(?:{_SIGN}|{_CODE}\.?)\s?(?:{_NUMBER})k?"
    rf"|(?<![\w.,])(?:{_NUMBER})k?\s?(?:{_SIGN}|(?:{_CODE}|{_NAME})\b)"
    rf"|\b{_WORD}(?:[ -](?:and )?{_WORD}){{0,7}}\s(?:{_CODE}|{_NAME})\b",
    re.IGNORECASE,
)
"""Of any currency that is in use here, in digits or in words."""


class PastTickets:
    """Keeps closed tickets as passages of the kind ``past_ticket``."""

    def __init__(self, store: KnowledgeStore, shop: Shop) -> None:
        """Keep the knowledge store, and the shop that knows what to take out."""
        self._store = store
        self._shop = shop

    def keep(self, step: CloseTicket) -> None:
        """Write the ticket's passage; closing it again replaces it.

        Raises:
            BackendUnavailable: the shop or the store does not answer; repeating it is harmless.
        """
        customer = None
        if step.customer_id is not None:
            customer = self._shop.get_customer(step.tenant, step.customer_id)
        document = past_ticket(step.snapshot.view, personal_words(customer))
        if document is not None:
            self._store.put(step.tenant, [document])


def past_ticket(view: TicketView, known: Sequence[str]) -> Document | None:
    """Return the ticket as an example of wording; None where nothing was said.

    Personal data is taken out, amounts too: they are no precedent. ``known`` are words of the
    customer's record.
    """
    said = [m for m in view.messages if m.sender == "closeloop"]
    if not said or view.classification is None:
        return None
    asked = [m for m in view.messages if m.sender == "customer" and m.at <= said[-1].at]
    done = sorted({action.kind for action in view.actions if action.state == "verified"})
    parts = (
        ("Customer", _words(asked, known)),
        ("Done", ", ".join(kind.replace("_", " ") for kind in done)),
        ("Answer", _words(said[-1:], known)),
    )
    text = "\n\n".join(f"{name}: {words}" for name, words in parts if words)
    document_id = f"past-{view.ticket_id}"
    title = f"Past ticket: {view.classification.intent.replace('_', ' ')}"
    digest = hashlib.sha256(f"{title}\0{text}".encode()).hexdigest()[:12]
    return Document(
        document_id=document_id,
        source=PAST_TICKETS,
        kind="past_ticket",
        language=view.classification.language,
        chunks=(Chunk(passage_id=document_id, title=title, version=f"1+{digest}", text=text),),
    )


def personal_words(customer: CustomerRecord | None) -> tuple[str, ...]:
    """Return what the customer's record says of the person, longest first."""
    if customer is None:
        return ()
    words = [
        f"{customer.first_name} {customer.last_name}",
        customer.first_name,
        customer.last_name,
        customer.email,
        customer.customer_id,
        *customer.order_ids,
    ]
    if (home := customer.address) is not None:
        words += [home.address1, home.address2, home.city, home.zip]
    return tuple(sorted({word for word in words if word}, key=lambda word: (-len(word), word)))


def without_amounts(text: str) -> str:
    """Return ``text`` with ``[amount]`` in place of each sum of money."""
    return _AMOUNT.sub("[amount]", text)


def _words(messages: Sequence[Message], known: Sequence[str]) -> str:
    text = redact("\n".join(message.text for message in messages), known=known)
    return clip(without_amounts(text).strip(), MAX_CHARS)
