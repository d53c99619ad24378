"""Reads a customer's yes to "is it solved?".

A yes is only what says so and nothing else: with any word that neither says so nor is known to mean
nothing besides, the message is read anew, as a wish or a worry. Words that sound like a no but are
none ("no further questions") are taken out first.
"""

import re
from typing import Literal

from closeloop.models.triage import Confirmation
from closeloop.offline.text import core, own_words

_GOOD_SCORE = 4
"""A bare score from here on is a customer whose problem is solved."""


def _any_of(*patterns: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{'|'.join(patterns)})(?!\w)")


_NO_COMPLAINT = _any_of(
    r"no (?:more |further |other |additional |remaining )*(?:questions?|problems?|issues?"
    r"|complaints?|trouble|worries|need|objections?)"
    r"(?: at all| any ?more| any longer| left| now| whatsoever)*",
    r"not (?:a |an )?(?:problem|issue)(?: at all| any ?more| any longer| now)*",
    r"(?:isn't|is not|aren't|are not|not|no longer) (?:broken|damaged|faulty|cracked|missing|late)"
    r"(?: any ?more| any longer| now)*",
    r"(?:no|nothing),? ?(?:thanks|thank you)",
    r"no,?(?= (?:that's all|(?:all|everything|that's|that is|it's|it is|i'm|i am|we're|we are)"
    r"(?: is| now| very| all)* (?:good|fine|ok|okay|sorted|solved|well|set|it|perfect|happy"
    r"|satisfied|great))(?!\w))",
    r"nothing (?:else|more|further|to add)(?: needed| needs doing)?",
    r"(?:don't|do not) need (?:anything|any more help|more help)(?: else| more)?",
    r"no longer (?:a |an )?(?:problem|issue|needed)",
    r"can't complain",
    r"couldn't be (?:happier|better)",
    r"never mind",
    r"nothing (?:was|is) (?:missing|broken|damaged|wrong)",
)
_STILL_BROKEN = _any_of(
    r"still (?:\w+ ){0,3}?(?:not|no|nothing|broken|waiting|missing|wrong|there|the same|open"
    r"|exists?|damaged|without|pending|unsolved|unresolved|an? (?:problem|issue)|problems|issues"
    r"|\w+n't)",
    r"(?:\w+n't|doesnt|didnt|isnt|hasnt|havent|wasnt|wont|cant|not|never)"
    r"(?: (?:been|yet|really|actually|even|fully|completely|quite|properly|at all|get|got|seem to"
    r"|have|has|be|is))*"
    r" (?:work\w*|arriv\w+|receiv\w+|c[ao]me|help\w*|solv\w+|fix\w+|resolv\w+|sort\w+|ok|okay"
    r"|happy|right|good|correct|done|here|there|refunded|paid|credited|delivered|shown|show"
    r"|turn\w* (?:up|on)|changed|happened|cancelled|canceled|true|any(?:thing)?|it|satisf\w+"
    r"|seen?|found|find|what|fit|charge|start|open|load|appear|exist|match|on (?:my|the))",
    r"not (?:yet|really|at all|so far)",
    r"(?:problem|issue|error|fault|trouble)s? (?:\w+ )?(?:persists?|remains?|continues?|exists?"
    r"|(?:is|are|came|comes) (?:back|still|not)|returned)",
    r"(?:broken|broke|wrong|happened|failed|stopped|damaged|cracked|gone) again",
    r"again (?:broken|wrong|damaged|missing)",
    r"(?:the )?same (?:problem|issue|error|thing|fault|as before)",
    r"where(?:'s| is| are) (?:my|the|our)",
    r"^nothing$",
    r"nothing (?:has |was |is )?(?:happened|changed|came|come|arrived|on|yet|so far|improved"
    r"|works)",
    r"(?:shows?|see|says?|received|got|have|get) nothing",
    r"stopped (?:\w+ing|again)|only (?:\w+ )?(?:half|part|some|one)",
    r"(?:the )?wrong (?:one|item|thing|product|size|colou?r|amount|address|order|parcel|sum)",
    r"no (?:luck|change|success|improvement|refund|money|parcel|package|reply|answer|sign|it)",
    r"un(?:solved|resolved|fixed)",
    r"(?:is|it's|are|was|were|came|arrived|also) (?:also |too |again |now )?(?:broken|cracked"
    r"|damaged|defective|faulty|shattered|wrong|incomplete)",
    r"(?:broken|cracked|damaged|defective|faulty) too",
    r"keeps? (?:\w+ )?(?:failing|breaking|stopping|crashing|flickering|happening|leaking|saying)",
    r"waiting",
    r"worse",
)
_REFUSAL = re.compile(r"^(?:well |sorry |oh |um+ )*(?:no+|nope|nah|negative)(?!\w)")
_LATER = _any_of(
    r"(?:let me|i'll|i will|we'll|we will|going to|gonna|need to|have to) (?:\w+ )?(?:check|see"
    r"|wait|look|test|try|tell|let you know|get back|come back|write|report)",
    r"maybe",
    r"perhaps",
    r"not sure",
    r"(?:don't|do not|dunno|can't|cannot) (?:know|say|tell)",
    r"(?:once|when|if|until|after) (?:it|they|the|i|my|we)",
    r"hope(?:fully)?",
    r"partly|partially|half|almost",
)
_NEW_WISH = _any_of(
    r"(?:can|could|would|will) (?:you|i|we)",
    r"please (?!(?:close|consider|mark)\b)(?:also )?[a-z]+",
    r"(?:i|we) (?:also |still |now |just )?(?:want|need|would like|have (?:a|an|another|one more))",
    r"(?:i'd|we'd) (?:also )?(?:like|want|rather|prefer)",
    r"also (?:cancel|refund|return|change|send|want|need|have)",
    r"another (?:question|thing|problem|issue|one|order)",
    r"one more (?:question|thing)",
    r"by the way|btw",
    r"(?:speak|talk) (?:to|with)",
    r"(?:a |the )?(?:human|manager|supervisor|representative)",
    r"(?:cancel|exchange|return) (?:it|my|the|this|order|them)",
    r"(?:how|what|who|why|which) (?:do|does|can|is|are|about|if|should)",
    r"(?:do|does|did|are|is|have) (?:you|i|they|there)|(?:do|does|did|is) it",
    r"instead",
)
_SOLVED = _any_of(
    r"y(?:es|ep|eah|up|ea)+",
    r"solved|fixed|sorted|resolved|settled",
    r"(?:it |that |now |everything |all )?works?(?: now| again| fine| perfectly| well)*|working",
    r"all (?:good|fine|well|set|clear|ok|okay|done|is (?:well|good|fine))",
    r"perfect(?:ly)?|great|excellent|wonderful|awesome|brilliant|fantastic|amazing|super|lovely",
    r"thank(?:s| you)|thx|ty|cheers|appreciated?",
    r"delivered|(?:showed|turned|shown) up|exactly what|in order|no longer|confirm(?:ed)?",
    r"arrived|received|(?:i |we )?got (?:it|the|my|them|everything)|came|(?:is|are) (?:here|back)",
    r"did (?:the trick|it)|that's it|done",
    r"(?:it's|it is|that's|that is|everything's|everything is|i'm|i am|we're) (?:all |now )?"
    r"(?:ok|okay|fine|good|happy|satisfied|right|correct)(?: now)?|i have it(?: now)?$",
    r"(?:ok|okay|fine|good) (?:now|again)",
    r"(?:very |so )?(?:happy|satisfied|pleased)",
    r"(?:you can )?close (?:it|this|the (?:ticket|case))",
    r"^(?:ok|okay|fine|good|correct|confirmed|indeed|no complaint)$",
)
_WORDS = """
a about absolutely actually after afternoon again ah aha all already also am amount an and
anymore anyway appreciate are as at aware back bank be been best better both brilliant by can
card charm cheers christmas colleagues complaint completely concerned cool day dear definitely
delivery did do end evening ever everybody everyone everything exactly fast finally fine first
for found friendly from full getting gift glad good got guys had handled handling happy has have
hello helped helpful helping here hey hi holidays hooray how hurray i i'd i'm i've in indeed
into is isn't issue it it's item items its job just kind kindly kindness like looks lot love
made many mate matter me mean merci mine minute minutes money more morning much my needed nice
no noticed now of oh ok okay on once one order our out package parcel part parts patience piece
please pleased pleasure point points polite problem process professional prompt promptly
question quick quickly quite rather real really received refunded regards reply response right
safe safely satisfactory saw see service shop side smoothly so solution solving soon sorted
sorting sound speedy star stars statement straight straightaway support sure swift team that
that's the their them there there's these they thing things this those ticket time to today took
topic totally truly turned two up us very was wasn't we we're week weekend well went were what
will with wonderful work worked would wow yay yes yesterday you you're your yours
"""
_SAYS_NOTHING = frozenset(_WORDS.split())
"""Words that add nothing to a yes; "but", "other", "should" and the like are not among them."""
_NAMED = re.compile(
    r"\b(?:the|my|our|your|new|both|quick|fast) (?:new |quick |fast |kind )?[a-z]+\b"
    r"|\brefund(?= (?:showed|turned|arrived|came|received|is here|has))"
    r"|\bconsider (?:it|this) |\bclose (?:it|this|the (?:ticket|case))\b"
)
"""What has come or works is called by its name, which may be any word."""
_TO_WHOM = re.compile(
    r"\b((?:[Tt]hanks|[Tt]hank you|[Rr]egards|[Cc]heers|[Bb]est|[Ss]incerely|[Yy]ours)(?: again)?)"
    r"[,.!]?\s+[A-Z][a-z]+(?: [A-Z][a-z]+)?(?=$|[,.!])"
)
"""Somebody is thanked, or signs, by name."""
_TOKEN = re.compile(r"[a-z]+(?:'[a-z]+)?")
_THUMB_UP = re.compile(r"[\U0001F44D\U0001F44C\u2705\u2714]|:-?\)")
_THUMB_DOWN = re.compile(r"[\U0001F44E\u274C]")

# --- how satisfied? -------------------------------------------------------------------------------

_SCORE_ENDS = (
    r"(?=\s*(?:$|[.,;!:)\n]|stars?\b|points?\b|from (?:me|us)\b|for (?:the|you|your)\b|thank"
    r"|great\b|good\b|and\b|but\b|because\b))"
)
_SCORES = (
    re.compile(
        rf"(?<![\d/.,#w-])(?<!\bon )(?<!\bby )(?<!\bsince )(?<!\buntil )(?<!\bfrom )"
        rf"([1-5])\s*(?:/|out of|of)\s*5(?![\d/]){_SCORE_ENDS}"
    ),
    re.compile(
        r"\b(?:score|rating|rate|mark|grade|csat|satisfaction)"
        r"(?: (?:is|of|it|you|with|a|an|would be))*"
        r"\s*[:=-]?\s*([1-5])(?!\s*[\d/.,]\s*\d)(?!\s*out of)\b"
    ),
    re.compile(r"(?<![\d/.,#w-])([1-5]|one|two|three|four|five)[ -]?stars?\b"),
    re.compile(
        r"\b(?:i'd|i would|i|we'd|we) (?:give|rate) (?:it|you|this|that|them|the \w+) "
        r"(?:an? |with )*"
        rf"([1-5])(?![\d/]){_SCORE_ENDS}"
    ),
    re.compile(r"^\s*([1-5])\s*[.!]?\s*$"),
)
_NUMERALS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5}


def read_confirmation(text: str) -> Confirmation:
    """Return whether a customer's message after a resolution says that it is solved.

    ``other`` is a new wish or nothing clear. A bare score of 4 or 5 is a yes; beside words that it
    is not solved such a score says nothing.
    """
    words = _TO_WHOM.sub(r"\1", core(text)).lower()
    score, rest = _take_score(_TO_WHOM.sub(r"\1", own_words(text)).lower())
    if score is not None:
        words = core(rest)
    answer = _answer(words, score)
    if answer == "still_broken" and (score or 0) >= _GOOD_SCORE:
        score = None
    return Confirmation(answer=answer, score=score)


def _answer(words: str, score: int | None) -> Literal["yes", "still_broken", "other"]:
    if not any(character.isalnum() for character in words):
        if _THUMB_DOWN.search(words):
            return "still_broken"
        good = _THUMB_UP.search(words) or (score or 0) >= _GOOD_SCORE
        return "yes" if good else "other"
    rest, harmless = _NO_COMPLAINT.subn(" no complaint ", words)
    rest = rest.strip(" .,!")
    if _STILL_BROKEN.search(rest) or (_REFUSAL.search(rest) and not harmless):
        return "still_broken"
    if "?" in rest or _LATER.search(rest) or _NEW_WISH.search(rest):
        return "other"
    solved = harmless or _SOLVED.search(rest) or _THUMB_UP.search(rest)
    if not solved or _THUMB_DOWN.search(rest):
        return "other"
    return "yes" if _says_nothing_else(rest) else "other"


def _says_nothing_else(words: str) -> bool:
    left = _SOLVED.sub(" ", _NAMED.sub(" ", words.replace("\u2019", "'")))
    return all(token in _SAYS_NOTHING for token in _TOKEN.findall(left))


def _take_score(text: str) -> tuple[int | None, str]:
    """Return the satisfaction score from 1 to 5, and the text without it."""
    for pattern in _SCORES:
        match = pattern.search(text)
        if match:
            value = match[1]
            rest = text[: match.start()] + text[match.end() :]
            return _NUMERALS.get(value) or int(value), re.sub(r"^[\s.,;!:]+", "", rest)
    return None, text
