"""Who writes: one-time codes to the contact on file, and what customers agree to."""

import hashlib
from typing import Final

from temporalio import activity

from closeloop.models.records import CustomerRecord
from closeloop.models.steps import (
    CheckCode,
    CodeChecked,
    CodeSent,
    ConsentRead,
    ReadConsent,
    SendCode,
)
from closeloop.models.ticket import Customer
from closeloop.names import idempotency_key
from closeloop.policy import codes as code_words
from closeloop.policy.consent import read_answer
from closeloop.ports import Codes, Outbox, PolicyBook, Shop

SUBJECT: Final = "Your code"
TEXT: Final = (
    "Somebody who gave your e-mail address has written to our support team. If it was you, please"
    " answer in that conversation with this code:\n\n    {code}\n\n"
    "It is good for one answer. We never ask for it by phone, and nobody else should have it. If it"
    " was not you, there is nothing to do: without the code nothing is changed or told."
)


class IdentityActivities:
    """Activities that find out who writes. A code is made, sent and compared in here alone."""

    def __init__(self, shop: Shop, outbox: Outbox, codes: Codes, book: PolicyBook) -> None:
        """Keep the shop for contacts on file, the outbox, the codes, and the rules."""
        self._shop = shop
        self._outbox = outbox
        self._codes = codes
        self._book = book

    @activity.defn
    def send_code(self, step: SendCode) -> CodeSent:
        """Send a new code to the contact on file, once; never to an address that a text names.

        For a stranger everything happens but the sending, so that nobody learns who is a customer.
        """
        customer = self._customer(step.tenant, step.customer_id)
        changed = customer.contact_changed_at if customer else None
        if changed is not None and step.at - changed < self._book.contact_bar():
            return CodeSent(outcome="contact_changed")
        key = idempotency_key(step.tenant, f"code:{step.ticket_id}:{step.number}")
        if self._outbox.find(step.tenant, key) is not None:  # by an attempt that was cut off
            return CodeSent(outcome="sent")
        code = self._codes.issue(
            step.tenant,
            step.ticket_id,
            step.number,
            _subject(step.customer_id, step.customer),
            step.at,
            step.terms,
        )
        if code is None:
            return CodeSent(outcome="locked")
        if customer is not None and customer.email:
            text = TEXT.format(code=code_words.shown(code))
            self._outbox.send(step.tenant, key, step.ticket_id, customer.email, SUBJECT, text)
        return CodeSent(outcome="sent")

    @activity.defn
    def check_code(self, step: CheckCode) -> CodeChecked:
        """Compare what was given with the code that was sent, until one is right or none may be."""
        subject = _subject(step.customer_id, step.customer)
        checked = CodeChecked(outcome="expired")
        for given in step.given:
            for position, code in enumerate(given.codes, start=1):
                checked = self._codes.check(
                    step.tenant,
                    step.ticket_id,
                    f"{given.message_id}:{position}",
                    subject,
                    code,
                    step.at,
                    step.terms,
                )
                if checked.outcome == "right" and step.customer_id is None:
                    checked = CodeChecked(outcome="wrong", left=checked.left)  # nobody was sent it
                if checked.outcome != "wrong":
                    return checked
        return checked

    @activity.defn
    def read_consent(self, step: ReadConsent) -> ConsentRead:
        """Return whether the customer says a plain yes or no to what they were asked."""
        return ConsentRead(answer=read_answer(step.text))

    def _customer(self, tenant: str, customer_id: str | None) -> CustomerRecord | None:
        return None if customer_id is None else self._shop.get_customer(tenant, customer_id)


def _subject(customer_id: str | None, who: Customer) -> str:
    """Return whom limits count for; of a stranger a hash, for the database holds no addresses."""
    if customer_id is not None:
        return f"customer:{customer_id}"
    named = f"{who.id or ''} {(who.email or '').lower()}"
    return f"stranger:{hashlib.sha256(named.encode()).hexdigest()[:32]}"
