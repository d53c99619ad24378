"""One request as the playbooks see it: the customer's words, their orders, what is known."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final

from closeloop.actions.base import ActionParams
from closeloop.models.knowledge import Passage, SourceKind
from closeloop.models.proposal import ConversationMessage, ProposeRequest
from closeloop.models.records import CustomerRecord, OrderRecord
from closeloop.models.ticket import Assurance
from closeloop.offline.playbooks.matching import Choice, choose, without_asides
from closeloop.offline.playbooks.money import Account, account_of
from closeloop.offline.playbooks.quoting import Quote, quote_on, topic_words
from closeloop.offline.playbooks.reading import numbers_named, without_quotes
from closeloop.policy.consent import names_order, own_words
from closeloop.policy.extent import says_numbers
from closeloop.policy.voice import body
from closeloop.policy.wished import names_remedy
from closeloop.ports import Payments, Shop

CUSTOMER: Final = "customer"
RULES: Final[tuple[SourceKind, ...]] = ("policy",)
"""What may support eligibility and amounts."""
ARTICLES: Final[tuple[SourceKind, ...]] = ("policy", "doc", "product")
"""What may support a fact; past tickets support wording only."""
_WANTED: Final = frozenset(
    {"refund_request", "damaged_or_wrong_item", "double_charge", "partial_refund", "store_credit"}
    | {"cancel_order", "change_order_items", "change_payment_method", "change_address"}
    | {"return_item", "exchange_item"}
)
"""Intents that want something done; beside them a question is only a question."""


@dataclass(frozen=True, slots=True)
class Case:
    """A request with what was read for it.

    ``orders`` are the customer's own, newest first, and empty where nothing may be disclosed.
    ``plainly`` and ``amount_cap`` (minor units) are what an approver's rejection asked for.
    """

    request: ProposeRequest
    orders: tuple[OrderRecord, ...]
    passages: tuple[Passage, ...]
    shop: Shop
    payments: Payments
    now: datetime
    plainly: bool = False
    amount_cap: int | None = None

    # --- who ---

    @property
    def assurance(self) -> Assurance:
        """How sure we are who writes; none without a customer, and for a word not known."""
        return assurance_of(self.request)

    @property
    def name(self) -> str | None:
        """The first name, where we are sure enough who writes to use it."""
        return self.request.display_name if self.assurance is not Assurance.NONE else None

    # --- words ---

    @property
    def messages(self) -> tuple[ConversationMessage, ...]:
        """The customer's messages, oldest first, without what they quote."""
        return tuple(
            message.model_copy(update={"text": without_quotes(message.text)})
            for message in self.request.conversation
            if message.sender == CUSTOMER
        )

    @property
    def latest(self) -> str:
        """The customer's last message."""
        return self.messages[-1].text if self.messages else ""

    @property
    def current(self) -> str:
        """What the customer wrote since an effect was last confirmed to them, or all of it.

        After a refund was made, older words asked for what is done.
        """
        start = 0
        receipts = [r.receipt.receipt_id for r in self.request.done if r.receipt is not None]
        for position, message in enumerate(self.request.conversation):
            if message.sender != CUSTOMER and any(name in message.text for name in receipts):
                start = position + 1
        fresh = [m for m in self.request.conversation[start:] if m.sender == CUSTOMER]
        return "\n".join(without_quotes(m.text) for m in fresh) or self.words

    @property
    def words(self) -> str:
        """The subject and all of the customer's messages."""
        return "\n".join([self.request.subject, *(message.text for message in self.messages)])

    def was_sent(self, text: str) -> bool:
        """Return whether the customer got this very text before; old messages may be cut short.

        Greeting and sign-off play no part: the desk's voice puts its own in their place.
        """
        flat = " ".join(" ".join(body(text)).split())
        sent = (
            " ".join(" ".join(body(message.text)).split())
            for message in self.request.conversation
            if message.sender != CUSTOMER
        )
        return any(
            said == flat
            or said.startswith(f"{flat} ")
            or (said.endswith("…") and len(said) > 1 and flat.startswith(said[:-1]))
            for said in sent
        )

    def asks_for(self, kind: type[ActionParams]) -> bool:
        """Return whether the customer's own words ask for what this kind of action does."""
        return names_remedy([text for _, text in self._asking], kind)

    def requested_by(self, params: ActionParams, order: OrderRecord) -> tuple[str, ...]:
        """Return the ids of the messages that asked: by remedy, order or address, or answering us.

        Where none of them does so clearly it is the latest; policy then asks a person.
        """
        answers = {
            later.message_id
            for earlier, later in pairwise(self.request.conversation)
            if earlier.sender != CUSTOMER
        }
        asked = [
            message_id
            for message_id, text in self._asking
            if message_id in answers
            or names_remedy([text], type(params))
            or names_order([without_asides(text) if self._wanted else text], order, ())
            or (params.own_numbers and says_numbers([own_words(text)], params.own_numbers))
        ]
        return tuple(asked or [message.message_id for message in self.messages[-1:]])

    @property
    def _wanted(self) -> bool:
        return self.request.classification_intent in _WANTED

    @property
    def _asking(self) -> tuple[tuple[str, str], ...]:
        """The customer's messages by id, as policy reads them: the first with its subject."""
        texts = [(message.message_id, message.text) for message in self.messages]
        if texts:
            texts[0] = (texts[0][0], f"{self.request.subject}\n{texts[0][1]}")
        return tuple(texts)

    # --- records ---

    def choose(self, fits: Callable[[OrderRecord], bool]) -> Choice:
        """Return which order is meant; ``fits`` says which are plausible for what is wanted."""
        lines = [(self.request.subject, True)] + [
            (
                without_quotes(message.text) if message.sender == CUSTOMER else message.text,
                message.sender == CUSTOMER,
            )
            for message in self.request.conversation
        ]
        return choose(
            self.orders,
            given=self.request.order_ids,
            messages=lines,
            fits=fits,
            wanted=self._wanted,
        )

    def account(self, order: OrderRecord) -> Account:
        """Return how the order's money stands in the system of record."""
        tenant = self.request.tenant
        return account_of(
            tenant,
            order,
            self.payments.list_payments(tenant, order.order_id),
            self.payments.list_refunds(tenant, order.order_id),
            self.request.done,
        )

    @property
    def customer(self) -> CustomerRecord | None:
        """Who writes, as on file; None where nothing may be disclosed."""
        if self.request.customer_id is None or self.assurance is Assurance.NONE:
            return None
        return self.shop.get_customer(self.request.tenant, self.request.customer_id)

    def paid_by(self, order: OrderRecord) -> tuple[str, ...]:
        """Return the ids of the methods that an order was paid by."""
        payments = self.payments.list_payments(self.request.tenant, order.order_id)
        return tuple(dict.fromkeys(payment.method_id for payment in payments))

    def names(self, order: OrderRecord) -> bool:
        """Return whether the order's number stands in the ticket, in whoever's words."""
        texts = [message.text for message in self.request.conversation]
        words = "\n".join([self.request.subject, *self.request.order_ids, *texts])
        return bool(numbers_named(words, [order.order_id]))

    # --- knowledge ---

    def quote(
        self,
        topic: str,
        *,
        kinds: Sequence[SourceKind] = RULES,
        needs: int = 2,
        most: int = 2,
        must: str = "",
    ) -> Quote | None:
        """Return what the retrieved passages of these kinds say on a topic."""
        passages = [passage for passage in self.passages if passage.kind in kinds]
        return quote_on(topic_words(topic), passages, needs=needs, most=most, must=must)


def assurance_of(request: ProposeRequest) -> Assurance:
    """Return how sure we are who writes; anything in doubt counts as none."""
    if request.customer_id is None or request.assurance not in list(Assurance):
        return Assurance.NONE
    return Assurance(request.assurance)
