"""The words of a support desk, and whether a sentence speaks of something else altogether."""

import re
from collections.abc import Collection
from typing import Final

_WORD: Final = re.compile(r"[a-z][a-z']+")
STEM: Final = 6
"""Characters that two forms of a word have in common, roughly, once an ending is off."""
_ENDING: Final = re.compile(r"(?<=\w{3})(?:ing|ed|ly|es|s|e|'s)$")

_SMALL: Final = """
a about above after again against all almost also although always am an and another any anybody
anyone anything are aren't around as at away be because been before behind being below best better
between both but by can can't cannot could couldn't did didn't do does doesn't doing don't done
down during each either else enough even ever every everybody everyone everything few first for
from get gets getting give given go goes going gone got had has hasn't have haven't having he
hello her here hi him his how however i i'd i'll i'm i've if in instead into is isn't it it's its
itself just keep last later least less let like likely little long look looked looking made make
makes many may maybe me mean means might more most much must my near need needed needs never new
next no nobody none nor not nothing now of off often ok okay on once one only or other others our
ours out over own part past perhaps please possible put quite rather really right said same say
second see seen several shall she should since so some somebody someone something soon still such
sure take taken tell than thank thanks that that's the their them then there these they they're
thing things this those though through time to together too toward two under until up upon us use
used very via want wanted was wasn't way we we'd we'll we're we've well went were weren't what
what's when where whether which while who whole whom whose why will with within without won't word
words would wouldn't write written wrote yes yet you you'd you'll you're you've your yours
yourself
"""
_DESK: Final = """
able account added address agent already answer answered apart apologise apologize apologies apply
arrange arrived arrives article ask asked assistance attach attached back bank belong bill billing
book bought box broken business call cancel cancelled cancellation card carrier case change
changed charge charged charges check checked choose clear close code colleague colleagues come
comes company complaint complete completed concern confirm confirmation confirmed contact continue
copy correct cost courier cover covered credit currently customer damage damaged date day days
dear deal decision delay delayed delivered delivery department describe description desk detail
details different directly discuss dispatch email exchange expect experience explain extra fault
faulty fee feel file find finish follow form forward found free friend frustrating full further
glad good gift goods great guarantee hand happen happened happy hear help helpful hold honest hope
hour hours identify important include included inconvenience information inquire instead interest
invoice issue item items join kind know label leave left letter line link list listed loss lost
mail matter message method minute mistake moment money month name number offer online openly open
option options order ordered orders original package page paid parcel parcels patience pay payment
payments person phone photo picture place placed policy prefer price problem process processed
product products protect provide purchase question questions quickly reach read ready reason
receipt receive received record records reference refund refunded regards regret remain repair
replace replacement reply report request requested resolve resolved respond response return
returned returns review rule rules safe sale seem send sending sent separate service shipped
shipping shop show sign sincerely size sold solve solved sorry start state statement status stay
step steps stock stop store street support system team terms thankful thought ticket today
tomorrow total touch track tracking transfer trouble try understand unfortunately update updated
urgent value variant version wait waiting warehouse warranty website week weeks welcome wish work
working world worry wrong year years yesterday says eligible entitled qualify answering regard
"""


def _stem(word: str) -> str:
    return _ENDING.sub("", word)[:STEM]


SMALL: Final = frozenset(_SMALL.split()) | frozenset(map(_stem, _SMALL.split()))


def words_of(text: str) -> frozenset[str]:
    """Return the stems of every word that is not a small one."""
    words = (word for word in _WORD.findall(text.lower()) if word not in SMALL)
    return frozenset(stem for stem in map(_stem, words) if stem not in SMALL)


DESK: Final = words_of(_DESK)


def strange(sentence: str, known: Collection[str]) -> bool:
    """Whether half of a sentence's words or more are neither ``known`` nor a desk's own."""
    said = words_of(sentence)
    foreign = said - DESK - frozenset(known)
    return bool(foreign) and 2 * len(foreign) >= len(said)
