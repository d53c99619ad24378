"""Understanding a ticket: what it is about and who wrote it."""

from temporalio import activity

from closeloop.models.records import CustomerRecord
from closeloop.models.steps import ClassifyTicket, LoadCustomer, LoadedCustomer, ReadConfirmation
from closeloop.models.triage import Classification, Confirmation, CustomerContext
from closeloop.ports import Classifier, PolicyBook, Shop


class TriageActivities:
    """Activities that read what the customer wrote, and who they are."""

    def __init__(self, classifier: Classifier, shop: Shop, book: PolicyBook) -> None:
        """Keep the classifier, the shop and the desk's terms."""
        self._classifier = classifier
        self._shop = shop
        self._book = book

    @activity.defn
    def classify_ticket(self, step: ClassifyTicket) -> Classification:
        """Return intent, urgency, sentiment, priority, entities and confidence."""
        return self._classifier.classify(step.tenant, step.request)

    @activity.defn
    def load_customer(self, step: LoadCustomer) -> LoadedCustomer:
        """Return the customer on file and the desk's terms; a stranger has no customer id.

        An id and an e-mail that belong to different people are a stranger.
        """
        record = self._find(step)
        context = CustomerContext()
        if record is not None:
            context = CustomerContext(
                customer_id=record.customer_id,
                display_name=record.first_name,
                order_ids=record.order_ids[:50],
                contact_changed_at=record.contact_changed_at,
            )
        return LoadedCustomer(customer=context, terms=self._book.terms(step.tenant))

    @activity.defn
    def read_confirmation(self, step: ReadConfirmation) -> Confirmation:
        """Return what the customer's word after a resolution means."""
        return self._classifier.read_confirmation(step.tenant, step.text)

    def _find(self, step: LoadCustomer) -> CustomerRecord | None:
        who = step.customer
        if who.id is None:
            return self._shop.find_customer(step.tenant, who.email) if who.email else None
        record = self._shop.get_customer(step.tenant, who.id)
        if record is not None and who.email and record.email.lower() != who.email.lower():
            return None
        return record
