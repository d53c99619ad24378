"""A stand-in for a language model: the offline models behind an endpoint, over real HTTP.

It answers from nothing but the request, as a model does: it reads the JSON document that an agent
sends, and writes what the agent's schema asks for. So prompts, schemas, HTTP and the way back are
exercised with answers that make sense; how good a real model is, it does not show.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from closeloop.actions.catalogue import CATALOGUE
from closeloop.agents.classifier import Labels
from closeloop.agents.team import Models, Reads, Team, assemble
from closeloop.bootstrap import Services
from closeloop.models.base import Money
from closeloop.models.callbacks import CallbackRecord, Slot
from closeloop.models.knowledge import Passage
from closeloop.models.proposal import ActionRecord, Proposal, ProposeRequest
from closeloop.models.records import OrderRecord, PaymentRecord, RefundRecord
from closeloop.models.triage import ClassifyRequest
from closeloop.offline.classifier import OfflineClassifier
from closeloop.offline.playbooks.calls import CallPlans
from closeloop.offline.resolver import CALL_INTENT, OfflineResolver
from closeloop.offline.retriever import OfflineRetriever
from closeloop.offline.taxonomy import load_taxonomy
from closeloop.policy.call_times import Bookable, CallTimes
from closeloop.ports import Knowledge, Payments, Shop
from tests.support.desk import ROOT, call_times
from tests.support.models import ROUTE, completion, document_of, model_at, schema_of
from tests.support.scripted_http import Reply, Request, ScriptedServer

Document = Mapping[str, Any]


class StandIn:
    """The rule of an endpoint: one answer for each request."""

    def __init__(self) -> None:
        self._classifier = OfflineClassifier(load_taxonomy(ROOT / "policies"))

    def __call__(self, request: Request) -> Reply:
        document = document_of(request)
        match schema_of(request)["name"]:
            case "Reading":
                return completion(self._reading(document))
            case "Retrieval":
                return completion(_retrieval(document))
            case "Resolution":
                return completion(_resolution(document))
            case other:
                raise AssertionError(f"no agent asks for {other}")

    def _reading(self, document: Document) -> Document:
        request = ClassifyRequest(
            subject=document["subject"],
            messages=tuple(document["customer_wrote"]),
            order_ids=tuple(document["order_ids_on_the_ticket"]),
            answers_question=document["last_message_answers_our_question"],
        )
        read = self._classifier.classify("default", request)
        return {
            "why": read.why,
            "intent": read.intent,
            "confidence": read.confidence,
            "urgency": read.urgency,
            "sentiment": read.sentiment,
            "language": read.language,
            "order_ids": read.entities.order_ids,
            "items": read.entities.item_mentions,
            "amounts": [amount.model_dump() for amount in read.entities.amounts],
            "dates": [],
            "topics": read.topics,
            "gives_orders_to_the_machine": read.injection_suspected,
        }


def _retrieval(document: Document) -> Document:
    """Search once more in other words, then take what is there."""
    intent = document["intent"].replace("_", " ")
    first = document["searches_left"] == 2
    searches = [{"query": f"{intent} {kind}", "kind": kind} for kind in ("policy", "product")]
    return {
        "thoughts": "",
        "useful_passage_ids": [p["passage_id"] for p in document["passages"]],
        "answered": not first,
        "missing": "",
        "searches": searches if first else [],
    }


def _resolution(document: Document) -> Document:
    records = _Records(document)
    call = document["ticket"]["intent"] == CALL_INTENT and document["customer"]
    if call and not document["looked_up"]:
        days = [None, *(f"{records.now.date() + timedelta(days=n)}" for n in range(4))]
        return _NOTHING | {"lookups": [{"what": "call_times", "day": day} for day in days]}
    resolver = OfflineResolver(
        cast(Shop, records),
        cast(Payments, records),
        cast(Knowledge, records),
        calls=CallPlans(cast(CallTimes, records)),
        clock=lambda: records.now,
    )
    proposal = resolver.propose(records.request)
    reply, hand_over = proposal.reply, proposal.escalation
    return {
        "thoughts": proposal.rationale,
        "lookups": [],
        "goal": proposal.goal,
        "actions": _actions(proposal),
        "reply": reply.text if reply else None,
        "cites": reply.cites if reply else [],
        "asks_customer": proposal.asks_customer,
        "asks_identity": proposal.asks_identity,
        "commitments": [c.model_dump(exclude={"check"}) for c in proposal.commitments],
        "hand_over": hand_over.model_dump() if hand_over else None,
    }


_NOTHING: dict[str, Any] = {
    "thoughts": "",
    "goal": "",
    "actions": [],
    "reply": None,
    "cites": [],
    "asks_customer": False,
    "asks_identity": False,
    "commitments": [],
    "hand_over": None,
}


def _actions(proposal: Proposal) -> list[Document]:
    return [
        {
            "kind": action.kind,
            "params": CATALOGUE[action.kind]
            .model_validate(action.params)
            .model_dump(mode="json", exclude={"customer_id"}),
            "reason": action.reason,
            "requested_by": action.requested_by,
        }
        for action in proposal.actions
    ]


class _Records:
    """What the offline resolver reads, out of the document that the agent sent."""

    def __init__(self, document: Document) -> None:
        self._orders = document["orders"]
        self._passages = document["passages"]
        self._looked_up = [one["found"] for one in document["looked_up"]]
        self.now = datetime.fromisoformat(document["now"])
        ticket, customer = document["ticket"], document["customer"]
        self.request = ProposeRequest(
            tenant="default",
            ticket_id="stand-in",
            proposal_number=1,
            customer_id="the-customer" if customer else None,
            display_name=customer["first_name"] if customer else None,
            assurance=ticket["assurance"],
            subject=ticket["subject"],
            classification_intent=ticket["intent"],
            confidence=ticket["confidence"],
            topics=ticket["topics"],
            order_ids=ticket["order_ids"],
            item_mentions=ticket["items_mentioned"],
            amounts=tuple(map(_money, ticket["amounts_mentioned"])),
            passage_ids=tuple(p["passage_id"] for p in self._passages),
            conversation=document["conversation"],
            observations=document["did_not_work"],
            done=tuple(map(_done, document["done_so_far"])),
        )

    def list_orders(self, tenant: str, customer_id: str) -> Sequence[OrderRecord]:
        return tuple(_order(one, customer_id) for one in self._orders)

    def list_payments(self, tenant: str, order_id: str) -> Sequence[PaymentRecord]:
        return tuple(
            PaymentRecord(
                payment_id=f"p{n}",
                order_id=order_id,
                method_id=paid["payment_method_id"],
                amount=_money(paid["amount"]),
            )
            for n, paid in enumerate(self._of(order_id)["payments"])
        )

    def list_refunds(self, tenant: str, order_id: str) -> Sequence[RefundRecord]:
        return tuple(
            RefundRecord.model_validate({**made, "key": made["refund_id"], "order_id": order_id})
            for made in self._of(order_id)["refunds"]
        )

    def get(self, tenant: str, passage_ids: Sequence[str]) -> Sequence[Passage]:
        return tuple(
            Passage.model_validate({**p, "article_id": p["passage_id"], "version": "1", "score": 1})
            for p in self._passages
        )

    def of(self, tenant: str, customer_id: str, now: datetime) -> Bookable | None:
        """Return the times of calls that were looked up."""
        if not any(self._looked_up):
            return None
        zone, booked = self._looked_up[0]["zone"], self._looked_up[0]["booked"]
        times = {one["starts_at"]: one for found in self._looked_up for one in found["free"]}
        free = (
            Slot(starts_at=one["starts_at"], ends_at=one["ends_at"])
            for _, one in sorted(times.items())
        )
        if booked:
            booked = CallbackRecord(
                **booked,
                key="call",
                ticket_id="stand-in",
                customer_id=customer_id,
                starts_at=now,
                ends_at=now,
                zone=zone,
                status="booked",
            )
        return Bookable(zone, booked, free)

    def _of(self, order_id: str) -> Document:
        return next(one for one in self._orders if one["order_id"] == order_id)


def _order(told: Document, customer_id: str) -> OrderRecord:
    parts = {part["component_id"]: part["price"] for part in told["components"]}
    fees = {name[4:]: price for name, price in parts.items() if name.startswith("fee:")}
    known = {name: told[name] for name in ("order_id", "status", "placed_at", "delivered_at")}
    return OrderRecord.model_validate(
        {
            **known,
            "customer_id": customer_id,
            "lines": told["items"],
            "shipping": parts.get("shipping"),
            "fees": fees,
            "tracking_ids": told["tracking_ids"],
            "return_items": told["return_items"],
            "exchange_items": told["exchange_items"],
        }
    )


def _done(told: Document) -> ActionRecord:
    receipt = {
        "receipt_id": told["receipt_id"],
        "summary": told["summary"],
        "amount": told["amount"],
        "at": datetime.now(UTC),
    }
    action = {"action_id": "done", "kind": told["kind"], "params": told["params"]}
    return ActionRecord.model_validate(
        {"action": action, "state": told["state"], "receipt": receipt}
    )


def _money(told: Document) -> Money:
    return Money(amount_minor=told["amount_minor"], currency=told["currency"])


@contextmanager
def stand_in() -> Iterator[ScriptedServer]:
    """Run the stand-in on loopback; plans come before its own answers."""
    with ScriptedServer() as server:
        server.always(ROUTE, StandIn())
        yield server


def team_at(url: str, services: Services) -> Team:
    """Return the agents over the services' ports, with their model at this address."""
    taxonomy = load_taxonomy(ROOT / "policies")
    model = model_at(url, seconds=2.0)
    return assemble(
        Models(classify=model, retrieve=model, resolve=model),
        Reads(
            shop=services.backends.shop,
            payments=services.payments,
            knowledge=services.knowledge,
            calls=call_times(services),
            classifier=services.classifier,
            retriever=OfflineRetriever(services.knowledge),
        ),
        Labels(
            intents={intent.id: intent.description for intent in taxonomy.intents},
            topics=[topic.id for topic in taxonomy.topics],
            priority_of=taxonomy.priority_of,
        ),
        per_second=100,
        at_once=4,
    )
