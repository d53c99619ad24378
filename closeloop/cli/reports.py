"""The pages of the reports on autonomy."""

from collections.abc import Mapping, Sequence

from closeloop.cli.pages import Grid, Page
from closeloop.models.base import Money, clip
from closeloop.models.labels import TicketDecision
from closeloop.models.metrics import Share
from closeloop.models.reports import Change, PolicyReplay, PromotionReport, WorstCase
from closeloop.models.stop import StopState

_SHOWN = 20


def stop_page(state: StopState) -> Page:
    """Say whether autonomous writes are stopped."""
    if state.stop is None:
        return Page(title=f"Tenant {state.tenant}: autonomous writes may begin")
    at = f"{state.stop.at:%Y-%m-%d %H:%M} UTC"
    facts = [("by", state.stop.by), ("since", at), ("because", state.stop.reason)]
    return Page(title=f"Tenant {state.tenant}: autonomous writes are stopped", facts=facts)


def promotion_page(report: PromotionReport) -> Page:
    """Show, had it been done alone, where people agreed, and what it would have cost."""
    grid = Grid(
        (
            *("intent", "action", "agreed", "edited", "asked"),
            *("paid too much", "too little", "minutes saved"),
        ),
        [
            (
                row.intent,
                row.action,
                _share(row.agreed),
                _share(row.edited),
                _share(row.asked),
                str(Money(amount_minor=row.over_minor)),
                str(Money(amount_minor=row.under_minor)),
                f"{row.minutes_saved:.1f} of {row.timed.count} timed",
            )
            for row in report.rows
        ],
    )
    if not report.rows:
        return Page(title=f"Tenant {report.tenant}: people have decided nothing")
    return Page(title=f"Tenant {report.tenant}: had it been done alone", grids=[grid])


def worst_case_page(case: WorstCase) -> Page:
    """Show what a hostile model could cost, and which limits hold."""
    facts = [
        ("mode", case.mode_cap.value),
        ("spent or reserved", str(Money(amount_minor=case.spent_minor))),
        ("alone, at most", _bound(case.alone_minor, case.alone_rule)),
        ("with all approved", _bound(case.approved_minor, case.approved_rule)),
        ("without a limit on money", ", ".join(case.without_money) or "-"),
    ]
    if case.stop is not None:
        facts.insert(1, ("stopped", f"by {case.stop.by}: {case.stop.reason}"))
    rows = [
        (
            limit.rule_id,
            limit.measure.replace("_", " "),
            str(Money(amount_minor=limit.at_most)),
            "-" if limit.left is None else str(Money(amount_minor=limit.left)),
            "yes" if limit.passed_by_approval else "no",
        )
        for limit in case.limits
    ]
    grid = Grid(("limit", "on", "at most", "left today", "a person may pass it"), rows)
    return Page(
        title=f"Tenant {case.tenant}, {case.at:%Y-%m-%d} UTC: the worst a model could do",
        facts=facts,
        grids=[grid],
    )


def replay_page(replay: PolicyReplay) -> Page:
    """Show what ends otherwise under the edited rules."""
    endings = [
        (name, str(change.before), str(change.after), _more(change), _sums(replay.money[name]))
        for name, change in replay.endings.items()
    ]
    grids = [Grid(("ending", "then", "now", "", "money then, now"), endings)]
    if replay.by_rule:
        rows = [
            (row.rule_id, str(row.before), str(row.after), _more(row)) for row in replay.by_rule
        ]
        grids.append(Grid(("rule", "then", "now", ""), rows))
    if replay.changed:
        shown = [
            (
                one.ticket_id,
                f"{one.at:%Y-%m-%d %H:%M}",
                f"{one.before} to {one.after}",
                ", ".join(map(str, one.money)) or "-",
                ", ".join(one.rules),
            )
            for one in replay.changed[:_SHOWN]
        ]
        grids.append(Grid(("ticket", "at (UTC)", "ends", "money", "rules"), shown))
    since = f" since {replay.since:%Y-%m-%d %H:%M} UTC" if replay.since else ""
    return Page(
        title=f"{replay.changed_count} of {replay.judgements} judgements{since} end otherwise",
        facts=[("tenant", replay.tenant), ("rules", replay.rules)],
        grids=grids,
    )


def decisions_page(decisions: Sequence[TicketDecision]) -> Page:
    """List what people decided."""
    rows = [
        (
            f"{one.at:%Y-%m-%d %H:%M}",
            one.ticket_id,
            ", ".join(action.kind for action in one.actions) or "reply",
            f"{one.outcome}, edited" if one.edit else one.outcome,
            one.approver,
            clip(one.question or f"{one.reason or ''} {one.words}", 80),
        )
        for one in decisions
    ]
    grid = Grid(("at (UTC)", "ticket", "actions", "decision", "by", "why"), rows)
    return Page(title=f"{len(rows)} decisions", grids=[grid] if rows else [])


def _share(share: Share) -> str:
    return "-" if share.rate is None else f"{share.rate:.0%} ({share.count} of {share.of})"


def _bound(minor: int | None, rule: str | None) -> str:
    return "no limit holds" if minor is None else f"{Money(amount_minor=minor)} ({rule})"


def _more(change: Change) -> str:
    return f"{change.after - change.before:+d}"


def _sums(sums: Mapping[str, Change]) -> str:
    both = [
        [Money(amount_minor=minor, currency=currency) for minor in (one.before, one.after)]
        for currency, one in sums.items()
    ]
    return "; ".join(f"{before}, {after}" for before, after in both) or "-"
