"""Facts, verdicts and judgements: what policy saw and what it said."""

from enum import StrEnum
from typing import Any, Final, Literal

from pydantic import Field, field_serializer

from closeloop.models.base import Money, UtcTime, Wire
from closeloop.models.grounding import Grounding, ReplyToCheck
from closeloop.models.identity import Consent
from closeloop.models.proposal import Action
from closeloop.models.ticket import Assurance, Mode
from closeloop.models.triage import Sentiment


class Ruling(StrEnum):
    """Policy's word on one action; the least permissive of all rules wins."""

    ALLOW = "allow"
    NEEDS_APPROVAL = "needs_approval"
    REFUSE = "refuse"

    @property
    def rank(self) -> int:
        """0 for allow, rising as less is permitted."""
        return list(Ruling).index(self)


WINDOW_DAYS: Final = 30
"""How many UTC days, today included, the sums of an order, customer, instrument or address span."""

Measure = Literal[
    "amount", "customer_day", "tenant_day", "order", "customer", "instrument", "address"
]
"""What a limit is on: an effect alone, a UTC day, or the parts that a scope's last ``WINDOW_DAYS``
add up to (one amount alone is no part).
"""


class MoneyLimit(Wire):
    """A limit that the ledger holds, in the transaction that reserves or begins an effect.

    ``approvable``: a person may let it be passed. ``kinds`` None means every one that moves money.
    """

    rule_id: str
    measure: Measure
    at_most: int
    approvable: bool = False
    kinds: tuple[str, ...] | None = None


class EffectFacts(Wire):
    """An effect by its name, with what the ledger knows of it.

    ``overlap`` names another live effect that claims one of the same components; ``taken_back`` is
    how often it was made and undone, which ``Ledger.begin`` alone fills in.
    """

    effect_id: str
    components: dict[str, int] = Field(default_factory=dict)
    state: str | None = None
    ticket_id: str | None = None
    overlap: str | None = None
    taken_back: int = 0


class ItemFacts(Wire):
    """An item that an action takes, and what it puts in its place.

    ``of_product`` says that the new one is a variant of the same product; it and ``available`` are
    None where nothing takes the item's place.
    """

    item_id: str
    new_item_id: str | None = None
    of_product: bool | None = None
    available: bool | None = None


class MethodFacts(Wire):
    """The payment method that an action names.

    ``paid`` says that the order was paid by it, ``original`` that its first payment was.
    """

    method_id: str
    on_file: bool = False
    gift_card: bool = False
    balance: Money | None = None
    paid: bool = False
    original: bool = False


class ActionFacts(Wire):
    """What was known about one action when it was judged; ``None`` means not known.

    ``order_asked`` is the order as the action writes it, ``customer_asked`` the customer whose own
    record it is about. ``charge`` is what the customer would have to pay; what they would get back
    is negative. ``takes`` is what an action takes of the order's payments, where that is not the
    ``amount`` of named parts: nothing where the customer pays more for other items, the old items'
    price where they are exchanged. ``single_payment`` says that one payment is all that ever moved
    on the order. ``recent_minor`` names the scopes that its money counts towards
    (``order:#W1001``), with what moved there in the last ``WINDOW_DAYS``, effects of the same
    proposal left out. ``disputed`` is what open and lost disputes have taken. ``consent`` is the
    message that said yes to exactly this effect; ``slot_problem`` is why nobody can call at the
    time that it names, "" if somebody can. ``in_words`` says it to a customer who has to be asked,
    and ``digest`` is what a yes of theirs would be bound to. ``undo`` is the action that would take
    this one back.
    """

    action_id: str
    kind: str
    valid: bool = True
    problem: str = ""
    writes: bool = True
    internal: bool = False
    needed_assurance: Assurance = Assurance.NONE
    amount: Money | None = None
    moves_money: bool = False
    order_id: str | None = None
    order_asked: str | None = None
    order_found: bool = False
    order_customer_id: str | None = None
    order_status: str | None = None
    placed_at: UtcTime | None = None
    delivered_at: UtcTime | None = None
    paid: Money | None = None
    refunded: Money | None = None
    credited: Money | None = None
    disputed: Money | None = None
    dispute_open: bool | None = None
    component_total: Money | None = None
    recent_minor: dict[str, int] = Field(default_factory=dict)
    effect: EffectFacts | None = None
    customer_asked: str | None = None
    items: tuple[ItemFacts, ...] = ()
    method: MethodFacts | None = None
    charge: Money | None = None
    takes: Money | None = None
    single_payment: bool | None = None
    names_target: bool = False
    names_remedy: bool = False
    consent: str | None = None
    in_words: str = ""
    digest: str = ""
    slot_problem: str | None = None
    undo: Action | None = None


class Facts(Wire):
    """The recorded snapshot a judgement was made on.

    ``suspected_in`` says where, beside the customer's words, something reads like an order to the
    machine. ``answered`` says that the customer has had an answer of ours, ``sentiment`` how they
    sound now. ``grounding`` is None where no reply was looked at. ``cap_source`` says what set
    ``mode_cap``; ``stopped`` who has stopped the tenant's autonomous writes, and why.
    """

    at: UtcTime
    policy_version: str
    tenant: str
    ticket_id: str = ""
    customer_id: str | None
    assurance: Assurance
    intent: str
    confidence: float
    topics: tuple[str, ...] = ()
    sentiment: Sentiment = "neutral"
    answered: bool = False
    injection_suspected: bool = False
    suspected_in: tuple[str, ...] = ()
    grounding: Grounding | None = None
    mode_cap: Mode = Mode.AUTONOMOUS
    cap_source: str = ""
    stopped: str | None = None
    contact_changed_at: UtcTime | None = None
    customer_spent_today_minor: int = 0
    tenant_spent_today_minor: int = 0
    actions: tuple[ActionFacts, ...] = ()


class Reason(Wire):
    """One rule's word, in plain language."""

    rule_id: str
    ruling: Ruling
    text: str


class Verdict(Wire):
    """Policy's word on one action, with every rule that was not content."""

    action_id: str
    ruling: Ruling
    reasons: tuple[Reason, ...] = ()


class Judgement(Wire):
    """The verdicts on a whole proposal, the mode they add up to, and what they rest on.

    ``binding_hash`` covers arguments, policy version and facts: what was approved is what runs.
    ``escalate`` is the rule id of a topic that only a person may handle; ``rules`` are the ids of
    all that had a word. ``needs_assurance`` is how sure of who writes its actions need us to be,
    where we are not; ``lacks_consent`` names the actions that wait, on the customer's side, for
    nothing but their yes.
    """

    verdicts: tuple[Verdict, ...] = ()
    mode: Mode = Mode.AUTONOMOUS
    mode_reasons: tuple[str, ...] = ()
    escalate: str | None = None
    needs_assurance: Assurance | None = None
    lacks_consent: tuple[str, ...] = ()
    facts: Facts
    binding_hash: str = ""
    rules: tuple[str, ...] = ()

    @property
    def ruling(self) -> Ruling:
        """The least permissive ruling of all verdicts."""
        return max((v.ruling for v in self.verdicts), key=lambda r: r.rank, default=Ruling.ALLOW)

    def recorded(self, event_id: str) -> "RecordedJudgement":
        """Return it as it is kept."""
        return RecordedJudgement(
            event_id=event_id,
            facts=self.facts,
            mode=self.mode,
            escalate=self.escalate,
            rulings={verdict.action_id: verdict.ruling for verdict in self.verdicts},
            rules=self.rules,
        )


class JudgeRequest(Wire):
    """What ``evaluate_policy`` needs: ids and the proposal; it gathers the facts itself."""

    tenant: str
    ticket_id: str
    customer_id: str | None
    assurance: Assurance
    intent: str
    confidence: float
    topics: tuple[str, ...] = ()
    sentiment: Sentiment = "neutral"
    answered: bool = False
    injection_suspected: bool = False
    mode_cap: Mode = Mode.AUTONOMOUS
    cap_source: str = ""
    contact_changed_at: UtcTime | None = None
    ticket_order_ids: tuple[str, ...] = ()
    customer_messages: dict[str, str] = Field(default_factory=dict)
    actions: tuple[Action, ...]
    consents: tuple[Consent, ...] = ()
    reply: ReplyToCheck | None = None


class RecordedJudgement(Wire):
    """A judgement as it is kept: the facts, and what they came to.

    ``event_id`` is that of the ticket's event ``judged``; ``rulings`` are by action id.
    """

    event_id: str
    facts: Facts
    mode: Mode
    escalate: str | None = None
    rulings: dict[str, Ruling] = Field(default_factory=dict)
    rules: tuple[str, ...] = ()

    @field_serializer("facts")
    def _short(self, facts: Facts) -> dict[str, Any]:
        """Leave out what is as by default: it travels through histories beside other things."""
        return facts.model_dump(mode="json", exclude_defaults=True)


class TicketJudgement(RecordedJudgement):
    """A judgement with the ticket it was made on."""

    ticket_id: str
