"""Patches are asked for where no local activity has just ended (see ``workflows/patches.py``)."""

import re

from tests.support.desk import ROOT

ASKED_FOR = {
    "agents.py": ["OFFLINE_STANDS_IN"],  # after a remote activity that failed
    "patches.py": ["WITH_PEOPLE", "WITH_PEOPLE_2", "change"],
    # after a proposal, and after the closing activity, both remote
    "ticket.py": ["JUDGED_BEFORE_CODES", "HEEDED_WHILE_CLOSING"],
}


def test_who_asks_for_patches() -> None:
    """A new one needs such a place as well; this test only makes its author look."""
    found = {
        path.name: asked
        for path in sorted((ROOT / "workflows").glob("*.py"))
        if (asked := re.findall(r"workflow\.patched\((\w+)\)", path.read_text()))
    }
    assert found == ASKED_FOR
