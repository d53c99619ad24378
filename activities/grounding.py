"""What a reply may rest on: read from the shop, its payments and the knowledge store."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import Final, TypedDict

from closeloop.actions.base import Access
from closeloop.actions.catalogue import CATALOGUE
from closeloop.models.base import Money
from closeloop.models.grounding import Grounding, ReplyToCheck
from closeloop.models.knowledge import Passage
from closeloop.models.policy import JudgeRequest
from closeloop.models.proposal import Action
from closeloop.models.records import CustomerRecord, OrderRecord, RefundRecord
from closeloop.models.ticket import Assurance
from closeloop.policy import claims, voice
from closeloop.policy.grounding import ground
from closeloop.policy.sources import Sources
from closeloop.policy.told import told
from closeloop.ports import InjectionDetector, Knowledge, Payments, PolicyBook, Shop

MAX_ORDERS: Final = 10
"""How many orders' payments are read for one reply."""


class _Found(TypedDict, total=False):
    """Fields of ``Facts``."""

    grounding: Grounding
    suspected_in: tuple[str, ...]


class ReplyFacts:
    """Reads what supports a reply, and whether any of it gives orders to the machine."""

    def __init__(
        self,
        book: PolicyBook,
        shop: Shop,
        payments: Payments,
        knowledge: Knowledge,
        detector: InjectionDetector,
    ) -> None:
        """Keep the ports that are read."""
        self._book = book
        self._shop = shop
        self._payments = payments
        self._knowledge = knowledge
        self._detector = detector

    def of(self, request: JudgeRequest, now: datetime) -> _Found:
        """Return the fields of ``Facts`` that are about the reply; none without a reply."""
        reply = request.reply
        if reply is None:
            return {}
        passages: tuple[Passage, ...] = ()
        if reply.passage_ids:
            passages = self._knowledge.get(request.tenant, reply.passage_ids)
        customer, orders = self._on_record(request)
        grounding = ground(reply, self._sources(request, reply, passages, customer, orders, now))
        unsayable = voice.problems(
            reply.text,
            self._book.voice(request.tenant),
            self._book.secret_limits(request.tenant),
            " ".join(passage.text for passage in passages),
        )
        problems = (*grounding.problems, *unsayable)
        return {
            "grounding": grounding.model_copy(update={"problems": problems}),
            "suspected_in": self._suspected(passages, customer, orders),
        }

    def _on_record(
        self, request: JudgeRequest
    ) -> tuple[CustomerRecord | None, tuple[OrderRecord, ...]]:
        """Return the customer and their orders; of somebody we are not sure about, nothing."""
        if request.customer_id is None or request.assurance is Assurance.NONE:
            return None, ()
        customer = self._shop.get_customer(request.tenant, request.customer_id)
        if customer is None:
            return None, ()
        return customer, self._shop.list_orders(request.tenant, customer.customer_id)

    def _suspected(
        self,
        passages: Sequence[Passage],
        customer: CustomerRecord | None,
        orders: Sequence[OrderRecord],
    ) -> tuple[str, ...]:
        """Return where something that agents read gives orders: tool output is data as well."""
        found = [f"passage {p.passage_id}" for p in passages if self._detector.suspects(p.text)]
        if any(map(self._detector.suspects, dict.fromkeys(_free_texts(customer, orders)))):
            found.append("the records")
        return tuple(found)

    def _sources(
        self,
        request: JudgeRequest,
        reply: ReplyToCheck,
        passages: tuple[Passage, ...],
        customer: CustomerRecord | None,
        orders: tuple[OrderRecord, ...],
        now: datetime,
    ) -> Sources:
        spoken_of = _spoken_of(reply.text, orders)
        money = [self._money(request.tenant, order) for order in spoken_of]
        refunds = tuple(chain.from_iterable(refunds for _, refunds in money))
        named = tuple(order for order in orders if _names(reply.text, order))
        receipts = [record.receipt for record in reply.done if record.receipt is not None]
        records = (*([customer] if customer else ()), *orders, *refunds, *request.actions)
        return Sources(
            passages=passages,
            orders=orders,
            amounts=frozenset(chain.from_iterable(amounts for amounts, _ in money)),
            times=tuple(
                chain(
                    _times(orders),
                    (refund.created_at for refund in refunds),
                    (receipt.at for receipt in receipts),
                )
            ),
            named=named,
            refunded=bool(refunds) and bool(named),
            records=" ".join(record.model_dump_json() for record in records),
            receipts=" ".join(f"{r.receipt_id} {r.summary}" for r in receipts),
            receipt_amounts=frozenset(r.amount for r in receipts if r.amount is not None),
            done=frozenset(record.action.kind for record in reply.done),
            pending=frozenset(action.kind for action in request.actions),
            changes=any(_changes(action) for action in request.actions),
            customer=" ".join(chain.from_iterable(request.customer_messages.items())),
            now=now,
        )

    def _money(
        self, tenant: str, order: OrderRecord
    ) -> tuple[frozenset[Money], tuple[RefundRecord, ...]]:
        """Return what an order cost, what was paid and what went back, with the sums of each."""
        paid = [p.amount for p in self._payments.list_payments(tenant, order.order_id)]
        refunds = tuple(
            r for r in self._payments.list_refunds(tenant, order.order_id) if r.status != "failed"
        )
        back = [r.amount for r in refunds]
        credit = [c.amount for c in self._payments.list_credits(tenant, order.order_id)]
        prices = [part.price for part in order.components()]
        sums = [_sum(order, group) for group in (prices, paid, back, credit)]
        left = sums[1].amount_minor - sums[2].amount_minor
        sums += [Money(amount_minor=left, currency=order.currency), order.total()]
        return frozenset((*prices, *paid, *back, *credit, *sums)), refunds


def _changes(action: Action) -> bool:
    kind = CATALOGUE.get(action.kind)
    return kind is not None and kind.access is Access.WRITE and not kind.internal


def _spoken_of(text: str, orders: Sequence[OrderRecord]) -> Sequence[OrderRecord]:
    """Return the orders whose money a reply may be about; none where it speaks of none."""
    figures = any(claims.amounts(text)) or any(claims.dates(text)) or "refund" in text.lower()
    figures = figures or any(any(told(sentence)) for sentence in claims.sentences(text))
    named = [order for order in orders if _names(text, order)]
    return (named or orders)[:MAX_ORDERS] if figures else ()


def _names(text: str, order: OrderRecord) -> bool:
    """Whether a reply speaks of an order: by its number, or by an item of it."""
    words = text.lower()
    named = order.order_id.lower().removeprefix("#") in words
    return named or any(line.name.lower() in words for line in order.lines)


def _times(orders: Sequence[OrderRecord]) -> Iterator[datetime]:
    for order in orders:
        yield from (time for time in (order.placed_at, order.delivered_at) if time is not None)


def _free_texts(customer: CustomerRecord | None, orders: Sequence[OrderRecord]) -> Iterator[str]:
    """Yield the texts on record that somebody typed."""
    addresses = [customer.address] if customer else []
    addresses += [order.address for order in orders]
    for address in addresses:
        if address is not None:
            yield f"{address.address1} {address.address2} {address.city}"
    for order in orders:
        for line in order.lines:
            yield " ".join([line.name, *line.options.values()])


def _sum(order: OrderRecord, amounts: Sequence[Money]) -> Money:
    same = (a.amount_minor for a in amounts if a.currency == order.currency)
    return Money(amount_minor=sum(same), currency=order.currency)
