"""Open time: calendars made spans, and arithmetic on them, against a clock that counts minutes."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from closeloop.models.sla import OpenHours
from closeloop.policy.calendars import Calendar, public_holidays
from closeloop.policy.hours import after, elapsed
from closeloop.policy.sla import open_hours
from tests.unit.naive_clock import MINUTE, NaiveDesk, Week

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ZONES = (
    "UTC",
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",  # its summer time is half an hour
    "Asia/Kathmandu",  # 5:45 h ahead
    "America/St_Johns",
    "Pacific/Apia",
)
CHANGES = (  # just before clocks are put forward or back
    datetime(2026, 3, 7, tzinfo=UTC),  # New York
    datetime(2026, 10, 31, tzinfo=UTC),
    datetime(2026, 3, 28, tzinfo=UTC),  # Berlin
    datetime(2026, 10, 24, tzinfo=UTC),
    datetime(2026, 4, 4, tzinfo=UTC),  # Lord Howe
    datetime(2026, 10, 3, tzinfo=UTC),
    datetime(2026, 12, 23, tzinfo=UTC),  # holidays
    datetime(2026, 11, 25, tzinfo=UTC),
)
WEEK_LONG = timedelta(days=7)


@st.composite
def weeks(draw: st.DrawFn) -> dict[int, list[tuple[int, int]]]:
    week: dict[int, list[tuple[int, int]]] = {}
    for day in draw(st.sets(st.integers(0, 6), min_size=1)):
        times = sorted(draw(st.sets(st.integers(0, 1440), min_size=2, max_size=4)))
        week[day] = list(zip(times[::2], times[1::2], strict=False))
    return week


def clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def authored(
    zone: str, week: Week, country: str | None = None, closed: frozenset[date] = frozenset()
) -> Calendar:
    """Write the hours as a file has them."""
    hours = {DAYS[day]: [f"{clock(a)}-{clock(b)}" for a, b in week[day]] for day in week}
    days = [str(day) for day in closed]
    return Calendar.model_validate(
        {"zone": zone, "hours": hours, "holidays": country, "closed": days}
    )


def desks(zone: str, week: Week, country: str | None, closed: frozenset[date]) -> NaiveDesk:
    public = public_holidays(country, 2026) | public_holidays(country, 2027) if country else ()
    return NaiveDesk(zone, week, closed | frozenset(public))


starts = st.builds(
    lambda change, minutes: change + minutes * MINUTE,
    st.sampled_from(CHANGES),
    st.integers(0, 2880),
)
closed_days = st.frozensets(
    st.sampled_from([change.date() + timedelta(days=n) for change in CHANGES for n in range(4)]),
    max_size=3,
)
NIGHT = {day: [(0, 1440)] for day in range(7)}
ODD = {6: [(90, 150)], 0: [(125, 600)]}


@settings(max_examples=120, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    week=weeks(),
    country=st.sampled_from([None, "US", "DE", "US-CA"]),
    closed=closed_days,
    start=starts,
    length=st.integers(0, 4 * 1440),
    wanted=st.integers(0, 3000),
)
@example("America/New_York", NIGHT, None, frozenset(), CHANGES[0], 3 * 1440, 2500)
@example("America/New_York", ODD, None, frozenset(), CHANGES[0], 3 * 1440, 60)
@example("America/New_York", ODD, None, frozenset(), CHANGES[1], 3 * 1440, 100)
@example("Australia/Lord_Howe", NIGHT, None, frozenset(), CHANGES[5], 3 * 1440, 2500)
def test_it_is_what_counting_minutes_comes_to(
    zone: str,
    week: Week,
    country: str | None,
    closed: frozenset[date],
    start: datetime,
    length: int,
    wanted: int,
) -> None:
    until = start + WEEK_LONG
    hours = OpenHours(spans=authored(zone, week, country, closed).spans(start, until), until=until)
    naive = desks(zone, week, country, closed)
    end = start + length * MINUTE
    assert elapsed(hours, start, end) == 60 * naive.minutes(start, end)
    assert after(hours, start, 60 * wanted) == naive.after(start, wanted, until)


@settings(max_examples=100, deadline=None)
@given(
    week=weeks(),
    start=starts,
    seconds=st.integers(1, 200_000),
    more=st.integers(0, 300_000),
)
def test_when_enough_has_passed_is_when_it_has(
    week: Week, start: datetime, seconds: int, more: int
) -> None:
    until = start + WEEK_LONG
    hours = OpenHours(spans=authored("Europe/Berlin", week).spans(start, until), until=until)
    due = after(hours, start, seconds)
    if due is None:
        assert elapsed(hours, start, until) < seconds
        return
    assert elapsed(hours, start, due) == seconds
    assert elapsed(hours, start, due - timedelta(microseconds=1)) < seconds
    assert elapsed(hours, start, due + timedelta(seconds=more)) >= seconds


@given(start=starts, seconds=st.integers(0, 10**6))
def test_a_desk_that_never_closes_counts_every_second(start: datetime, seconds: int) -> None:
    due = after(None, start, seconds)
    assert due is not None
    assert due == start + timedelta(seconds=seconds)
    assert elapsed(None, start, due) == seconds
    assert elapsed(None, due, start) == -0.0


def test_spans_are_in_order_apart_and_joined_at_midnight() -> None:
    start, until = CHANGES[0], CHANGES[0] + WEEK_LONG
    assert authored("America/New_York", NIGHT).spans(start, until) == ((start, until),)
    spans = authored("Europe/Berlin", {n: [(0, 600), (600, 900)] for n in range(7)}).spans(
        start, until
    )
    assert all(a < b for a, b in spans)
    assert all(first[1] < second[0] for first, second in pairwise(spans))


def test_the_clock_put_forward_makes_the_night_an_hour_shorter() -> None:
    night = authored("America/New_York", {6: [(0, 360)]})  # Sunday, midnight to six
    [(opens, closes)] = night.spans(CHANGES[0], CHANGES[0] + timedelta(days=3))
    assert (opens, closes) == (
        datetime(2026, 3, 8, 5, tzinfo=UTC),
        datetime(2026, 3, 8, 10, tzinfo=UTC),
    )
    [(opens, closes)] = night.spans(CHANGES[1], CHANGES[1] + timedelta(days=3))
    assert closes - opens == timedelta(hours=7)


def test_holidays_of_a_country_and_of_a_part_of_it() -> None:
    office = {day: [(540, 1020)] for day in range(7)}
    thanksgiving, after_it = date(2026, 11, 26), date(2026, 11, 27)
    us = authored("America/New_York", office, "US", frozenset({date(2026, 12, 24)}))
    assert us.is_holiday(thanksgiving)
    assert not us.is_holiday(after_it)
    assert us.is_holiday(date(2026, 12, 24))
    assert authored("America/New_York", office, "US-CA").is_holiday(after_it)


@pytest.mark.parametrize("scale", [0.001, 0.5, 1.0, 10.0])
def test_a_time_scale_presses_the_calendar_together(scale: float) -> None:
    office = authored("Europe/Berlin", {day: [(540, 1020)] for day in range(5)})
    start = CHANGES[2] + timedelta(hours=9)
    plain, scaled = (open_hours(office, start, start, factor) for factor in (1.0, scale))
    for seconds in (60, 3600, 100_000):
        due, sooner = after(plain, start, seconds), after(scaled, start, seconds * scale)
        assert due is not None
        assert sooner is not None
        assert abs((sooner - start) - (due - start) * scale) < timedelta(milliseconds=1)


def test_hours_read_later_go_on_where_the_first_ended() -> None:
    office = authored("Europe/Berlin", {day: [(540, 1020)] for day in range(5)})
    start = CHANGES[2]
    first = open_hours(office, start, start, 0.01)
    then = open_hours(office, start, first.until, 0.01)
    whole = office.spans(start, start + timedelta(days=84))
    known = elapsed(first, start, first.until) + elapsed(then, first.until, then.until)
    assert known == pytest.approx(sum((b - a).total_seconds() for a, b in whole) * 0.01)
