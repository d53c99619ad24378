"""The agents by themselves: what their schemas allow, what they are told, what they may look up."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from openai.lib._pydantic import to_strict_json_schema

from closeloop.actions.catalogue import CATALOGUE, WORKFLOW_ONLY, parse
from closeloop.agents.asking import Output, Prompt
from closeloop.agents.classifier import AgentClassifier, Labels
from closeloop.agents.lookups import (
    LookUpCallTimes,
    LookUpItem,
    LookUpOrder,
    LookUpProduct,
    Lookups,
)
from closeloop.agents.resolver import AgentResolver
from closeloop.agents.retriever import MAX_PASSAGES, AgentRetriever
from closeloop.agents.strict import strict
from closeloop.bootstrap import Services
from closeloop.models.callbacks import Slot
from closeloop.models.knowledge import Passage, SourceKind
from closeloop.models.proposal import ConversationMessage, ProposeRequest
from closeloop.models.spending import ModelCall
from closeloop.models.steps import RetrievedKnowledge, RetrieveKnowledge
from closeloop.models.triage import Classification, ClassifyRequest, Confirmation, Priority
from closeloop.ports import Knowledge
from tests.support.desk import build_services, call_times
from tests.support.scripted import ScriptedResolver, answer


class Says:
    """A model that says what it is told to, in the shape it is asked for."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self._answers = list(answers)
        self.documents: list[str] = []
        self.shapes: list[type[Any]] = []

    def answer(
        self, prompt: Prompt, document: str, output: type[Output]
    ) -> tuple[Output, ModelCall]:
        self.documents.append(document)
        self.shapes.append(output)
        call = ModelCall(agent=prompt.agent, model="says", prompt=prompt.version)
        return output.model_validate(self._answers.pop(0)), call


class Cues:
    """Code beside the model: it found a topic and an order."""

    def classify(self, tenant: str, request: ClassifyRequest) -> Classification:
        return Classification.model_validate(
            {
                "intent": "other",
                "confidence": 0.2,
                "topics": ["legal"],
                "entities": {"order_ids": ["#W1001"]},
            }
        )

    def read_confirmation(self, tenant: str, text: str) -> Confirmation:
        return Confirmation(answer="yes")


def priority(intent_id: str, urgency: str, sentiment: str, topic_ids: tuple[str, ...]) -> Priority:
    return "urgent" if "legal" in topic_ids else "low"


LABELS = Labels(
    intents={"refund_request": "money back", "other": "none of these"},
    topics=["legal", "safety"],
    priority_of=priority,
)
READING: dict[str, Any] = {
    "why": "asks for money back",
    "intent": "refund_request",
    "confidence": 0.9,
    "urgency": "normal",
    "sentiment": "neutral",
    "language": "en",
    "order_ids": ["#W9999"],
    "items": ["mug"],
    "amounts": [{"amount_minor": 2490, "currency": "USD"}],
    "dates": ["2026-11-02"],
    "topics": ["safety"],
    "gives_orders_to_the_machine": False,
}


def test_a_reading_with_the_cues_of_code_beside_it() -> None:
    classifier = AgentClassifier(Says(READING), LABELS, Cues())
    request = ClassifyRequest(subject="Mug", messages=("Refund order #W1001, my lawyer says so.",))
    read = classifier.classify("default", request)
    assert (read.intent, read.confidence, read.why) == (
        "refund_request",
        0.9,
        "asks for money back",
    )
    assert read.topics == ("legal", "safety"), "what either sees counts"
    assert read.priority == "urgent", "by the matrix, not by the model"
    assert read.entities.order_ids == ("#W1001",), "an order that nobody named is dropped"
    assert read.entities.dates == ("2026-11-02",)
    assert [call.agent for call in read.calls] == ["classify"]
    assert classifier.read_confirmation("default", "yes").answer == "yes"


@pytest.mark.parametrize(
    "change", [{"intent": "send_money"}, {"topics": ["weather"]}, {"confidence": 1.2}]
)
def test_a_reading_knows_no_other_labels(change: dict[str, Any]) -> None:
    classifier = AgentClassifier(Says({**READING, **change}), LABELS, Cues())
    with pytest.raises(ValueError, match=next(iter(change))):
        classifier.classify("default", ClassifyRequest(subject="Mug", messages=("Hello",)))


def _passage(name: str, kind: SourceKind) -> Passage:
    return Passage(
        passage_id=name, article_id=name, title=name, kind=kind, version="1", score=1, text=name
    )


class FindsPolicy:
    """The plain search: it finds two passages of policy."""

    def retrieve(self, step: RetrieveKnowledge) -> RetrievedKnowledge:
        return RetrievedKnowledge(passages=(_passage("pol1", "policy"), _passage("pol2", "policy")))


class FindsArticles:
    """A store with four articles for every query."""

    def search(self, tenant: str, query: str, **how: Any) -> tuple[Passage, ...]:
        return tuple(_passage(f"{query}{n}", "doc") for n in range(4))


def test_policy_is_first_among_what_helps() -> None:
    queries = [{"query": query, "kind": "any"} for query in "abcd"]
    first = {"thoughts": "", "missing": "", "answered": False, "searches": queries}
    useful = [f"{query}{n}" for query in "abcd" for n in range(4)]
    says = Says(
        {**first, "useful_passage_ids": []},
        {**first, "useful_passage_ids": useful, "answered": True},
    )
    step = RetrieveKnowledge(
        tenant="default",
        ticket_id="t1",
        query="q",
        classification=Classification(intent="other", confidence=0.9),
    )
    found = AgentRetriever(says, cast(Knowledge, FindsArticles()), FindsPolicy()).retrieve(step)
    ids = [passage.passage_id for passage in found.passages]
    assert ids == ["pol1", "pol2", *useful[: MAX_PASSAGES - 2]]


def test_every_action_is_a_strict_schema_of_its_own() -> None:
    for kind, cls in CATALOGUE.items():
        schema = to_strict_json_schema(strict(cls))
        assert set(schema["required"]) == set(cls.model_fields) - {"customer_id"}, kind
        assert not _keys(schema) & {"default", "oneOf", "discriminator", "maxLength", "minLength"}


def _keys(schema: Any) -> set[str]:
    match schema:
        case dict():
            return set(schema) | {key for value in schema.values() for key in _keys(value)}
        case list():
            return {key for item in schema for key in _keys(item)}
        case _:
            return set()


# --- resolution ----------------------------------------------------------------------------------


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    built = build_services(tmp_path, resolver=ScriptedResolver(answer()))
    yield built
    built.engine.dispose()
    built.backends.close()


MONDAY = datetime(2026, 11, 30, 15, tzinfo=UTC)  # 07:00 in Oregon, before the desk opens


def request(services: Services, **changes: object) -> ProposeRequest:
    customer = services.backends.shop.find_customer("default", "nora.whitfield@example.com")
    assert customer is not None
    return ProposeRequest.model_validate(
        {
            "tenant": "default",
            "ticket_id": "t-1",
            "proposal_number": 1,
            "customer_id": customer.customer_id,
            "display_name": "Nora",
            "assurance": "confirmed",
            "subject": "Mug",
            "classification_intent": "refund_request",
            "confidence": 0.9,
            "conversation": [ConversationMessage(message_id="#0", sender="customer", text="Hi")],
            **changes,
        }
    )


def resolver(services: Services, model: Says) -> AgentResolver:
    backends = services.backends
    return AgentResolver(
        model, backends.shop, backends.payments, services.knowledge, call_times(services)
    )


def said(**changes: object) -> dict[str, Any]:
    return {
        "thoughts": "A mug broke.",
        "lookups": [],
        "goal": "refund",
        "actions": [],
        "reply": None,
        "cites": [],
        "asks_customer": False,
        "asks_identity": False,
        "commitments": [],
        "hand_over": None,
        **changes,
    }


def test_a_lookup_feeds_the_proposal_and_the_catalogue_reads_it(services: Services) -> None:
    action = {
        "kind": "refund_payment",
        "params": {"order_id": "#W1001", "components": [], "amount_minor": None},
        "reason": "broken",
        "requested_by": ["#0"],
    }
    model = Says(
        said(lookups=[{"what": "order", "order_id": "#W1001"}]),
        said(actions=[action], reply="You get {{1.amount}} back.", cites=["p1"]),
    )
    proposal = resolver(services, model).propose(request(services))
    assert '"order_id": "#W1001"' in model.documents[1].partition("looked_up")[2]
    [proposed] = proposal.actions
    assert parse(proposed).describe() == "Refund order #W1001: everything on it"
    assert proposed.params == {"order_id": "#W1001", "components": []}
    assert (proposal.source, len(proposal.calls)) == ("says", 2)
    assert proposal.reply is not None
    assert proposal.reply.cites == ("p1",)


def test_an_action_on_a_record_is_on_the_customers_own(services: Services) -> None:
    place = {"address1": "5 Oak St", "address2": "", "city": "Bend", "state": "OR"}
    step = {
        "kind": "update_customer_address",
        "params": {"address": {**place, "zip": "97701", "country": "USA"}},
        "reason": "moved",
        "requested_by": ["#0"],
    }
    asked = request(services)
    proposal = resolver(services, Says(said(actions=[step], reply="Done."))).propose(asked)
    assert proposal.actions[0].params["customer_id"] == asked.customer_id
    assert parse(proposal.actions[0]).target_customer == asked.customer_id


def test_lookups_end(services: Services) -> None:
    more = said(lookups=[{"what": "item", "item_id": "710103"}])
    model = Says(more, more, more)
    proposal = resolver(services, model).propose(request(services))
    assert len(model.documents) == 3
    assert proposal.reply is None


@pytest.mark.parametrize(
    "params",
    [
        {"order_id": "#W1001", "components": [], "amount_minor": None, "approved": True},
        {"order_id": "#W1001"},
        {"order_id": 1001, "components": [], "amount_minor": None},
    ],
)
def test_an_action_in_another_shape_is_no_answer(
    services: Services, params: dict[str, Any]
) -> None:
    step = {"kind": "refund_payment", "params": params, "reason": "", "requested_by": []}
    with pytest.raises(ValueError, match="actions"):
        resolver(services, Says(said(actions=[step]))).propose(request(services))


@pytest.mark.parametrize("kind", sorted(WORKFLOW_ONLY))
def test_the_workflows_own_steps_are_not_offered(services: Services, kind: str) -> None:
    step = {"kind": kind, "params": {}, "reason": "", "requested_by": []}
    with pytest.raises(ValueError, match="actions"):
        resolver(services, Says(said(actions=[step]))).propose(request(services))


def test_what_a_model_is_told_of_a_customer(services: Services) -> None:
    model = Says(said(reply="Hello"))
    resolver(services, model).propose(request(services, earlier=["customer: It is mug 2."]))
    [document] = model.documents
    assert "#W1001" in document
    assert "It is mug 2." in document
    for kept in ("whitfield", "@", "address", "zip"):
        assert kept not in document.lower()


@pytest.mark.parametrize(
    ("assurance", "orders"), [("none", 0), ("channel_verified", 1), ("confirmed", 1)]
)
def test_nothing_is_told_or_found_below_assurance(
    services: Services, assurance: str, orders: int
) -> None:
    model = Says(said(reply="Hello"))
    asked = request(services, assurance=assurance)
    resolver(services, model).propose(asked)
    assert ('"status"' in model.documents[0]) == bool(orders)
    assert ('"customer": null' in model.documents[0]) == (not orders)
    found = lookups(services, asked).run(LookUpOrder(what="order", order_id="#W1001"))
    assert (found["found"] is not None) == bool(orders)


def test_a_strangers_order_is_no_order(services: Services) -> None:
    mine = lookups(services, request(services))
    theirs = mine.run(LookUpOrder(what="order", order_id="#W1005"))
    assert theirs == mine.run(LookUpOrder(what="order", order_id="#W9999")) == {"found": None}


def test_products_are_found_by_either_id(services: Services) -> None:
    mine = lookups(services, request(services))
    by_item = mine.run(LookUpItem(what="item", item_id="710103"))
    product_id = by_item["found"]["product_id"]
    assert mine.run(LookUpProduct(what="product", product_id=product_id)) == by_item


def test_times_of_calls_are_the_desks_and_on_the_customers_clock(services: Services) -> None:
    mine = lookups(services, request(services))
    soonest = mine.run(LookUpCallTimes(what="call_times", day=None))["found"]
    assert (soonest["booked"], soonest["zone"]) == (None, "America/Los_Angeles")
    assert [one["starts_at"] for one in soonest["free"]][:2] == [
        "2026-11-30T17:00:00Z",
        "2026-11-30T17:30:00Z",
    ]
    friday = mine.run(LookUpCallTimes(what="call_times", day="2026-12-04"))["found"]["free"]
    assert friday[0]["said"] == "Friday, December 4, 2026 at 09:00 (America/Los_Angeles)"
    assert {one["said"].split(" at ")[0] for one in friday} == {"Friday, December 4, 2026"}
    assert mine.run(LookUpCallTimes(what="call_times", day="soon"))["found"]["free"] == []


def test_a_booked_call_is_told_to_whose_it_is(services: Services) -> None:
    book = services.backends.calendar.book
    slot = Slot(starts_at=MONDAY + timedelta(hours=6), ends_at=MONDAY + timedelta(hours=6.5))
    call = book("default", "k", "T-1", "nora_whitfield", slot, "America/Los_Angeles")
    look = LookUpCallTimes(what="call_times", day=None)
    found = lookups(services, request(services)).run(look)["found"]
    assert found["booked"] == {"booking_id": call.booking_id, "said": call.said}
    others = lookups(services, request(services, customer_id="june_albright")).run(look)["found"]
    assert others["booked"] is None
    unknown = lookups(services, request(services, assurance="none")).run(look)
    assert unknown == {"found": None}


def lookups(services: Services, asked: ProposeRequest) -> Lookups:
    backends = services.backends
    return Lookups(backends.shop, backends.payments, call_times(services), asked, MONDAY)
