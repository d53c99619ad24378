"""Who is asked for a decision, rung by rung, and who stands in for whom: pure."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Final

from closeloop.models.approval import Approver, Rung

RUNGS: Final[tuple[Rung, ...]] = ("team", "lead", "manager")
"""From who is asked first to who is asked last; above the team a rung is a role of its name."""


def rung_of(person: Approver) -> Rung:
    """Return the highest rung that the person's roles reach."""
    for rung in reversed(RUNGS):
        if rung in person.roles:
            return rung
    return RUNGS[0]


def deputy_of(person: Approver, roster: Sequence[Approver], on: date) -> Approver:
    """Return who decides in the person's place on a day: mostly the person.

    A delegate who is away too hands on; a roster whose delegates go in a circle is refused when it
    is read.
    """
    by_id = {other.approver_id: other for other in roster}
    for _ in roster:
        absence = next((a for a in person.away if a.first <= on <= a.last), None)
        if absence is None or absence.delegate not in by_id:
            break
        person = by_id[absence.delegate]
    return person


def with_authority(person: Approver, roster: Sequence[Approver], on: date) -> Approver:
    """Return the person with the highest limit of those for whom they decide on a day."""
    limits = [
        other.limit_minor
        for other in roster
        if deputy_of(other, roster, on).approver_id == person.approver_id
    ]
    return person.model_copy(update={"limit_minor": max([person.limit_minor, *limits])})


def asked_from(
    rung: Rung, roster: Sequence[Approver], on: date, may: Callable[[Approver], bool]
) -> tuple[Rung, tuple[str, ...]] | None:
    """Return the lowest rung, not below ``rung``, with people who may decide, and their ids.

    Deputies are asked in the place of those who are away, with their authority. None where no such
    rung has anybody.
    """
    for current in RUNGS[RUNGS.index(rung) :]:
        present = (deputy_of(p, roster, on) for p in roster if rung_of(p) == current)
        able = (p.approver_id for p in present if may(with_authority(p, roster, on)))
        ids = tuple(dict.fromkeys(able))
        if ids:
            return current, ids
    return None
