"""The conversation of a ticket, pure: what is carried of it, and what agents see."""

import json
from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from closeloop.models.base import clip
    from closeloop.models.proposal import ConversationMessage
    from closeloop.models.state import TicketState
    from closeloop.models.ticket import Message
    from closeloop.policy.codes import HIDDEN
    from workflows import recap

OPENING_MESSAGE: Final = "#0"
"""The message id of the ticket's own body; no id that a caller may give begins like this."""

MAX_MESSAGES: Final = 80
MAX_READ_CHARS: Final = 2_000
MAX_READ_BYTES: Final = 150_000
MAX_UNREAD_BYTES: Final = 400_000
"""What the texts of all messages read, and of all unread, may take in the carried state."""

WINDOW_MESSAGES: Final = 12
MAX_WINDOW_MESSAGES: Final = 60
WINDOW_CHARS: Final = 4_000
OLDER_CHARS: Final = 300
"""What is shown of a message that an earlier turn was about; of the ticket's first one all."""
WINDOW_TOTAL_CHARS: Final = 52_000
MAX_TURN_CHARS: Final = 20_000

_MOST_BYTES: Final = 6
"""What one character takes at most in JSON: a control character, escaped."""


def unread(state: TicketState) -> tuple[Message, ...]:
    """Return the customer's messages that no turn has read yet, oldest first."""
    return tuple(m for m in state.messages if m.sender == "customer" and not m.handled)


def added(state: TicketState, message: Message) -> TicketState:
    """Add a message at the end."""
    return _carrying(state, (*state.messages, message))


def said(state: TicketState, message: Message) -> TicketState:
    """Add a message of ours, before those unread: they came while it was on its way."""
    fresh = unread(state)
    position = state.messages.index(fresh[0]) if fresh else len(state.messages)
    return _carrying(state, (*state.messages[:position], message, *state.messages[position:]))


def handled(state: TicketState, message_ids: Sequence[str]) -> TicketState:
    """Mark messages as read by a turn."""
    ids = set(message_ids)
    messages = tuple(
        m.model_copy(update={"handled": True}) if m.message_id in ids else m for m in state.messages
    )
    return _carrying(state, messages)


def window(state: TicketState) -> tuple[ConversationMessage, ...]:
    """Return the bounded part of the conversation that models see.

    It holds the first message and the last ones; of those that the customer sent since our last
    word all, as far as there is room: the more there are, the less of each. Older ones are short,
    so that what all turns together show does not grow with the square of their number.
    """
    messages = _spoken(state)
    since, start = _bounds(messages)
    shown = (*([0] if start else []), *range(start, len(messages)))
    room = min(WINDOW_CHARS, WINDOW_TOTAL_CHARS // max(1, len(shown)))

    def limit(position: int) -> int:
        older = 0 < position < since - 1  # our last word is not: the customer answers it
        return min(room, OLDER_CHARS) if older else room

    return tuple(
        ConversationMessage(
            message_id=messages[n].message_id,
            sender=messages[n].sender,
            text=clip(messages[n].text, limit(n)),
        )
        for n in shown
    )


def earlier(state: TicketState) -> tuple[str, ...]:
    """Return a line for each message that the window does not show, the oldest first; bounded."""
    messages = _spoken(state)
    _, start = _bounds(messages)
    return recap.bounded((*state.recap, *recap.lines_of(messages[1:start])))


def _spoken(state: TicketState) -> tuple[Message, ...]:
    """Return the messages that say something: one that was only a code says nothing to agents."""
    return tuple(m for m in state.messages if m.text != HIDDEN)


def _bounds(messages: Sequence[Message]) -> tuple[int, int]:
    """Return where the customer's words since our last one begin, and where the window does."""
    ours = [position for position, m in enumerate(messages) if m.sender != "customer"]
    since = ours[-1] + 1 if ours else 0
    start = max(0, len(messages) - MAX_WINDOW_MESSAGES, min(len(messages) - WINDOW_MESSAGES, since))
    return since, start


def customer_texts(state: TicketState) -> dict[str, str]:
    """Return the customer's messages in the window by id."""
    return {m.message_id: m.text for m in window(state) if m.sender == "customer"}


def asking_texts(state: TicketState) -> dict[str, str]:
    """Return the customer's messages that may ask for something; the first with its subject."""
    texts = customer_texts(state)
    if OPENING_MESSAGE in texts:
        texts[OPENING_MESSAGE] = f"{state.ticket.subject}\n{texts[OPENING_MESSAGE]}"
    return texts


def turns(state: TicketState) -> tuple[str, ...]:
    """Return what the customer wrote, turn by turn; all that is unread is together the last turn.

    So a classifier that looks at the latest turn misses no message, however many came at once.
    """
    fresh = unread(state)
    new = {m.message_id for m in fresh}
    before = tuple(text for name, text in customer_texts(state).items() if name not in new)
    if not fresh:
        return before
    limit = min(MAX_TURN_CHARS, WINDOW_TOTAL_CHARS // len(fresh))
    return (*before, "\n\n".join(clip(m.text, limit) for m in fresh))


def answers_question(state: TicketState) -> bool:
    """Whether the customer's unread words follow a question that we sent, or one of our people."""
    asked = state.proposal is not None and state.proposal.asks_customer
    read = [m for m in state.messages if m.handled]
    if not read or read[-1].sender != "closeloop":
        return False
    return asked or read[-1].message_id == state.question_id


def _carrying(state: TicketState, messages: Sequence[Message]) -> TicketState:
    """Carry the messages as far as there is room; of what is dropped a line each stays."""
    kept = _trimmed(messages)
    names = {m.message_id for m in kept}
    gone = recap.lines_of([m for m in messages if m.message_id not in names])
    lines = recap.bounded((*state.recap, *gone))
    return state.model_copy(update={"messages": kept, "recap": lines})


def _trimmed(messages: Sequence[Message]) -> tuple[Message, ...]:
    """Bound what is carried: read messages shortened, the oldest of them dropped but the first.

    An unread message is never dropped, and stands whole while there are not too many of them.
    """
    surplus = len(messages) - MAX_MESSAGES
    kept: list[Message] = []
    for position, message in enumerate(messages):
        if surplus > 0 and message.handled and position > 0:
            surplus -= 1
        else:
            kept.append(_short(message, MAX_READ_CHARS) if message.handled else message)
    for read, room in ((True, MAX_READ_BYTES), (False, MAX_UNREAD_BYTES)):
        group = [m for m in kept if m.handled is read]
        if _MOST_BYTES * sum(len(m.text) for m in group) <= room:
            continue
        if sum(_bytes(m.text) for m in group) > room:
            share = room * 3 // 4 // len(group)  # with room for more, before it is done again
            kept = [_fitting(m, share) if m.handled is read else m for m in kept]
    return tuple(kept)


def _short(message: Message, limit: int) -> Message:
    if len(message.text) <= limit:
        return message
    return message.model_copy(update={"text": clip(message.text, limit)})


def _fitting(message: Message, room: int) -> Message:
    text = message.text
    if _bytes(text) <= room:
        return message
    longest = bisect_right(range(len(text)), room, key=lambda n: _bytes(text[:n])) - 1
    return _short(message, max(1, longest))


def _bytes(text: str) -> int:
    """Return what a text takes in JSON."""
    return len(json.dumps(text, ensure_ascii=False).encode(errors="replace"))
