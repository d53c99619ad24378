"""Metrics: what each of them must not do, and all of them recomputed by plain loops."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from closeloop.models.metrics import Leaving, Metrics, Promises, ResolvedCost, Share, Spread
from closeloop.models.sla import Goal
from closeloop.models.state import OutcomeEvent, TicketEvent
from closeloop.models.steps import Snapshot
from closeloop.store.records import SqlRecords
from tests.store.naive_metrics import naive_metrics
from tests.store.store_support import NOON, view

Value = str | int | float | bool | None
HOUR = timedelta(hours=1)
_tenants = itertools.count(1)


class Story:
    """Events in the order they are told, one an hour, in a tenant of their own."""

    def __init__(self, records: SqlRecords) -> None:
        self.records = records
        self.tenant = f"tenant-{next(_tenants)}"
        self.count = 0

    def tell(self, ticket: str, kind: str, /, **data: Value) -> Story:
        event = OutcomeEvent(
            event_id=str(self.count), kind=kind, at=NOON + self.count * HOUR, data=data
        )
        self.count += 1
        seen = view(ticket, tenant=self.tenant)
        self.records.record(Snapshot(view=seen, events=(event,)))
        return self

    def closed(self, ticket: str, closure: str, **changes: Value) -> Story:
        usual: dict[str, Value] = {
            "closure": closure,
            "autonomous": True,
            "by_person": False,
            "usd_micros": 0,
            "escalated": False,
        }
        return self.tell(ticket, "closed", **(usual | changes))

    def metrics(self, since_hour: int | None = None) -> Metrics:
        since = None if since_hour is None else NOON + since_hour * HOUR
        return self.records.metrics(self.tenant, since)


@pytest.fixture
def records(engine: Engine) -> SqlRecords:
    """The records, with another tenant's events in them."""
    records = SqlRecords(engine)
    other = Story(records).tell("T1", "ticket_opened").tell("T1", "csat", score=1)
    other.closed("T1", "confirmed", usd_micros=10**9)
    return records


@pytest.fixture
def story(records: SqlRecords) -> Story:
    return Story(records)


def test_where_nothing_was_measured_there_is_nothing(story: Story) -> None:
    found = story.metrics()
    assert found == Metrics(tenant=story.tenant)
    assert found.escalation_rate is None
    assert found.sla_compliance is None
    assert set(found.auto_resolution.model_dump().values()) == {None}


def test_the_three_closures_are_kept_apart_and_are_shares_of_all_closed(story: Story) -> None:
    story.closed("T1", "confirmed").closed("T2", "confirmed").closed("T3", "verified_quiet")
    story.closed("T4", "confirmed", autonomous=False).closed("T5", "unconfirmed", by_person=True)
    found = story.metrics()
    assert found.auto_resolved == {
        "confirmed": Share(count=2, of=5),
        "verified_quiet": Share(count=1, of=5),
        "unconfirmed": Share(count=0, of=5),
    }
    rates = {"confirmed": 0.4, "verified_quiet": 0.2, "unconfirmed": 0.0}
    assert found.auto_resolution.model_dump() == rates


def test_each_ticket_has_one_first_response(story: Story) -> None:
    story.tell("T1", "first_response", seconds=10).tell("T1", "first_response", seconds=99)
    story.tell("T2", "first_response", seconds=30.5)
    assert story.metrics().first_response == Spread(count=2, median_seconds=20.25, p90_seconds=30.5)


def test_a_reopening_takes_a_resolution_back(story: Story) -> None:
    story.tell("T1", "resolved", seconds=60, within_sla=True).tell("T1", "reopened")
    found = story.metrics()
    assert (found.resolution, found.sla_compliance) == (None, None)
    story.tell("T1", "resolved", seconds=600, within_sla=False)
    story.tell("T2", "resolved", seconds=100, within_sla=True)
    found = story.metrics()
    assert found.resolution == Spread(count=2, median_seconds=350, p90_seconds=600)
    assert found.sla[Goal.RESOLUTION] == Share(count=1, of=2)
    assert found.sla_compliance == 0.5
    assert (found.reopened, found.reopened_tickets) == (1, Share(count=1, of=2))


def test_a_target_missed_by_a_ticket_that_was_never_answered_counts(story: Story) -> None:
    story.tell("T1", "first_response", seconds=9, within_sla=True)
    story.tell("T2", "sla_breached", target="first_response")
    story.tell("T3", "sla_breached", target="resolution")
    found = story.metrics().sla
    assert found[Goal.FIRST_RESPONSE] == Share(count=1, of=2)
    assert found[Goal.RESOLUTION] == Share(count=0, of=1)


def test_one_late_answer_makes_the_ticket_late_however_many_were_in_time(story: Story) -> None:
    for within in (True, False, True, None):
        story.tell("T1", "next_response", seconds=5, within_sla=within)
    story.tell("T2", "next_response", seconds=5, within_sla=True)
    story.tell("T3", "next_response", seconds=5, within_sla=None)
    assert story.metrics().sla[Goal.NEXT_RESPONSE] == Share(count=1, of=2)


def test_escalations_are_a_share_of_closed_tickets_with_their_reasons(story: Story) -> None:
    story.tell("T1", "escalated", reason="legal").tell("T1", "escalated", reason="legal")
    for ticket in ("T1", "T2", "T3"):
        story.tell(ticket, "escalated", reason="expired")
    story.closed("T1", "confirmed", escalated=True).closed("T4", "confirmed")
    found = story.metrics()
    assert (found.escalated, found.escalation_rate) == (Share(count=1, of=2), 0.5)
    assert list(found.escalation_reasons.items()) == [("expired", 3), ("legal", 1)]


def test_why_tickets_left_autonomous_mode_is_ranked(story: Story) -> None:
    story.tell("T1", "left_autonomous", reason="not sure", intent="refund")
    for ticket in ("T2", "T3"):
        story.tell(ticket, "left_autonomous", reason="large sum", intent="refund")
    story.tell("T4", "left_autonomous", reason="models down")
    assert story.metrics().left_autonomous == (
        Leaving(intent="refund", reason="large sum", tickets=2),
        Leaving(intent=None, reason="models down", tickets=1),
        Leaving(intent="refund", reason="not sure", tickets=1),
    )


def test_a_score_counts_once_and_silence_lowers_the_response_rate(story: Story) -> None:
    story.tell("T1", "csat", score=1).tell("T1", "csat", score=4).tell("T2", "csat", score=5)
    for ticket, scored in (("T1", True), ("T2", True), ("T3", False), ("T4", None)):
        story.closed(ticket, "confirmed", scored=scored)
    found = story.metrics()
    assert (found.csat_mean, found.csat_responses) == (4.5, 2)
    assert found.csat_answered == Share(count=2, of=3)


def test_only_what_people_decided_is_a_decision(story: Story) -> None:
    for outcome, edited in (("approved", True), ("approved", False), ("rejected", False)):
        story.tell("T1", "decided", outcome=outcome, edited=edited)
    story.tell("T1", "decided", outcome="expired", edited=False)
    story.tell("T1", "decided", outcome="withdrawn", edited=True)
    found = story.metrics()
    assert (found.edited, found.rejected) == (Share(count=1, of=3), Share(count=1, of=3))


def test_those_resolved_pay_for_those_that_were_not(story: Story) -> None:
    story.closed("T1", "confirmed", usd_micros=100, input_tokens=40, output_tokens=4)
    story.closed("T2", "unconfirmed", usd_micros=50, input_tokens=20, output_tokens=6)
    found = story.metrics()
    assert found.cost_per_resolved == ResolvedCost(
        tickets=1, usd_micros=150, input_tokens=60, output_tokens=10
    )
    assert (found.cost_per_ticket_usd_micros, found.tickets_costed) == (75, 2)


def test_a_cost_that_lacks_a_part_is_not_known(story: Story) -> None:
    story.tell("T1", "decided", outcome="approved", human_seconds=90)
    story.closed("T1", "confirmed", usd_micros=100, input_tokens=40, output_tokens=4)
    found = story.metrics().cost_per_resolved
    assert (found.human_minutes, found.input_tokens) == (1.5, 40)
    story.closed("T2", "confirmed", usd_micros=100)
    story.tell("T2", "decided", outcome="rejected")
    found = story.metrics().cost_per_resolved
    assert (found.usd_micros, found.human_minutes, found.input_tokens) == (100, None, None)


def test_who_asks_the_customer_decides_nothing_and_has_worked_all_the_same(story: Story) -> None:
    story.tell("T1", "decided", outcome="asked", edited=False, human_seconds=30)
    story.tell("T1", "decided", outcome="approved", edited=False, human_seconds=90)
    story.closed("T1", "confirmed")
    found = story.metrics()
    assert (found.edited.of, found.cost_per_resolved.human_minutes) == (1, 2)


def test_a_promise_is_kept_or_missed_and_an_open_one_is_neither(story: Story) -> None:
    for word in ("made", "at_risk", "kept", "made", "missed", "made", "released", "made"):
        story.tell("T1", f"commitment_{word}", kind="reply")
    story.tell("T2", "commitment_made", kind="callback")
    found = story.metrics().promises
    kept = Share(count=1, of=2)
    assert found["reply"] == Promises(made=4, kept=kept, at_risk=1, released=1)
    assert found["callback"] == Promises(made=1)
    assert found["callback"].kept.rate is None


def test_a_call_that_nobody_made_reached_nobody_and_counts_as_no_call(story: Story) -> None:
    story.tell("T1", "callback_booked", number=1).tell("T1", "callback_not_reached", number=1)
    story.tell("T1", "callback_booked", number=2).tell("T1", "callback_reached", number=2)
    story.tell("T2", "callback_booked", number=1).tell("T2", "commitment_missed", kind="callback")
    found = story.metrics()
    assert (found.calls_booked, found.calls_reached) == (3, Share(count=1, of=2))


def test_only_events_of_the_window_count(story: Story) -> None:
    story.closed("T1", "confirmed", usd_micros=7).tell("T2", "csat", score=1)
    story.closed("T2", "unconfirmed", usd_micros=9)
    found = story.metrics(since_hour=2)
    assert found.since == NOON + 2 * HOUR
    assert (found.tickets_closed, found.cost_per_ticket_usd_micros) == (1, 9)
    assert found.csat_mean is None


# -------------------------------------------------------------------- recomputed naively

flags, maybe, small = st.booleans(), st.none() | st.booleans(), st.none() | st.integers(0, 999)
targets = st.sampled_from(["first_response", "next_response", "resolution"])
words = st.sampled_from(["legal", "expired", "Zebra", "ärger"])


def kind(name: str, /, **data: st.SearchStrategy[Value]) -> st.SearchStrategy[OutcomeEvent]:
    """Return events of a kind, at any time within four days."""
    at = st.integers(0, 4 * 96).map(lambda quarter: NOON + quarter * HOUR / 4)
    fields = st.fixed_dictionaries(data)
    return st.builds(OutcomeEvent, event_id=st.just(""), kind=st.just(name), at=at, data=fields)


happened = st.one_of(
    kind("ticket_opened", channel=st.just("api")),
    kind("first_response", seconds=small, within_sla=maybe),
    kind("next_response", seconds=small, within_sla=maybe),
    kind("resolved", seconds=small, within_sla=maybe, autonomous=flags),
    kind("reopened"),
    kind("sla_breached", target=targets),
    kind("sla_at_risk", target=targets),
    kind("escalated", reason=words),
    kind("left_autonomous", reason=words, intent=st.none() | st.sampled_from(["refund", "other"])),
    kind("csat", score=st.none() | st.integers(1, 5)),
    kind(
        "decided",
        outcome=st.sampled_from(["approved", "rejected", "asked", "expired", "withdrawn"]),
        edited=flags,
        human_seconds=st.integers(0, 900) | st.none(),
    ),
    kind(
        "closed",
        closure=st.sampled_from(["confirmed", "verified_quiet", "unconfirmed"]),
        autonomous=flags,
        by_person=flags,
        escalated=maybe,
        scored=maybe,
        usd_micros=small,
        input_tokens=st.integers(0, 10**12),
        output_tokens=small,
    ),
    st.sampled_from(["made", "kept", "missed", "at_risk", "released"]).flatmap(
        lambda word: kind(
            f"commitment_{word}", kind=st.sampled_from(["reply", "callback", "settlement"])
        )
    ),
    st.sampled_from(["booked", "reached", "not_reached"]).flatmap(
        lambda word: kind(f"callback_{word}", number=st.integers(1, 3))
    ),
    kind("unheard_of", seconds=small, kind=st.just("reply")),
)
histories = st.lists(st.tuples(st.sampled_from("ABCDE"), happened), max_size=40)


def kept(
    records: SqlRecords, tenant: str, told: Sequence[tuple[str, OutcomeEvent]]
) -> list[TicketEvent]:
    """Record what was told, ticket by ticket; return it in that order."""
    numbered = [
        TicketEvent.model_validate(
            event.model_dump() | {"event_id": str(number), "ticket_id": ticket}
        )
        for number, (ticket, event) in enumerate(told)
    ]
    for ticket in sorted({event.ticket_id for event in numbered}):
        own = tuple(event for event in numbered if event.ticket_id == ticket)
        records.record(Snapshot(view=view(ticket, tenant=tenant), events=own))
    return numbered


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(told=histories, since_hour=st.none() | st.integers(0, 96))
def test_metrics_are_what_plain_loops_say(
    records: SqlRecords, told: list[tuple[str, OutcomeEvent]], since_hour: int | None
) -> None:
    tenant = f"tenant-{next(_tenants)}"
    events = kept(records, tenant, told)
    since = None if since_hour is None else NOON + since_hour * HOUR
    expected = naive_metrics(tenant, [e for e in events if since is None or e.at >= since])
    assert records.metrics(tenant, since) == expected.model_copy(update={"since": since})
