"""Patches of what happens with people, known before they are needed.

``workflow.patched`` writes its marker with the commands of the moment. Where a local activity has
just ended, the SDK (temporalio 1.35) may put the marker into another workflow task than the one in
which a replay asks for it; the replay then finds no marker, and the ticket never replays again. A
check of an approver is such an activity, and all that people do begins with one. So one patch is
asked for when the ticket comes to them, where only remote activities have ended.
"""

from typing import Final

from temporalio import workflow

WITH_PEOPLE: Final = "with-people-1"
"""All that is below: in tickets that came to people since there is this patch."""

ADVICE_READ_BACK: Final = "advice-read-back"
"""Before it, what a person did as advised counted only where they recorded it."""
SHADOW_SAYS_NOTHING: Final = "shadow-says-nothing"
"""Before it, a person's resolution was told to the customer in shadow mode, too."""
NO_LOOPS: Final = "no-hand-off-loops"
"""Before it, a ticket could be handed back and come again for ever."""
WITH_PEOPLE_2: Final = "with-people-2"
"""Before it, a case that could not be created was not tried again with the next reminder, promises
missed one after the other were owned up to in the same words twice, and nobody read what topics a
message to people touches."""


class PeoplePatches:
    """Whether the patches of a ticket with people are in force; ``second`` is ``WITH_PEOPLE_2``."""

    _with_people: bool = False
    second: bool = False

    def came_to_people(self) -> None:
        """Ask early: after a remote activity, or in a run's first task."""
        self._with_people = workflow.patched(WITH_PEOPLE)
        self.second = workflow.patched(WITH_PEOPLE_2)

    def patched(self, change: str) -> bool:
        """Whether a change is in force; asked for by itself in tickets of before."""
        return self._with_people or workflow.patched(change)
