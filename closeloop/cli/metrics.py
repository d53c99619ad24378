"""The page of metrics: a table with each number's basis, and what is worth a small plot."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from closeloop.cli.pages import Grid, Page, Series
from closeloop.cli.views import span
from closeloop.models.metrics import Day, Leaving, Metrics, Share, Spread

_NOT_MEASURED: Final = "-"
_DAYS_SHOWN: Final = 30
_LEAVINGS_SHOWN: Final = 12


def metrics_page(metrics: Metrics) -> Page:
    """Show the metrics; a dash is what was not measured."""
    since = f"{metrics.since:%Y-%m-%d %H:%M} UTC" if metrics.since else "the beginning"
    return Page(
        title=f"Tenant {metrics.tenant} since {since}",
        facts=[
            ("tickets opened", str(metrics.tickets_opened)),
            ("tickets closed", str(metrics.tickets_closed)),
        ],
        series=_series(metrics.days),
        grids=[
            Grid(("what", "value", "of"), _rows(metrics)),
            *_closures(metrics),
            *_reasons(metrics.escalation_reasons),
            *_leavings(metrics.left_autonomous),
        ],
    )


def _rows(metrics: Metrics) -> list[tuple[str, ...]]:
    cost = metrics.cost_per_resolved
    resolved = f"{cost.tickets} resolved tickets"
    targets = [
        (f"in time: {goal.replace('_', ' ')}", *_share(share, "tickets with this target"))
        for goal, share in metrics.sla.items()
    ]
    return [
        ("first response", *_spread(metrics.first_response)),
        ("resolution", *_spread(metrics.resolution)),
        *targets,
        ("escalated", *_share(metrics.escalated, "closed tickets")),
        ("reopened", *_share(metrics.reopened_tickets, "resolved tickets")),
        ("satisfaction, 1 to 5", _amount(metrics.csat_mean), f"{metrics.csat_responses} answers"),
        ("gave a score", *_share(metrics.csat_answered, "closed tickets")),
        ("approved with edits", *_share(metrics.edited, "decisions")),
        ("rejected", *_share(metrics.rejected, "decisions")),
        *_promises(metrics),
        ("calls reached", *_share(metrics.calls_reached, "calls made")),
        (
            "models, each closed",
            _dollars(metrics.cost_per_ticket_usd_micros),
            f"{metrics.tickets_costed} closed tickets",
        ),
        ("models, each resolved", _dollars(cost.usd_micros), resolved),
        ("tokens read, each resolved", _amount(cost.input_tokens), resolved),
        ("tokens written, each resolved", _amount(cost.output_tokens), resolved),
        ("human minutes, each resolved", _amount(cost.human_minutes), resolved),
    ]


def _promises(metrics: Metrics) -> list[tuple[str, str, str]]:
    """Return a row for each kind of promise that was made."""
    return [
        (f"promises kept: {kind}", *_share(one.kept, f"ended, {one.made} made"))
        for kind, one in metrics.promises.items()
        if one.made or one.kept.of
    ]


def _closures(metrics: Metrics) -> list[Grid]:
    if not metrics.tickets_closed:
        return []
    shares = metrics.auto_resolved
    rows = [
        (closure.replace("_", " "), *_share(share, "closed tickets"))
        for closure, share in shares.items()
    ]
    bars = tuple(share.rate or 0.0 for share in shares.values())
    return [Grid(("resolved by no person", "share", "of"), rows, bars=bars)]


def _reasons(reasons: Mapping[str, int]) -> list[Grid]:
    if not reasons:
        return []
    rows = [(reason, str(tickets)) for reason, tickets in reasons.items()]
    bars = _against_the_most(list(reasons.values()))
    return [Grid(("escalated because of", "tickets"), rows, bars=bars)]


def _leavings(leavings: Sequence[Leaving]) -> list[Grid]:
    if not leavings:
        return []
    shown = leavings[:_LEAVINGS_SHOWN]
    rows = [(one.intent or "not known", one.reason, str(one.tickets)) for one in shown]
    more = f", the first {len(shown)} of {len(leavings)}" if len(leavings) > len(shown) else ""
    columns = ("intent", f"left autonomous mode because{more}", "tickets")
    return [Grid(columns, rows, bars=_against_the_most([one.tickets for one in shown]))]


def _series(days: Sequence[Day]) -> list[Series]:
    """Return tickets opened and closed on each day, those without any included."""
    if not days:
        return []
    last = days[-1].day
    length = min((last - days[0].day).days + 1, _DAYS_SHOWN)
    by_day = {one.day: one for one in days}
    shown = [
        by_day.get(day, Day(day=day))
        for day in (last - timedelta(days=back) for back in reversed(range(length)))
    ]
    until = f"{length} days to {last}"
    return [
        Series(f"opened, {until}", tuple(one.opened for one in shown)),
        Series(f"closed, {until}", tuple(one.closed for one in shown)),
    ]


def _against_the_most(counts: Sequence[int]) -> tuple[float, ...]:
    return tuple(count / max(counts) for count in counts)


def _share(share: Share, of: str) -> tuple[str, str]:
    rate = _NOT_MEASURED if share.rate is None else f"{share.rate:.0%}"
    return rate, f"{share.count} of {share.of} {of}"


def _spread(spread: Spread | None) -> tuple[str, str]:
    if spread is None:
        return _NOT_MEASURED, "0 tickets"
    half, most = (span(timedelta(seconds=s)) for s in (spread.median_seconds, spread.p90_seconds))
    return f"half within {half}, nine in ten within {most}", f"{spread.count} tickets"


def _amount(value: float | None) -> str:
    return _NOT_MEASURED if value is None else f"{value:.1f}"


def _dollars(usd_micros: float | None) -> str:
    return _NOT_MEASURED if usd_micros is None else f"${usd_micros / 1e6:.4f}"
