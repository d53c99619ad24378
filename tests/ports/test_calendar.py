"""The embedded calendar: a call is booked once, and what came of it is entered once."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from closeloop.embedded.backends import EmbeddedBackends
from closeloop.embedded.calendar import EmbeddedCalendar
from closeloop.errors import BackendRefused
from closeloop.models.callbacks import Slot

AT = datetime(2026, 12, 1, 17, tzinfo=UTC)
ZONE = "America/Los_Angeles"


@pytest.fixture
def calendar(tmp_path: Path) -> Iterator[EmbeddedCalendar]:
    with EmbeddedBackends(tmp_path / "backends.db", tenants=["acme"]) as backends:
        yield backends.calendar


def slot(hours: float = 0) -> Slot:
    start = AT + timedelta(hours=hours)
    return Slot(starts_at=start, ends_at=start + timedelta(minutes=30))


def test_a_call_is_booked_once_and_said_on_the_customers_clock(calendar: EmbeddedCalendar) -> None:
    made = calendar.book("default", "k", "T-1", "nora", slot(), ZONE)
    assert calendar.book("default", "k", "T-1", "nora", slot(), ZONE) == made
    assert made.said == "Tuesday, December 1, 2026 at 09:00 (America/Los_Angeles)"
    assert calendar.get("default", made.booking_id) == made == calendar.find("default", "k")
    with pytest.raises(BackendRefused) as refusal:
        calendar.book("default", "k", "T-1", "nora", slot(1), ZONE)
    assert refusal.value.code == "idempotency_mismatch"


def test_a_call_moves_and_is_called_off_until_it_was_made(calendar: EmbeddedCalendar) -> None:
    made = calendar.book("default", "k", "T-1", "nora", slot(), ZONE)
    moved = calendar.move("default", "k2", made.booking_id, slot(2))
    assert (moved.starts_at, moved.status) == (AT + timedelta(hours=2), "booked")
    assert calendar.enter("default", made.booking_id, "reached", "alice").entered_by == "alice"
    assert calendar.enter("default", made.booking_id, "reached", "bob").entered_by == "alice"
    for change in (
        lambda: calendar.cancel("default", "k3", made.booking_id),
        lambda: calendar.move("default", "k4", made.booking_id, slot(3)),
        lambda: calendar.enter("default", made.booking_id, "not_reached", "bob"),
    ):
        with pytest.raises(BackendRefused) as refusal:
            change()
        assert refusal.value.code == "not_booked"
    assert calendar.move("default", "k2", made.booking_id, slot(2)) == moved  # as it was answered


def test_tenants_never_see_each_others_calls(calendar: EmbeddedCalendar) -> None:
    made = calendar.book("default", "k", "T-1", "nora", slot(), ZONE)
    assert calendar.get("acme", made.booking_id) is None
    assert calendar.calls("acme", AT) == calendar.every("acme") == ()
    with pytest.raises(BackendRefused) as refusal:
        calendar.cancel("acme", "k2", made.booking_id)
    assert refusal.value.code == "no_booking"
    other = calendar.book("acme", "k", "T-1", "nora", slot(), ZONE)
    assert other.booking_id != made.booking_id


def test_calls_are_listed_by_their_beginning_until_they_end(calendar: EmbeddedCalendar) -> None:
    late = calendar.book("default", "k1", "T-1", "nora", slot(2), ZONE)
    soon = calendar.book("default", "k2", "T-2", "theo", slot(), ZONE)
    assert calendar.calls("default", AT) == (soon, late)
    assert calendar.calls("default", AT + timedelta(minutes=30)) == (late,)
    assert calendar.every("default") == (late, soon)
