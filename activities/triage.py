"""Understanding a ticket: what it is about and who wrote it."""

from temporalio import activity

from closeloop.errors import BackendRefused
from closeloop.models.records import CustomerRecord
from closeloop.models.steps import (
    ClassifyTicket,
    HoursRead,
    LoadCustomer,
    LoadedCustomer,
    ReadConfirmation,
    ReadHours,
)
from closeloop.models.triage import Classification, Confirmation, CustomerContext
from closeloop.ports import Classifier, InjectionDetector, Languages, PolicyBook, Shop


class TriageActivities:
    """Activities that read what the customer wrote, and who they are."""

    def __init__(
        self,
        classifier: Classifier,
        offline: Classifier,
        detector: InjectionDetector,
        shop: Shop,
        book: PolicyBook,
        languages: Languages | None = None,
    ) -> None:
        """Keep the classifier in use, the one without a language model, detector, shop, terms.

        Without ``languages`` a classifier's own word on the language stands.
        """
        self._languages = languages
        self._classifier = classifier
        self._offline = offline
        self._detector = detector
        self._shop = shop
        self._book = book

    @activity.defn
    def classify_ticket(self, step: ClassifyTicket) -> Classification:
        """Return intent, urgency, sentiment, priority, entities and confidence."""
        classifier = self._offline if step.offline else self._classifier
        found = classifier.classify(step.tenant, step.request)
        said = self._languages and self._languages.detect(step.request.messages)
        if said:
            found = found.model_copy(update={"language": said})
        if found.injection_suspected:
            return found
        texts = (step.request.subject, *step.request.messages)
        return found.model_copy(
            update={"injection_suspected": any(map(self._detector.suspects, texts))}
        )

    @activity.defn
    def load_customer(self, step: LoadCustomer) -> LoadedCustomer:
        """Return the customer on file, and the desk's terms with its service levels.

        A stranger has no customer id; an id and an e-mail of different people are a stranger.
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
        terms = self._book.terms(step.tenant)
        if step.clock_start is not None:
            levels = self._book.service_levels(step.tenant, step.clock_start)
            terms = terms.model_copy(update={"sla": levels})
        return LoadedCustomer(customer=context, terms=terms)

    @activity.defn
    def read_confirmation(self, step: ReadConfirmation) -> Confirmation:
        """Return what the customer's word after a resolution means."""
        return self._classifier.read_confirmation(step.tenant, step.text)

    @activity.defn
    def read_hours(self, step: ReadHours) -> HoursRead:
        """Return when the desk is open from a time on.

        Raises:
            BackendRefused: ``no_calendar``, the policies have none of that name any more.
        """
        hours = self._book.open_hours(step.tenant, step.calendar, step.clock_start, step.since)
        if hours is None:
            raise BackendRefused(
                f"sla.toml has no [calendar.{step.calendar}] any more", code="no_calendar"
            )
        return HoursRead(hours=hours)

    def _find(self, step: LoadCustomer) -> CustomerRecord | None:
        who = step.customer
        if who.id is None:
            return self._shop.find_customer(step.tenant, who.email) if who.email else None
        record = self._shop.get_customer(step.tenant, who.id)
        if record is not None and who.email and record.email.lower() != who.email.lower():
            return None
        return record
