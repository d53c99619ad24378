"""What the offline resolver makes of a wish to be called."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from closeloop.actions.callbacks import ScheduleCallback
from closeloop.actions.catalogue import parse
from closeloop.models.callbacks import CallbackRecord
from closeloop.models.proposal import Proposal
from closeloop.models.ticket import Assurance
from closeloop.offline.playbooks.calls import CallPlans
from closeloop.offline.resolver import OfflineResolver
from closeloop.policy.book import FilePolicyBook
from closeloop.policy.call_times import CallTimes
from tests.support.desk import ROOT
from tests.unit.offline_support import Desk, kind_of

NOON = datetime(2026, 12, 1, 20, tzinfo=UTC)  # a Tuesday, 12:00 in Oregon
WHO = "nora_whitfield"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    book = FilePolicyBook(ROOT / "policies")
    with Desk(tmp_path) as desk:
        shop, calendar = desk.backends.shop, desk.backends.calendar
        desk.resolver = OfflineResolver(
            shop,
            desk.backends.payments,
            desk.knowledge,
            clock=lambda: NOON,
            calls=CallPlans(CallTimes(shop, calendar, book.call_hours)),
        )
        yield desk


def propose(
    desk: Desk, *said: str, who: str | None = WHO, assurance: Assurance = Assurance.CONFIRMED
) -> Proposal:
    request = desk.request("request_callback", *said, who=who, assurance=assurance)
    return desk.resolver.propose(request)


def book(desk: Desk, starts_at: str = "2026-12-02T18:00:00Z", who: str = WHO) -> CallbackRecord:
    params = ScheduleCallback(customer_id=who, starts_at=starts_at)
    hours = FilePolicyBook(ROOT / "policies").call_hours("default")
    assert hours is not None
    slot = hours.slot_at(params.time)
    zone = "America/Los_Angeles"
    return desk.backends.calendar.book("default", who, "T-1", who, slot, zone)


@pytest.mark.parametrize(
    ("words", "starts_at"),
    [
        ("Please call me back.", "2026-12-01T21:00:00Z"),
        ("Please call me tomorrow at 2 pm.", "2026-12-02T22:00:00Z"),
        ("Can somebody ring me on Friday morning?", "2026-12-04T17:00:00Z"),
        ("Please call me on Dec 4 at 11 am.", "2026-12-04T19:00:00Z"),
        ("Call me on the 4th of December in the morning, please.", "2026-12-04T17:00:00Z"),
        ("Please ring me the day after tomorrow at 2 pm.", "2026-12-03T22:00:00Z"),
        ("Call me tonight at 11 pm.", "2026-12-01T21:00:00Z"),  # quiet hours: the nearest instead
    ],
)
def test_a_call_is_booked_as_wished(desk: Desk, words: str, starts_at: str) -> None:
    proposal = propose(desk, words)
    assert kind_of(proposal) == "answer"
    [action] = proposal.actions
    assert parse(action).model_dump() == {"customer_id": WHO, "starts_at": starts_at}
    assert action.requested_by == ("m1",)
    [promise] = proposal.commitments
    assert promise.kind == "callback"
    assert promise.due_in_hours > 0


@pytest.mark.parametrize(
    "words",
    [
        "Please call me on Dec 25 at 11am. And then again on Dec 28.",
        "Could you call me in two weeks' time, at noon? thanks",
        "Call me next week please.",
        "Please call me, but not on Monday.",
        "Please call me on the 15th.",
        "Please call me on 31 November.",
    ],
)
def test_a_time_that_is_not_understood_is_asked_for(desk: Desk, words: str) -> None:
    proposal = propose(desk, words)
    assert proposal.asks_customer
    assert not proposal.actions


def test_a_day_beyond_what_is_booked_goes_to_a_person(desk: Desk) -> None:
    proposal = propose(desk, "Please call me on January 28 at 11am.")
    assert proposal.escalation is not None
    assert proposal.escalation.reason == "no_slot"


def test_a_time_that_is_taken_is_not_booked_again(desk: Desk) -> None:
    for who in ("samuel_reyes", "yuki_tanabe"):  # the desk makes two calls at a time
        book(desk, "2026-12-01T21:00:00Z", who)
    [action] = propose(desk, "Please call me.").actions
    assert action.params["starts_at"] == "2026-12-01T21:30:00Z"


def test_a_booked_call_is_moved_to_the_time_named(desk: Desk) -> None:
    call = book(desk)
    [action] = propose(desk, "Please move the call to Thursday at 10:30.").actions
    assert (action.kind, action.params["booking_id"]) == ("reschedule_callback", call.booking_id)
    assert action.params["starts_at"] == "2026-12-03T18:30:00Z"


def test_a_booked_call_is_called_off(desk: Desk) -> None:
    call = book(desk)
    proposal = propose(desk, "Please cancel the call, I no longer need it.")
    [action] = proposal.actions
    assert (action.kind, action.params["booking_id"]) == ("cancel_callback", call.booking_id)
    assert proposal.commitments == ()


def test_a_booked_call_without_a_new_time_goes_to_a_person(desk: Desk) -> None:
    book(desk)
    proposal = propose(desk, "Please call me.")
    assert proposal.escalation is not None
    assert proposal.escalation.reason == "which_time"


def test_a_stranger_is_asked_who_they_are(desk: Desk) -> None:
    proposal = propose(desk, "Please call me.", who=None, assurance=Assurance.NONE)
    assert proposal.asks_identity
    assert not proposal.actions
