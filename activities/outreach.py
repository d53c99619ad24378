"""Messages to customers."""

from temporalio import activity

from closeloop.errors import BackendRefused
from closeloop.models.proposal import Receipt
from closeloop.models.steps import ActionOutcome, SendReply
from closeloop.names import idempotency_key
from closeloop.policy.voice import forbidden_in
from closeloop.ports import Outbox, PolicyBook, Records, Shop


class OutreachActivities:
    """Activities that write to customers."""

    def __init__(self, outbox: Outbox, shop: Shop, records: Records, book: PolicyBook) -> None:
        """Keep the outbox, the shop for contacts, the operations database and the voice."""
        self._book = book
        self._outbox = outbox
        self._shop = shop
        self._records = records

    @activity.defn
    def send_reply(self, step: SendReply) -> ActionOutcome:
        """Send one reply to the contact on file, once, and record where the ticket stands.

        A stranger's reply goes to the address the ticket came from.

        Raises:
            BackendRefused: ``no_contact``, there is no address to write to; ``forbidden_words``,
                the desk's voice forbids a phrase of it.
        """
        voice = self._book.voice(step.tenant)
        phrase = forbidden_in(step.text, voice) if voice else None
        if phrase is not None:
            raise BackendRefused(f"the desk does not say {phrase!r}", code="forbidden_words")
        key = idempotency_key(step.tenant, f"reply:{step.ticket_id}:{step.reply_id}")
        sent = self._outbox.find(step.tenant, key)
        if sent is None:
            sent = self._outbox.send(
                step.tenant, key, step.ticket_id, self._contact(step), step.subject, step.text
            )
        self._records.record(step.snapshot)
        receipt = Receipt(receipt_id=sent.sent_id, summary="reply sent", at=sent.sent_at)
        return ActionOutcome(state="done", receipt=receipt, attempts=activity.info().attempt)

    def _contact(self, step: SendReply) -> str:
        if step.customer_id is not None:
            record = self._shop.get_customer(step.tenant, step.customer_id)
            if record is not None and record.email:
                return record.email
        if step.fallback_email is None:
            raise BackendRefused("there is no address on file to reply to", code="no_contact")
        return step.fallback_email
