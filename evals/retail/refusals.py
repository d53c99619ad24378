"""Refusals: every call of the set is refused by policy, or allowed and done, on fresh state.

The call is judged by the activity that tickets use (the customer is authenticated, and an approver
who approves everything decides) and, if no rule refuses it, done by the activity that tickets use.
A line that is to be refused counts only if a rule did it: nothing reached the shop at all.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from temporalio.testing import ActivityEnvironment

from closeloop.bootstrap import ActivitySet, build_activities
from closeloop.embedded.backends import EmbeddedBackends
from closeloop.errors import BackendError
from closeloop.models.base import Wire
from closeloop.models.policy import Judgement, JudgeRequest, Ruling
from closeloop.models.proposal import Action
from closeloop.models.steps import ExecuteAction
from closeloop.models.ticket import Assurance
from closeloop.names import DEFAULT_TENANT
from evals.retail.data import Refusal, state_hash
from evals.retail.desk import BACKENDS_FILE, OPERATIONS_FILE, apply, open_services
from evals.retail.translate import action_of

TICKET: Final = "retail"
APPROVER: Final = "retail-lead"

Outcome = Literal["refused_by_policy", "refused_by_shop", "done", "setup_failed"]


class LineResult(Wire):
    """What became of one line; ``rule`` and ``reason`` are policy's, or the shop's own code."""

    line_id: str
    kind: str
    action: str
    expected: Literal["refuse", "allow"]
    outcome: Outcome
    rule: str | None = None
    reason: str = ""
    state_exact: bool
    passed: bool


def run(place: Path, lines: Sequence[Refusal], work: Path) -> Iterator[LineResult]:
    """Yield the result of each line, run alone on fresh state below ``work``."""
    template = work / "template"
    template.mkdir(parents=True)
    services = open_services(template, shop_file=place / "db.json")
    services.backends.close()
    services.engine.dispose()
    for line in lines:
        folder = work / line.line_id
        folder.mkdir()
        for name in (BACKENDS_FILE, OPERATIONS_FILE):
            shutil.copyfile(template / name, folder / name)
        yield _run_line(line, folder)
        shutil.rmtree(folder)


def _run_line(line: Refusal, folder: Path) -> LineResult:
    services = open_services(folder)
    try:
        with services.backends as backends:
            try:
                for n, call in enumerate(line.setup):
                    apply(backends.shop, DEFAULT_TENANT, f"setup:{n}", action_of(call, f"s{n}"))
            except (BackendError, ValueError) as error:
                return _result(line, backends, "setup_failed", None, str(error))
            return _judged(line, backends, build_activities(services))
    finally:
        services.engine.dispose()


def _judged(line: Refusal, backends: EmbeddedBackends, activities: ActivitySet) -> LineResult:
    action = action_of(line.call, "p1-a1")
    request = JudgeRequest(
        tenant=DEFAULT_TENANT,
        ticket_id=TICKET,
        customer_id=line.user_id,
        assurance=Assurance.CONFIRMED,
        intent="order_change",
        confidence=1.0,
        customer_messages={"m1": "Yes, please do that."},
        actions=(action.model_copy(update={"requested_by": ("m1",)}),),
    )
    judgement: Judgement = _activity(activities, "evaluate_policy")(request)
    if judgement.ruling is Ruling.REFUSE:
        verdict = judgement.verdicts[0]
        reason = next(r for r in verdict.reasons if r.ruling is Ruling.REFUSE)
        return _result(line, backends, "refused_by_policy", reason.rule_id, reason.text)
    try:
        _activity(activities, action.kind)(_step(line, request.actions[0], judgement))
    except BackendError as error:
        return _result(line, backends, "refused_by_shop", getattr(error, "code", None), str(error))
    return _result(line, backends, "done", None, "")


def _step(line: Refusal, action: Action, judgement: Judgement) -> ExecuteAction:
    facts = judgement.facts.actions[0]
    assert facts.effect is not None
    return ExecuteAction(
        tenant=DEFAULT_TENANT,
        ticket_id=TICKET,
        action=action,
        customer_id=line.user_id,
        effect_id=facts.effect.effect_id,
        components=facts.effect.components,
        amount=facts.amount,
        approved_by=APPROVER,
    )


def _activity(activities: ActivitySet, name: str) -> Callable[[Any], Any]:
    """Return the activity of this name, as a call within an activity's context."""
    found = next(a for a in (*activities.tickets, *activities.backends) if a.__name__ == name)
    return lambda given: ActivityEnvironment().run(found, given)


def _result(
    line: Refusal, backends: EmbeddedBackends, outcome: Outcome, rule: str | None, reason: str
) -> LineResult:
    exact = state_hash(backends.export()["shop"]) in line.hashes
    wanted: Outcome = "refused_by_policy" if line.refuse else "done"
    return LineResult(
        line_id=line.line_id,
        kind=line.kind,
        action=line.call.name,
        expected="refuse" if line.refuse else "allow",
        outcome=outcome,
        rule=rule,
        reason=reason,
        state_exact=exact,
        passed=exact and outcome == wanted,
    )
