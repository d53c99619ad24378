"""A ledger over a dict, with the same rules: what the real one is held against."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from closeloop.models.policy import Measure, MoneyLimit
from closeloop.models.steps import ExecuteAction
from tests.store.store_support import by_day

CUSTOMER_LIMIT, TENANT_LIMIT, CARD_LIMIT = 100, 150, 120
WITHOUT_A_PERSON: dict[Measure, int] = {"amount": 70, "customer_day": 80, "order": 90}
LIMITS = (
    *by_day(CUSTOMER_LIMIT, TENANT_LIMIT)("any tenant"),
    MoneyLimit(rule_id="card", measure="instrument", at_most=CARD_LIMIT),
    *(
        MoneyLimit(rule_id=f"{measure}, alone", measure=measure, at_most=most, approvable=True)
        for measure, most in WITHOUT_A_PERSON.items()
    ),
    MoneyLimit(rule_id="of others", measure="amount", at_most=0, kinds=("cancel_order",)),
)
COMPONENTS = {
    "all": ("a", "b", "c"),
    "a": ("a",),
    "b": ("b",),
    "b+c": ("b", "c"),
    "other": ("d",),
    "more": ("e", "f"),
    "note": (),
}
UNDECIDED = ("executing", "unknown")
LIVE = ("reserved", "executing", "unknown", "done")


@dataclass(frozen=True)
class Entry:
    """What the naive ledger keeps of an effect."""

    ticket: str
    customer: str | None
    minor: int
    asked: int | None
    state: str
    request: str | None = None
    until: datetime | None = None
    day: datetime | None = None
    scopes: tuple[str, ...] = ()


class NaiveLedger:
    """The rules of the ledger over a dict, without a thought for speed or for others."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}

    def at(self, now: datetime) -> dict[str, Entry]:
        """Every effect as it stands at ``now``."""
        return {
            name: replace(e, state="released")
            if e.state == "reserved" and e.until is not None and e.until <= now
            else e
            for name, e in self.entries.items()
        }

    def spent(self, customer: str | None, now: datetime, besides: str = "") -> tuple[int, int]:
        counted = [
            e
            for name, e in self.at(now).items()
            if name != besides
            and (
                e.state == "reserved"
                or (e.state in (*UNDECIDED, "done") and e.day and e.day.date() == now.date())
            )
        ]
        return sum(e.minor for e in counted if e.customer == customer), sum(
            e.minor for e in counted
        )

    def recent(self, scope: str, now: datetime, besides: str = "") -> int:
        """What moved in a scope on this day and the 29 before it."""
        first = (now - timedelta(days=29)).date()
        return sum(
            e.minor
            for name, e in self.at(now).items()
            if name != besides
            and scope in e.scopes
            and (
                e.state == "reserved"
                or (e.state in (*UNDECIDED, "done") and e.day and e.day.date() >= first)
            )
        )

    def too_much(self, claim: ExecuteAction, now: datetime, *, approved: bool) -> bool:
        name, minor = claim.effect_id, claim.amount.amount_minor if claim.amount else 0
        customers, tenants = self.spent(claim.customer_id, now, besides=name)
        sums = {"amount": minor, "customer_day": customers + minor}
        passed = [customers + minor > CUSTOMER_LIMIT, tenants + minor > TENANT_LIMIT]
        for scope in claim.scopes:
            before = self.recent(scope, now, besides=name)
            measure = scope.partition(":")[0]
            if before:
                sums[measure] = max(before + minor, sums.get(measure, 0))
        passed.append(sums.get("instrument", 0) > CARD_LIMIT)
        if not approved:
            passed += [sums.get(measure, 0) > most for measure, most in WITHOUT_A_PERSON.items()]
        return minor > 0 and any(passed)

    def claim(
        self, claim: ExecuteAction, now: datetime, until: datetime | None
    ) -> tuple[str | None, str | None]:
        """Begin, or reserve ``until``; return (state before, refusal)."""
        self.entries = self.at(now)
        name = claim.effect_id
        before = self.entries.get(name)
        if before and before.ticket != claim.ticket_id:
            if before.state in UNDECIDED:
                return before.state, "effect_busy"
            if before.state == "reserved":
                return before.state, "effect_overlap"
        minor = claim.amount.amount_minor if claim.amount else 0
        if before and before.state in (*UNDECIDED, "done"):
            other = claim.amount.amount_minor if claim.amount else None
            differs = until is None and before.state != "done" and before.asked != other
            return before.state, "effect_busy" if differs else None
        for other, entry in self.entries.items():
            shared = set(COMPONENTS[other]) & set(COMPONENTS[name])
            if other != name and shared and entry.state in LIVE:
                return None, "effect_overlap"
        if self.too_much(claim, now, approved=until is not None or claim.approved_by is not None):
            return None, "limit_reached"
        self.entries[name] = Entry(
            ticket=claim.ticket_id,
            customer=claim.customer_id,
            minor=minor,
            asked=claim.amount.amount_minor if claim.amount else None,
            scopes=claim.scopes,
            state="executing" if until is None else "reserved",
            request=claim.request_id,
            until=until,
            day=now if until is None else None,
        )
        return before.state if before else None, None

    def move(self, name: str, expected: tuple[str, ...], state: str) -> None:
        entry = self.entries.get(name)
        if entry and entry.state in expected:
            self.entries[name] = replace(entry, state=state)
