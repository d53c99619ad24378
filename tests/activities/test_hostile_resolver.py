"""The worst model cannot hurt anybody: whatever it proposes, the books are in order.

``HOSTILE_RUNS=5000 pytest tests/activities/test_hostile_resolver.py`` makes a long run of it.
"""

from __future__ import annotations

import itertools
import os
import shutil
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.activities.hostile import Desk, make_template
from tests.activities.hostile_moves import Move, moves

RUNS = int(os.environ.get("HOSTILE_RUNS", "60"))


@pytest.mark.timeout(120 + RUNS * 2)
def test_no_proposal_moves_money_that_it_should_not(tmp_path: Path) -> None:
    template, seen, numbers = make_template(tmp_path), Counter[str](), itertools.count()

    @settings(
        max_examples=RUNS,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example],
        phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    )
    @given(st.lists(moves, min_size=12, max_size=40))
    def run(history: list[Move]) -> None:
        folder = tmp_path / f"run{next(numbers)}"
        desk = Desk(template, folder)
        try:
            for move in history:
                desk.make(move)
            desk.check()
            seen.update(desk.seen)
        finally:
            desk.close()
            shutil.rmtree(folder)

    run()
    print(f"\n{RUNS} runs:", dict(seen.most_common()))  # noqa: T201
    for what in ("allowed", "asked", "approved", "refused", "refund_payment done"):
        assert seen[what], f"nothing was {what}: this proves nothing"
