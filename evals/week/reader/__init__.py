"""An independent reader of a week: it holds what is left behind against DESIGN's invariants.

It shares no code with policies, ledger, metrics or workflows, and goes by numbers of its own.
"""

from evals.week.reader.calls import calls_hold
from evals.week.reader.case import Case
from evals.week.reader.figures import figures_agree
from evals.week.reader.history import Json
from evals.week.reader.levels import levels_hold
from evals.week.reader.money import approved_is_run, money_inside_policy, no_effect_twice
from evals.week.reader.people import (
    bad_input_changes_nothing,
    customer_asked,
    nobody_elses_account,
    tenants_apart,
)
from evals.week.reader.promises import promises_hold
from evals.week.reader.tickets import every_history_replays, nothing_lost, nothing_waits_for_ever
from evals.week.reader.words import replies_are_true

CHECKS = (
    no_effect_twice,
    money_inside_policy,
    nobody_elses_account,
    customer_asked,
    approved_is_run,
    replies_are_true,
    nothing_lost,
    nothing_waits_for_ever,
    bad_input_changes_nothing,
    every_history_replays,
    tenants_apart,
    levels_hold,
    promises_hold,
    calls_hold,
    figures_agree,
)
"""In the order of DESIGN's section 5, then service levels, promises, calls and metrics."""


def read_week(evidence: Json) -> Case:
    """Check the evidence of a week; the case says what was looked at and what was wrong."""
    case = Case.of(evidence)
    for check in CHECKS:
        check(case)
    return case
