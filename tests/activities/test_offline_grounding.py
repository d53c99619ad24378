"""Our own offline drafts claim nothing without evidence: the check has no false alarms on them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from closeloop.bootstrap import Services, build_activities
from closeloop.models.base import clip
from closeloop.models.state import TicketStart, TicketState
from closeloop.models.steps import RetrievedKnowledge, RetrieveKnowledge
from closeloop.models.ticket import Assurance, Customer, Ticket
from closeloop.models.triage import Classification, CustomerContext
from closeloop.offline.entities import find_entities
from closeloop.offline.resolver import OfflineResolver
from closeloop.offline.taxonomy import load_taxonomy
from tests.support.desk import ROOT, build_services
from tests.support.scripted import ScriptedResolver, question
from workflows import agent_calls, calls, replies
from workflows import state as transitions

CUSTOMERS = (
    "nora_whitfield",
    "theo_marchetti",
    "priya_raman",
    "june_albright",
    "dana_kowalski",
    "omar_haddad",
    "elise_moreau",
    None,
)
EVERY = 9
"""Of the taxonomy's examples every ninth is written by each of these customers."""


@dataclass
class Office:
    services: Services

    def __post_init__(self) -> None:
        listed = build_activities(self.services)
        self.judge = next(a for a in listed.tickets if a.__name__ == "evaluate_policy")
        self.retrieve = next(a for a in listed.backends if a.__name__ == "retrieve_knowledge")
        shop, payments = self.services.backends.shop, self.services.payments
        self.resolver = OfflineResolver(shop, payments, self.services.knowledge)

    def ticket(self, customer: str | None, intent: str, text: str) -> TicketState:
        now = datetime.now(UTC)
        ticket = Ticket(
            ticket_id="t1",
            tenant="default",
            assurance=Assurance.CONFIRMED if customer else Assurance.NONE,
            customer=Customer(id=customer, email="somebody@example.com"),
            subject="A question",
            body=text,
            received_at=now,
        )
        shop = self.services.backends.shop
        record = shop.get_customer("default", customer) if customer else None
        found = Classification(intent=intent, confidence=0.9, entities=find_entities([text], ()))
        step = RetrieveKnowledge(
            tenant="default", ticket_id="t1", classification=found, query=clip(text, 2_000)
        )
        known: RetrievedKnowledge = self.retrieve(step)
        return transitions.opened(TicketStart(ticket=ticket), now).model_copy(
            update={
                "classification": found,
                "passages": known.passages,
                "terms": self.services.book.terms("default"),
                "customer": CustomerContext(
                    customer_id=customer, display_name=record.first_name if record else None
                ),
            }
        )


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    folder = tmp_path_factory.mktemp("office")
    services = build_services(
        folder, resolver=ScriptedResolver(question()), policies=ROOT / "policies"
    )
    yield Office(services)
    services.backends.close()
    services.engine.dispose()


def examples() -> list[tuple[str, str]]:
    taxonomy = load_taxonomy(Path(ROOT / "policies"))
    every = [(intent.id, text) for intent in taxonomy.intents for text in intent.examples]
    return every[::EVERY]


@pytest.mark.parametrize("customer", CUSTOMERS)
def test_no_offline_draft_is_ungrounded(office: Office, customer: str | None) -> None:
    drafts = 0
    wrong: list[str] = []
    for intent, text in examples():
        state = office.ticket(customer, intent, text)
        assert state.classification is not None
        proposal = office.resolver.propose(agent_calls.propose_request(state, state.classification))
        if proposal.reply is None:
            continue
        drafts += 1
        state = transitions.proposed(state, proposal, datetime.now(UTC))
        reply = replies.of_proposal(state)
        found = office.judge(calls.judge_request(state, proposal.actions, reply)).facts.grounding
        noted = found.noted and intent == "complaint"
        if found.problems or (found.on_nothing and not noted):
            wrong.append(
                f"{[str(p) for p in found.problems]} {found.evidence} {proposal.reply.text}"
            )
    assert drafts > 10
    assert wrong == [], f"{len(wrong)} of {drafts}:\n" + "\n----\n".join(dict.fromkeys(wrong))
