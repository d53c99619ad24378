"""Metrics: examples for each formula, and all of them recomputed naively."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from statistics import mean, median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from closeloop.models.state import OutcomeEvent, TicketEvent
from closeloop.models.steps import Snapshot
from closeloop.report import AutoResolution, Metrics, Spread, metrics
from closeloop.store.engine import open_database
from closeloop.store.records import SqlRecords
from tests.store.store_support import NOON, view

Data = dict[str, str | int | float | bool | None]


class Given:
    """Events as a source that keeps them in a list."""

    def __init__(self, events: Sequence[TicketEvent]) -> None:
        self.all = events

    def events(self, tenant: str, since: datetime | None = None) -> Sequence[TicketEvent]:
        """Return those of the one tenant it has."""
        assert tenant == "shop"
        return [event for event in self.all if since is None or event.at >= since]


class Story:
    """Events in the order they are told, one a minute."""

    def __init__(self) -> None:
        self.events: list[TicketEvent] = []

    def tell(self, ticket: str, kind: str, **data: str | int | float | bool | None) -> Story:
        number = len(self.events)
        at = NOON + timedelta(minutes=number)
        row = TicketEvent(ticket_id=ticket, event_id=str(number), kind=kind, at=at, data=data)
        self.events.append(row)
        return self

    def closed(
        self, ticket: str, closure: str, **changes: str | int | float | bool | None
    ) -> Story:
        usual: Data = {
            "closure": closure,
            "autonomous": True,
            "by_person": False,
            "usd_micros": 0,
            "escalated": False,
        }
        return self.tell(ticket, "closed", **(usual | changes))

    def metrics(self, since: datetime | None = None) -> Metrics:
        return metrics(Given(self.events), "shop", since)


def test_where_nothing_was_measured_there_is_nothing() -> None:
    assert Story().metrics() == Metrics(tenant="shop")
    found = Story().tell("T1", "ticket_opened", channel="api").metrics().model_dump()
    assert found.pop("tickets_opened") == 1
    measured = {name: value for name, value in found.items() if value not in (None, 0, {})}
    assert measured == {
        "tenant": "shop",
        "auto_resolution": {"confirmed": None, "verified_quiet": None, "unconfirmed": None},
    }


def test_the_three_closures_are_kept_apart_and_are_shares_of_all_closed() -> None:
    story = Story().closed("T1", "confirmed").closed("T2", "confirmed")
    story.closed("T3", "verified_quiet").closed("T4", "confirmed", autonomous=False)
    story.closed("T5", "unconfirmed", by_person=True)
    found = story.metrics()
    assert found.tickets_closed == 5
    assert found.auto_resolution == AutoResolution(
        confirmed=0.4, verified_quiet=0.2, unconfirmed=0.0
    )


def test_each_ticket_has_one_first_response() -> None:
    story = (
        Story().tell("T1", "first_response", seconds=10).tell("T1", "first_response", seconds=99)
    )
    story.tell("T2", "first_response", seconds=30.5)
    assert story.metrics().first_response == Spread(count=2, median_seconds=20.25, p90_seconds=30.5)


def test_the_resolution_that_stands_is_the_last_one() -> None:
    story = Story().tell("T1", "resolved", seconds=60, within_sla=True)
    story.tell("T1", "reopened").tell("T1", "resolved", seconds=600, within_sla=False)
    story.tell("T2", "resolved", seconds=100, within_sla=True)
    found = story.metrics()
    assert found.resolution == Spread(count=2, median_seconds=350, p90_seconds=600)
    assert found.sla_compliance == 0.5
    assert found.reopened == 1


def test_a_ticket_that_is_open_again_is_not_resolved() -> None:
    story = Story().tell("T1", "resolved", seconds=60, within_sla=True).tell("T1", "reopened")
    found = story.metrics()
    assert found.resolution is None
    assert found.sla_compliance is None
    assert found.reopened == 1


def test_resolutions_without_a_target_say_nothing_on_the_target() -> None:
    story = Story().tell("T1", "resolved", seconds=60, within_sla=None)
    assert story.metrics().sla_compliance is None
    story.tell("T2", "resolved", seconds=60, within_sla=True)
    assert story.metrics().sla_compliance == 1.0


def test_escalations_are_a_share_of_closed_tickets_with_their_reasons() -> None:
    story = Story().tell("T1", "escalated", reason="legal", mode="autonomous")
    story.tell("T1", "escalated", reason="legal").tell("T1", "escalated", reason="expired")
    story.tell("T2", "escalated", reason="expired").tell("T3", "escalated", reason="expired")
    story.closed("T1", "confirmed", escalated=True).closed("T4", "confirmed")
    found = story.metrics()
    assert found.escalation_rate == 0.5
    assert found.escalation_reasons == {"expired": 3, "legal": 1}
    assert list(found.escalation_reasons) == ["expired", "legal"], "the most frequent first"


def test_csat_counts_the_last_score_of_each_ticket() -> None:
    story = Story().tell("T1", "csat", score=1).tell("T1", "csat", score=4)
    story.tell("T2", "csat", score=5).tell("T3", "csat", score=None)
    found = story.metrics()
    assert (found.csat_mean, found.csat_responses) == (4.5, 2)


def test_cost_is_the_mean_over_closed_tickets() -> None:
    story = Story().closed("T1", "confirmed", usd_micros=100).closed("T2", "confirmed")
    story.closed("T3", "confirmed", usd_micros=None)
    assert story.metrics().cost_per_ticket_usd_micros == 50


def test_the_ninetieth_percentile_is_of_nearest_rank() -> None:
    story = Story()
    for number in range(1, 12):
        story.tell(f"T{number}", "first_response", seconds=number)
    assert story.metrics().first_response == Spread(count=11, median_seconds=6, p90_seconds=10)


def test_only_events_of_the_window_count() -> None:
    story = Story().closed("T1", "confirmed", usd_micros=7).tell("T2", "csat", score=1)
    story.closed("T2", "unconfirmed", usd_micros=9)
    found = story.metrics(since=NOON + timedelta(minutes=2))
    assert found.since == NOON + timedelta(minutes=2)
    assert (found.tickets_closed, found.cost_per_ticket_usd_micros) == (1, 9)
    assert found.csat_mean is None


def test_it_reads_what_the_records_keep(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'ops.db'}")
    records = SqlRecords(engine)
    closed: Data = {"closure": "confirmed", "autonomous": True, "by_person": False}
    rows = (
        OutcomeEvent(event_id="1", kind="ticket_opened", at=NOON, data={"channel": "api"}),
        OutcomeEvent(event_id="2", kind="resolved", at=NOON, data={"seconds": 60}),
        OutcomeEvent(event_id="3", kind="reopened", at=NOON),
        OutcomeEvent(event_id="4", kind="resolved", at=NOON, data={"seconds": 90}),
        OutcomeEvent(event_id="5", kind="closed", at=NOON, data=closed),
    )
    records.record(Snapshot(view=view("T1"), events=rows[:3]))
    records.record(Snapshot(view=view("T1"), events=rows))
    records.record(Snapshot(view=view("T9", tenant="other"), events=rows))
    found = metrics(records, "shop")
    engine.dispose()
    assert found == Metrics(
        tenant="shop",
        tickets_opened=1,
        tickets_closed=1,
        auto_resolution=AutoResolution(confirmed=1.0, verified_quiet=0.0, unconfirmed=0.0),
        resolution=Spread(count=1, median_seconds=90, p90_seconds=90),
        reopened=1,
    )


# -------------------------------------------------------------------- recomputed naively

seconds = st.integers(0, 10_000)
flags = st.booleans()
events_data = st.one_of(
    st.tuples(st.just("ticket_opened"), st.fixed_dictionaries({"channel": st.just("api")})),
    st.tuples(st.just("first_response"), st.fixed_dictionaries({"seconds": seconds})),
    st.tuples(
        st.just("resolved"),
        st.fixed_dictionaries(
            {"seconds": seconds, "within_sla": st.one_of(st.none(), flags), "autonomous": flags}
        ),
    ),
    st.tuples(st.just("reopened"), st.just({})),
    st.tuples(
        st.just("escalated"),
        st.fixed_dictionaries({"reason": st.sampled_from(["legal", "expired", "low_confidence"])}),
    ),
    st.tuples(st.just("csat"), st.fixed_dictionaries({"score": st.integers(1, 5)})),
    st.tuples(
        st.just("closed"),
        st.fixed_dictionaries(
            {
                "closure": st.sampled_from(["confirmed", "verified_quiet", "unconfirmed"]),
                "autonomous": flags,
                "by_person": flags,
                "usd_micros": st.integers(0, 10_000),
                "escalated": flags,
            }
        ),
    ),
    st.tuples(st.sampled_from(["left_autonomous", "unheard_of"]), st.just({"reason": "x"})),
)


@st.composite
def histories(draw: st.DrawFn) -> list[TicketEvent]:
    told = draw(st.lists(st.tuples(st.sampled_from("ABCD"), events_data), max_size=40))
    return [
        TicketEvent(
            ticket_id=ticket,
            event_id=str(number),
            kind=kind,
            at=NOON + timedelta(minutes=number),
            data=data,
        )
        for number, (ticket, (kind, data)) in enumerate(told)
    ]


def naive(events: list[TicketEvent]) -> Metrics:
    """Ticket by ticket, one loop for each number."""
    found: dict[str, list[float]] = {"first": [], "resolution": [], "csat": [], "cost": []}
    slas: list[bool] = []
    closed: list[Data] = []
    opened = 0
    reasons: dict[str, int] = {}
    for ticket in {event.ticket_id for event in events}:
        own = [event for event in events if event.ticket_id == ticket]
        opened += any(event.kind == "ticket_opened" for event in own)
        for reason in {str(e.data["reason"]) for e in own if e.kind == "escalated"}:
            reasons[reason] = reasons.get(reason, 0) + 1
        for event in own:
            if event.kind == "first_response":
                found["first"].append(float(event.data["seconds"] or 0))
                break
        for event in reversed(own):
            if event.kind == "csat":
                found["csat"].append(float(event.data["score"] or 0))
                break
        for event in reversed(own):
            if event.kind == "reopened":
                break
            if event.kind == "resolved":
                found["resolution"].append(float(event.data["seconds"] or 0))
                if event.data["within_sla"] is not None:
                    slas.append(bool(event.data["within_sla"]))
                break
        closings = [event.data for event in own if event.kind == "closed"]
        if closings:
            closed.append(closings[-1])
            found["cost"].append(float(closings[-1]["usd_micros"] or 0))

    def alone(closure: str) -> float | None:
        if not closed:
            return None
        mine = [c for c in closed if c["closure"] == closure and c["autonomous"]]
        return len([c for c in mine if not c["by_person"]]) / len(closed)

    return Metrics(
        tenant="shop",
        tickets_opened=opened,
        tickets_closed=len(closed),
        auto_resolution=AutoResolution(
            confirmed=alone("confirmed"),
            verified_quiet=alone("verified_quiet"),
            unconfirmed=alone("unconfirmed"),
        ),
        first_response=naive_spread(found["first"]),
        resolution=naive_spread(found["resolution"]),
        sla_compliance=mean(slas) if slas else None,
        escalation_rate=mean(bool(c["escalated"]) for c in closed) if closed else None,
        escalation_reasons=reasons,
        reopened=len([event for event in events if event.kind == "reopened"]),
        csat_mean=mean(found["csat"]) if found["csat"] else None,
        csat_responses=len(found["csat"]),
        cost_per_ticket_usd_micros=mean(found["cost"]) if found["cost"] else None,
    )


def naive_spread(values: list[float]) -> Spread | None:
    """The smallest value that nine of ten do not exceed, by trying them all."""
    if not values:
        return None
    enough = [v for v in values if 10 * sum(w <= v for w in values) >= 9 * len(values)]
    return Spread(count=len(values), median_seconds=median(values), p90_seconds=min(enough))


@settings(max_examples=200, deadline=None)
@given(events=histories(), skipped=st.one_of(st.none(), st.integers(0, 40)))
def test_metrics_are_what_a_naive_count_says(
    events: list[TicketEvent], skipped: int | None
) -> None:
    since = None if skipped is None else NOON + timedelta(minutes=skipped)
    found = metrics(Given(events), "shop", since)
    expected = naive(events[skipped or 0 :]).model_dump()
    for name, value in found.model_dump(exclude={"since"}).items():
        assert value == pytest.approx(expected[name]), name
