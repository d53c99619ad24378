"""The week's reader finds what began while a tenant was stopped, and spares what may be."""

import pytest

from evals.week.reader import read_week
from tests.evals import small_week as week
from tests.evals.small_week import Json, at, evidence


def _stopped(begin: float, end: float) -> Json:
    """Return evidence in which the desk was stopped between two minutes."""
    found = evidence()
    plain = {**found["journal"][0], "who": "bob", "ticket_id": "", "landed_on": ""}
    found["journal"] += [
        {**plain, "what": "stop", "at": at(begin)},
        {**plain, "what": "resume", "at": at(end)},
    ]
    return found


def test_a_write_while_all_was_stopped_is_found() -> None:
    found = read_week(_stopped(1, 60)).violations
    assert [v.what for v in found] == ["refund:#B101:all while all was stopped"]


@pytest.mark.parametrize(("begin", "end"), [(2, 60), (1, 2.05), (10, 60)])
def test_a_stop_spares_what_was_begun_or_ended_outside_of_it(begin: float, end: float) -> None:
    """The refund that needed nobody ran from minute 2 to 2.1; the other one was approved."""
    assert not read_week(_stopped(begin, end)).violations


def test_what_is_under_way_for_a_moment_is_not_lost() -> None:
    script = week.alone()
    del script.events[-2:]
    script.add("WORKFLOW_TASK_SCHEDULED", 5000)
    lost = [v for v in read_week(evidence(first=script)).violations if v.check.startswith("7")]
    assert [v.what for v in lost] == []
