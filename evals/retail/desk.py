"""A desk for the retail evals: embedded backends over the set's shop, and no agents to speak of."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final

from closeloop.actions.catalogue import parse
from closeloop.actions.customers import UpdateCustomerAddress
from closeloop.actions.items import ExchangeItems, ModifyOrderItems, ReturnItems
from closeloop.actions.orders import CancelOrder, ModifyOrderAddress, ModifyOrderPayment
from closeloop.bootstrap import Services
from closeloop.embedded.backends import EmbeddedBackends
from closeloop.models.knowledge import Document, Passage, SourceKind, StoredDocument
from closeloop.models.proposal import Action, Proposal, ProposeRequest
from closeloop.models.triage import Classification, ClassifyRequest, Confirmation
from closeloop.policy.book import FilePolicyBook
from closeloop.ports import Resolver, Shop
from closeloop.store.engine import open_database
from closeloop.store.ledger import SqlLedger
from closeloop.store.records import SqlRecords

ROOT: Final = Path(__file__).resolve().parent.parent.parent
POLICIES: Final = ROOT / "policies" / "retail"
BACKENDS_FILE: Final = "backends.db"
OPERATIONS_FILE: Final = "operations.db"


class NoKnowledge:
    """Knows nothing: the proposals of these evals rest on none."""

    def search(
        self,
        tenant: str,
        query: str,
        *,
        limit: int,
        kinds: Sequence[SourceKind] | None = None,
        language: str | None = None,
        on: date | None = None,
    ) -> tuple[Passage, ...]:
        """Find nothing."""
        return ()

    def get(self, tenant: str, passage_ids: Sequence[str]) -> tuple[Passage, ...]:
        """Have nothing."""
        return ()

    def put(self, tenant: str, documents: Sequence[Document]) -> int:
        """Keep nothing."""
        return 0

    def documents(self, tenant: str) -> tuple[StoredDocument, ...]:
        """Have nothing."""
        return ()

    def delete_document(self, tenant: str, document_id: str) -> bool:
        """Have nothing to delete."""
        return False


class SureClassifier:
    """Reads every ticket as a change of orders, and every later word as another wish."""

    def classify(self, tenant: str, request: ClassifyRequest) -> Classification:
        """Return the one intent, for sure."""
        return Classification(intent="order_change", confidence=1.0)

    def read_confirmation(self, tenant: str, text: str) -> Confirmation:
        """Return that there is more to do."""
        return Confirmation(answer="other")


class NoDetector:
    """Suspects nothing: nobody attacks these evals."""

    def suspects(self, text: str) -> bool:
        """Return False."""
        return False


class SilentResolver:
    """Proposes nothing."""

    def propose(self, request: ProposeRequest) -> Proposal:
        """Return an empty proposal."""
        return Proposal()


def open_services(
    state_dir: Path,
    *,
    shop_file: Path | None = None,
    tenants: Sequence[str] = (),
    resolver: Resolver | None = None,
    faults: str | None = None,
) -> Services:
    """Return services over the state folder; ``shop_file`` seeds tenants that are not there yet.

    ``faults`` is the plan of faults; None leaves the one that the folder has.
    """
    book = FilePolicyBook(POLICIES)
    engine = open_database(f"sqlite:///{state_dir / OPERATIONS_FILE}")
    return Services(
        book=book,
        backends=EmbeddedBackends(
            state_dir / BACKENDS_FILE, shop_file=shop_file, faults=faults, tenants=tenants
        ),
        engine=engine,
        ledger=SqlLedger(engine, book.limits),
        records=SqlRecords(engine),
        knowledge=NoKnowledge(),
        classifier=SureClassifier(),
        detector=NoDetector(),
        resolver=resolver or SilentResolver(),
    )


def apply(shop: Shop, tenant: str, key: str, action: Action) -> None:
    """Do an action in the shop itself, past policy.

    Raises:
        BackendRefused: the shop says no.
        ValueError: the action does not make sense.
    """
    match parse(action):
        case CancelOrder(order_id=order, reason=reason):
            shop.cancel_order(tenant, key, order, reason)
        case ModifyOrderAddress(order_id=order, address=address):
            shop.modify_order_address(tenant, key, order, address)
        case ModifyOrderPayment(order_id=order, payment_method_id=method):
            shop.modify_order_payment(tenant, key, order, method)
        case ModifyOrderItems(order_id=o, item_ids=a, new_item_ids=b, payment_method_id=m):
            shop.modify_order_items(tenant, key, o, a, b, m)
        case ExchangeItems(order_id=o, item_ids=a, new_item_ids=b, payment_method_id=m):
            shop.exchange_items(tenant, key, o, a, b, m)
        case ReturnItems(order_id=o, item_ids=a, payment_method_id=m):
            shop.return_items(tenant, key, o, a, m)
        case UpdateCustomerAddress(customer_id=customer, address=address):
            shop.update_customer_address(tenant, key, customer, address)
        case _:
            raise ValueError(f"{action.kind} is not a write of this set")
