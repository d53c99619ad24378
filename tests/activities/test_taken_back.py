"""What a customer wrote after asking is read too, whichever messages a proposal points to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.activities.till import Till


@pytest.mark.parametrize(
    ("later", "asked"),
    [
        ("", True),
        ("Thank you!", True),
        ("Actually only a question: dishwasher safe?", False),
        ("Sorry, wrong order, don't.", False),
        ("It's fine after all", False),
        ("Are you going to refund it?", False),
    ],
)
def test_a_later_message_counts(tmp_path: Path, later: str, asked: bool) -> None:
    with Till(tmp_path, status="delivered") as till:
        judgement = till.judge(till.action("refund_payment"), later=later)
    (facts,) = judgement.facts.actions
    assert facts.names_remedy is asked
