"""Who may decide: pure, for the workflow's validators and for the live check alike."""

from collections.abc import Collection
from typing import Final, NamedTuple

from closeloop.models.approval import Approver
from closeloop.models.base import Money

EVERY_TENANT: Final = "*"
LIMIT_CURRENCY: Final = "USD"
"""What ``Approver.limit_minor`` is counted in."""


class Refusal(NamedTuple):
    """Why a person may not decide: a stable code, and words for the person."""

    code: str
    message: str


def serves(person: Approver, tenant: str) -> bool:
    """Whether the person decides for this tenant."""
    return tenant in person.tenants or EVERY_TENANT in person.tenants


def may_decide(
    person: Approver | None,
    *,
    approver_id: str,
    tenant: str,
    requesters: Collection[str],
    total: Money | None,
) -> Refusal | None:
    """Return why this person may not decide, or None where they may.

    ``person`` is the roster's entry for ``approver_id``, None where it has none; ``requesters`` are
    ids and e-mail addresses of whoever opened the ticket, its customer included; ``total`` is what
    the decision would let go. Codes: ``unknown_approver``, ``wrong_tenant``, ``own_request``,
    ``above_limit``.
    """
    if person is None or person.approver_id != approver_id:
        return Refusal(
            "unknown_approver", f"there is no approver {approver_id[:80]!r}; see approvers.toml"
        )
    if not serves(person, tenant):
        return Refusal("wrong_tenant", f"{approver_id} does not decide for tenant {tenant}")
    asked = {_same_person(name) for name in requesters}
    if asked & {_same_person(person.approver_id), _same_person(person.email)}:
        return Refusal(
            "own_request", f"{approver_id} is part of this ticket; somebody else has to decide"
        )
    return _above_limit(person, total)


def _same_person(name: str) -> str:
    """Return a name for comparison: letter case and ``+anything`` in an address do not count."""
    local, at, domain = name.strip().casefold().partition("@")
    return local.partition("+")[0] + at + domain if at else local


def _above_limit(person: Approver, total: Money | None) -> Refusal | None:
    if total is None or total.amount_minor <= 0:
        return None
    limit = Money(amount_minor=person.limit_minor, currency=LIMIT_CURRENCY)
    if total.currency == LIMIT_CURRENCY and total.amount_minor <= limit.amount_minor:
        return None
    return Refusal(
        "above_limit", f"{total} is above the {limit} that {person.approver_id} may let go"
    )
