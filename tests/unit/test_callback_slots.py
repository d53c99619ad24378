"""When customers can be called: every slot keeps every rule, and none that does is missing."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from closeloop.errors import ConfigurationError
from closeloop.models.callbacks import CallbackRecord, Slot
from closeloop.models.records import Address
from closeloop.offline.playbooks.times import wished_time
from closeloop.policy.book import FilePolicyBook
from closeloop.policy.calendars import Calendar
from closeloop.policy.callbacks import Callbacks, CallHours
from closeloop.policy.promised import promised_by
from closeloop.policy.zones import zone_of
from tests.support.desk import ROOT, edited_policies

ZONES = ("America/New_York", "America/Los_Angeles", "Pacific/Honolulu", "Europe/Berlin")
SLOT = timedelta(minutes=30)
DESK = Calendar.model_validate(
    {
        "zone": "America/New_York",
        "closed": ["2026-12-03"],
        "hours": {day: ["08:00-20:00"] for day in ("mon", "tue", "wed", "thu", "fri")},
    }
)
NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)  # a Tuesday, 07:00 in New York

times = st.integers(0, 365 * 86400).map(lambda s: NOON - timedelta(seconds=s))


def hours(**terms: object) -> CallHours:
    return CallHours(Callbacks.model_validate({"calendar": "office", **terms}), DESK)


def call(slot: Slot, **changes: object) -> CallbackRecord:
    return CallbackRecord.model_validate(
        {
            "booking_id": "call_1",
            "key": "k",
            "ticket_id": "t",
            "customer_id": "c",
            "zone": "America/New_York",
            "said": "",
            "status": "booked",
            **slot.model_dump(),
            **changes,
        }
    )


def naive(now: datetime, zone: str, taken: set[datetime]) -> list[datetime]:
    """Try every half hour, by the rules as a person would read them."""
    found: list[datetime] = []
    start = now.replace(minute=0, second=0, microsecond=0)
    while start + SLOT <= now + timedelta(days=14):
        there, here = start.astimezone(ZoneInfo(DESK.zone)), start.astimezone(ZoneInfo(zone))
        end = (here.replace(tzinfo=None) + SLOT).time()
        at_work = there.weekday() < 5 and 8 <= there.hour < 20
        awake = 9 <= here.hour < 20 and end.hour <= 20
        closed = (there.year, there.month, there.day) == (2026, 12, 3)
        soon = start < now + timedelta(hours=1)
        if at_work and awake and not closed and not soon and start not in taken:
            found.append(start)
        start += SLOT
    return found


@settings(max_examples=60, deadline=None)
@given(now=times, zone=st.sampled_from(ZONES), n=st.integers(0, 4))
def test_slots_are_exactly_those_that_a_person_would_offer(
    now: datetime, zone: str, n: int
) -> None:
    desk = hours()
    first = list(desk.slots(now, zone, ()))
    booked = [call(slot) for slot in first[:n]]
    free = list(desk.slots(now, zone, booked))
    assert [slot.starts_at for slot in free] == naive(now, zone, {c.starts_at for c in booked})
    assert all(slot.ends_at - slot.starts_at == SLOT for slot in free)


def test_who_called_a_call_off_leaves_it_free_and_two_can_call_at_once() -> None:
    [slot, *_] = hours().slots(NOON, "America/New_York", ())
    cancelled, booked = call(slot, status="cancelled"), call(slot)
    assert next(hours().slots(NOON, "America/New_York", [cancelled])) == slot
    assert next(hours().slots(NOON, "America/New_York", [booked])) != slot
    assert next(hours(at_once=2).slots(NOON, "America/New_York", [booked])) == slot


def test_a_time_that_is_not_free_names_those_that_are() -> None:
    desk = hours()
    night = datetime(2026, 12, 2, 7, tzinfo=UTC)
    assert "2026-12-01T17:00:00Z" in desk.problem(night, NOON, "America/Los_Angeles", ())
    free = next(desk.slots(NOON, "America/Los_Angeles", ()))
    assert desk.problem(free.starts_at, NOON, "America/Los_Angeles", ()) == ""
    assert desk.problem(free.starts_at, NOON, "America/Los_Angeles", [call(free)])


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"slot": "1m"}, "slot"),
        ({"between": "09:00-09:10"}, "between"),
        ({"between": "20:00-09:00"}, "between"),
        ({"notice": "15d"}, "notice"),
        ({"ahead": "60d"}, "ahead"),
        ({"tries": 0}, "tries"),
        ({"at_once": 0}, "at_once"),
        ({"quiet": "22:00"}, "quiet"),
    ],
)
def test_terms_that_cannot_be_kept_are_refused(terms: dict[str, object], field: str) -> None:
    with pytest.raises(ValidationError, match=field):
        hours(**terms)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('slot = "30m"', 'slot = "30 minutes"', r"desk\.toml: callbacks\.slot: .*not a duration"),
        ("tries = 2", "tries = 9", r"desk\.toml: callbacks\.tries"),
        (
            '[callbacks]\ncalendar = "office"',
            '[callbacks]\ncalendar = "home"',
            r"desk\.toml: callbacks\.calendar: sla\.toml has no \[calendar\.home\]",
        ),
        ("promise_at_risk = 0.75", "promise_at_risk = 1.5", r"desk\.toml: promise_at_risk"),
    ],
)
def test_a_bad_file_is_named_with_its_key(tmp_path: Path, old: str, new: str, words: str) -> None:
    folder = edited_policies(tmp_path, "desk.toml", (old, new))
    with pytest.raises(ConfigurationError, match=words):
        FilePolicyBook(folder)


def test_nobody_is_called_where_the_desk_does_not() -> None:
    assert FilePolicyBook(ROOT / "policies" / "retail").call_hours("default") is None


@pytest.mark.parametrize(
    ("country", "state", "zone"),
    [
        ("USA", "OR", "America/Los_Angeles"),
        ("usa", "ny", "America/New_York"),
        ("USA", "??", None),
        ("Canada", "ON", None),
    ],
)
def test_an_address_tells_the_zone(country: str, state: str, zone: str | None) -> None:
    address = Address(address1="1 Oak", city="X", state=state, zip="1", country=country)
    assert zone_of(address) == zone
    assert zone_of(None) is None


@pytest.mark.parametrize(
    ("words", "day", "hour"),
    [
        ("Please call me.", 1, 9),
        ("call me tomorrow afternoon", 2, 12),
        ("ring me on Friday at 3 pm", 4, 15),
        ("tomorrow after 5 pm please", 2, 17),
        ("Friday before noon, 10:30 is good", 4, 10.5),
        ("next Tuesday morning", 8, 9),
        ("on Thursday", 4, 9),  # the desk is closed on Thursday: the next day that is as wished
        ("I have 2 lamps, call me", 1, 9),
    ],
)
def test_the_time_that_a_customer_wishes(words: str, day: int, hour: float) -> None:
    zone = "America/New_York"
    slot = wished_time(words, NOON, zone).best(hours().slots(NOON, zone, ()), NOON, zone)
    assert slot is not None
    here = slot.starts_at.astimezone(ZoneInfo(zone))
    assert (here.day, here.hour + here.minute / 60) == (day, hour)


@pytest.mark.parametrize(
    ("sentence", "hours_from_now"),
    [
        ("We will call you.", None),
        ("We will call you at 3 pm.", 24),
        ("We will call you tomorrow at 10.", 48),
        ("We will write today.", 24),
        ("We will write by Thursday.", 72),
        ("You will hear from us on Tuesday, and by Wednesday at the latest.", 48),
        ("We will do it right away.", 24),
    ],
)
def test_by_when_a_sentence_promises(sentence: str, hours_from_now: int | None) -> None:
    by = promised_by(sentence, NOON)
    assert by == (None if hours_from_now is None else NOON + timedelta(hours=hours_from_now))
