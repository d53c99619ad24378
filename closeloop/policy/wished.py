"""Did the customer wish for this remedy: a positive form of the wish, and nothing against it.

Words are looked for and nothing is understood. A remedy that is only spoken of, whatever is said
of it, is not wished for; and every doubt, in the same sentence or after it, is read as "did not
ask": the customer is then asked, or a person is, which costs a minute.
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from closeloop.actions.base import ActionParams
from closeloop.policy.consent import own_words

# --- sentences and what stands against a wish ----------------------------------------------------

_SENTENCE: Final = re.compile(r"[^.!?;\n]+(?:\.(?=\w)[^.!?;\n]*)*[.!?;\n]*")
_CLAUSE_END: Final = re.compile(
    r"[,:()]|\s[-\u2013\u2014]+\s|\b(?:but|so|please|pls|plz|then|because)\b"
    r"|\binstead\b(?! of)|\band(?= (?:i|we|would|want|need)\b)"
)
_CLAUSE_START: Final = re.compile(r"[,:()]|\s[-\u2013\u2014]+\s|\b(?:but|so|then|because|and)\b")
"""As an end, but "and" begins one of a row of wishes, and "please" stands within one."""
_COURTESY: Final = re.compile(
    r"\b(?:it (?:would|'d) be \w+|(?:i|we)(?:'d| would| should) (?:be \w+|appreciate it)"
    r"|(?:i|we) (?:was|am|were|are) (?:just )?wondering|i wonder(?:ed)?) if (?:you|i|we)"
    r" (?:could|would|can|might|may)\b|\b(?:can|could|would) (?:someone|somebody)\b"
)
"""Roundabout forms of "please"."""
_DOUBT: Final = re.compile(
    r"\b(?:never|(?:every|any)thing but|whether|stop|if|unless|in case|someone|somebody"
    r"|tried to|not (?:to|the)"
    r"|make sure|ensure|(?:my|the|this|that) (?:\w+ ){0,2}(?:request|wish))\b"
    r"|[\"\u201c\u201d\u201e\u00ab\u00bb]"
)
"""Words beside a mention that make it a condition, a report or a refusal: a person reads it."""
_REPORT: Final = re.compile(
    r"(?<!as i )\b(?:said|says|saying|told|tells|heard|hears|thinks?|thought|believes?|claims"
    r"|claimed|writes|wrote|reads|apparently|allegedly|supposedly|(?:asked|asks) (?:me|us|you))\b"
)
_ASKS_US: Final = re.compile(
    r"\b(?:are|were|did|do|have|had|shall|should|why (?:did|do|have|are|would|will))"
    r"(?:n't)? (?:you|they|we|i|he|she|it)\b"
    r"|\b(?:will|would|won't|wouldn't) (?:you|they|we|he|she|it)\b"
    r"(?! (?:\w+ ){0,2}?(?:please|mind|kindly|be so|be able|be kind))"
)
"""What we do, did or are going to do: such a question asks for nothing to be done."""
_POLITE: Final = re.compile(r"\b(?:please|pls|plz|kindly)\b")
_DISBELIEF: Final = re.compile(
    r"\b(?:can't|cannot|can not|couldn't|hard to) believe\b|\bhow (?:dare|could|can) (?:you|they)\b"
    r"|\bwithout asking\b|\b(?:is|was) (?:that|this|it) (?:true|right|correct|normal)\b"
    r"|\bwould be (?:awful|terrible|a shame|outrageous)\b|\b(?:shock\w*|seriously|unbelievable)\b"
)
_TAKEN_BACK: Final = re.compile(
    r"\bnever ?mind\b|\bchanged my mind\b|\b(?:i|we)(?:'ll| will| want to|'d like to)? keep\b"
    r"|(?<!not )(?<!n't )(?<!not very )(?<!not really )\bhappy with\b|\bwithdraw"
    r"|\b(?:didn't|did not|never) ask|\bphishing\b|\bscam\b"
    r"|\bedit:|\b(?:just|only) (?:kidding|joking|a (?:question|joke|test))\b|\bonly asking\b"
    r"|\b(?:disregard|scratch) (?:this|that|my|the|it)\b|\bforget (?:it|about it|this|that)\b"
    r"|\b(?:was|were) (?:just |only )?(?:about|going) to\b"
)
"""Words that take back what was asked before, or in the same message."""
_THEN_TAKEN_BACK: Final = re.compile(
    r"\b(?:nah|nope|oops|my bad|no need|no thanks|no thank you|on second thoughts?|hold (?:on|off)"
    r"|after all|better not|rather not|leave it|undo|let's keep|all good|lovely|it works"
    r"|ha(?:ha)+|tricked|not really|take (?:that|it|this) back|disregard|i meant|solved|sorted"
    r"|turned up|we'll see|keeping (?:it|them)|test(?:ing)? you|not today)\b"
    r"|\b(?:ps|p\.s\.|update):"
    r"|\bignore (?:that|this|it|the above|my)\b|\s-\s*not\b"
    r"|\bwrong (?:e?mail|ticket|shop|message|person)\b"
    r"|\b(?:do not|don't|dont)(?: (?:do|bother|worry)\b[^.!?;\n]*)?\s*(?:$|[.,!?;\n])"
    r"|(?:^|[.!?;,\n-])\s*(?:(?:no|but|oh)[, ]+)?(?:wait|stop|actually)\b(?! for)"
    r"|(?:^|[.!?;\n])\s*no\s*(?:$|[.,!?;\n])"
    r"|\b(?:i|we) (?:really |actually |do )?(?:love|like) (?:it|them|this)\b|\b(?:love|like) it\b"
    r"|\b(?:it|that|this|they|everything|all)(?:'s|'re| is| are) "
    r"(?:\w+ )?(?:fine|okay|ok|good|great|perfect|all ?right)\b"
    r"|(?<!sent me the )(?<!sent the )(?<!got the )(?<!received the )\bwrong order\b"
    r"|\bcancel (?:this|that|it|my|the) (?:request|wish|refund|message|ticket|return|exchange)\b"
)
"""Words that take a wish back where they come after it, whatever they speak of."""
_CANCEL_IT: Final = re.compile(
    r"(?:^|[.!?;\n])\s*(?:please |so |no, ?)?cancel (?:this|that|it|everything)\b"
)
_TALKED_ABOUT: Final = re.compile(
    r"\s+(?:polic(?:y|ies)|rules?|window|terms|conditions|receipts?|confirmations?|status|form"
    r"|process|procedure|statement|notice|e?mails?|invoices?)\b"
    r"|\s+(?:\S+ ){0,3}that you (?:promised|said|announced|made|sent)\b"
)
_DECLINED_AFTER: Final = re.compile(
    r"\W+(?:\w+\W+){0,2}?(?:not|isn't|no longer)\s+(?:be\s+)?"
    r"(?:needed|necessary|required|wanted|what)\b"
)

# --- what is a wish ------------------------------------------------------------------------------

_I: Final = r"(?:i|we|my (?:wife|husband|partner) and i)"
_SOFTLY: Final = r"(?:\s+(?:really|just|also|still|only|now|very much|kindly|hereby|simply|then))*"
_LEAD: Final = re.compile(
    rf"\b(?:go ahead and|{_I}(?:'d| would| should){_SOFTLY}\s+(?:like|love|prefer|appreciate"
    r"|rather|want|need|wish)"
    rf"|{_I}(?:'ll| will)?{_SOFTLY}\s+(?:want|need|wish|request|demand|require|ask|prefer"
    r"|expect(?= (?:a|my|the|to be)\b)|deserve|insist on|have to|must|hope for)"
    rf"|{_I}(?:'m|'re| am| are| have|'ve){_SOFTLY}\s+(?:asking|requesting|looking|hoping|writing"
    r"|contacting|emailing|decided|chosen|after|request)"
    r"|(?:it|this|that|order \S+|[a-z]+) (?:must|needs to|has to) be|(?:my|our) (?:wish|request) is"
    r")(?!\w)"
)
_ASKING: Final = re.compile(
    r"\b(?:please|pls|plz|kindly|be so (?:kind|good) (?:as|and)(?: to)?|would you mind"
    r"|(?:can|could|would|will) (?:you|someone|somebody|anyone|anybody|your \w+)"
    r"|(?:can|could|may|might) (?:i|we)(?: please| kindly| still| just| also| maybe)*"
    r" (?:get|have|receive|ask|request|claim|be))(?!\w)"
)
"""Leads that may stand in a question."""
_MAY_I: Final = re.compile(r"\b(?:can|could|may|might) (?:i|we)(?: also| still| just)?\s+$")
_SWAPS: Final = frozenset({"swap", "exchange", "switch"})
_AT_START: Final = (
    r"(?:(?:hi|hello|hey|dear|team|all|there|ok|okay|yes|also|and|then|now|just|simply|first|next"
    r"|thanks|thus|therefore|instead|urgent|only)\s+)*"
)
_BEGINS: Final = re.compile(rf"{_AT_START}(?:(?:the|my|a|an|full|partial|one)\s+)*")
_WANTING: Final = re.compile(
    rf"{_AT_START}(?:want|need|would like|would love|would prefer|looking for|requesting)\b"
)
_DOING: Final = re.compile(
    rf"{_AT_START}(?:give|issue|process|make|arrange|send|get|grant|initiate|start|do|pay|transfer"
    r"|put|let me have|change|update|modify|correct|switch|set|replace|redirect|re-?route|use|book"
    r"|schedule|take|bring|move|reschedule|postpone|add|credit|exchange|swap)\b"
)
_OBJECT: Final = re.compile(
    r"\s+(?:me|us|it|this|that|them|these|those|my|our|the|both|all|everything|every|each|order"
    r"|orders|#\S+|w\d+\S*|an?|one|two|three|to|now|asap|in full|half|only|just|either|another"
    r"|(?:\S+ ){0,4}(?:of|from|in|on) (?:my |the |order )*(?:order\b|#|w\d)|\$\S+|\d+\S*)(?!\w)"
)
"""What follows a verb that tells us to do something: "refund my mug", not "refund arrived"."""
_AT_ONCE: Final = re.compile(r"\W*(?:now|immediately|at once|asap|right away|today)\b")
_WELCOME: Final = re.compile(
    r"\s+(?:\w+ ){0,6}would be (?:\w+ )?(?:great|good|nice|fine|lovely|best|ideal|perfect"
    r"|appreciated|helpful|welcome)\b"
)
_NOT_A_WISH: Final = re.compile(
    r"\b(?:know|understand|hear|about|why|how|when|where|what|who|which|because|since|until|before"
    r"|information|details|regarding|concerning|praise|compliment|complain|discuss|talk|speak|learn"
    r"|explain|explanation|status|confirm|confirmation|tell|say|see|check|help"
    r"|ignore|forget|avoid|hold|wait|undo|reverse|revoke|withdraw|rescind|was|were|had|got|received"
    r"|promised|opposite|but|decline|refuse|reject|prevent|un|accidentally|pressed|clicked|advise"
    r"|updates?(?= (?:me|us|on|about)\b)|chase|hate|nearly|almost|did|thank|thanks|believe|told"
    r"|or|he|she|they)\b"
)
"""Words between "I would like" and a remedy that turn it into a wish for something else."""
_HAPPENED: Final = re.compile(
    r"\s+(?:[^\s,]+ ){0,4}?(?:was|were|is|are|has|had|arrived|came|went|took|did|came through"
    r"|not|never)\b"
)
_WAS: Final = re.compile(r"\s+(?:was|were|is|are|has|had|arrived|came|took)\b")
_GIVEN_BACK: Final = re.compile(
    r"\b(?:return|(?:pay|take|give|send) back|back) (?:the|my|your|this|that)\s+$"
)
_SOME_DAY: Final = re.compile(r"\b(?:when|later|once|after|until|within|in future)\b")
_IS_DONE_TO: Final = re.compile(
    r"\W*(?:$|[.,!?;)]|(?:please|pls|and|now|asap|to|because|since|as|for|immediately|today|in|by"
    r"|with|at once|instead|then|back)\b)"
)
"""What follows in "I want my order cancelled"; "my cancelled order" is another matter."""
_SPEAKER: Final = re.compile(r"\b(?:i|you|we|they|he|she|it|was|were|is|are|has|had)\b")
_REACH: Final = 16
"""Words between a wish's beginning and its remedy, at most."""
_COMPLAINT: Final = re.compile(r"(?:charged (?:\w+ )?twice|double charge)")
"""A remedy that is named by what went wrong: who says it wants it put right."""

# --- negation ------------------------------------------------------------------------------------

_TOKEN: Final = re.compile(r"[a-z']+")
_NEGATIONS: Final = frozenset(
    {"not", "no", "never", "without", "cannot", "don't", "dont", "doesn't", "won't", "wouldn't"}
    | {"shouldn't", "needn't", "mustn't"}
)
_PAST_NEGATIONS: Final = frozenset({"haven't", "hasn't", "hadn't", "didn't", "wasn't", "weren't"})
_PRESENT_NEGATIONS: Final = frozenset({"isn't", "aren't"})
_PAST_AUXILIARIES: Final = frozenset({"have", "has", "had", "did", "was", "were"})
_PRESENT_AUXILIARIES: Final = frozenset({"is", "are", "still"})
_COMPARISONS: Final = frozenset({("instead", "of"), ("rather", "than")})
_WISHES: Final = frozenset(
    {"want", "wanted", "need", "needed", "wish", "like", "ask", "asked", "asking", "request"}
    | {"requested", "requesting", "looking", "interested", "require", "required", "after"}
)
_GETTING: Final = frozenset(
    {"get", "got", "gotten", "receive", "received", "see", "seen", "have", "had", "been", "come"}
    | {"arrived", "know", "understand"}
)
_NEGATION_REACH: Final = 6


def names_remedy(messages: Sequence[str], kind_class: type[ActionParams]) -> bool:
    """Return whether the customer asked for what this kind of action does.

    ``messages`` are the customer's, oldest first; the last one that speaks of the remedy counts,
    unless it or a later one takes it back. One mention in it has to be a wish: "please refund it",
    "I want a refund", "money back please". None may be refused, doubted, reported or tied to a
    condition, and no sentence with one may ask what we do. "You refunded it" asks for nothing.
    """
    stems = "|".join(r"\s+".join(map(re.escape, w.split())) for w in kind_class.remedy_words)
    if not stems:
        return False
    mention = re.compile(rf"(?<![\w-])(?:{stems})\w*")
    cancels = "cancel" in kind_class.remedy_words
    for message in reversed(messages):
        words = _COURTESY.sub("please", own_words(message))
        if _TAKEN_BACK.search(words):
            return False
        mentions = list(mention.finditer(words))
        after = words[mentions[-1].end() :] if mentions else words
        if _THEN_TAKEN_BACK.search(after) or (not cancels and _CANCEL_IT.search(after)):
            return False
        if mentions:
            return _is_all(words, mentions) or _wished(words, mention)
    return False


def _is_all(words: str, mentions: Sequence[re.Match[str]]) -> bool:
    """Whether a message is the remedy's name and no more: it answers which of several."""
    before, after = words[: mentions[0].start()], words[mentions[0].end() :]
    bare = not mentions[0][0].endswith(("ed", "ing"))
    return bare and not after.strip(" .!\n") and _BEGINS.fullmatch(before) is not None


def _wished(words: str, mention: re.Pattern[str]) -> bool:
    sentences = [found[0] for found in _SENTENCE.finditer(words) if mention.search(found[0])]
    if any(_doubted(mention.sub(" ", sentence)) for sentence in sentences):
        return False
    for sentence in sentences:
        for clause in _CLAUSE_END.split(sentence):
            for found in mention.finditer(clause):
                if _refused(clause[: found.start()], found[0], clause[found.end() :]):
                    return False
    return any(
        _is_wish(sentence, found) for sentence in sentences for found in mention.finditer(sentence)
    )


def _doubted(sentence: str) -> bool:
    if _DOUBT.search(sentence) or _REPORT.search(sentence) or _DISBELIEF.search(sentence):
        return True
    return "?!" in sentence or "!?" in sentence or _ASKS_US.search(sentence) is not None


def _is_wish(sentence: str, found: re.Match[str]) -> bool:
    """Whether a mention, in its sentence, is a wish for the remedy."""
    before, word, after = sentence[: found.start()], found[0], sentence[found.end() :]
    question = "?" in after
    start = _last_clause(before)
    bare = not word.endswith(("ed", "ing"))
    done = word.endswith("ed")
    if _WELCOME.match(after) or (not done and _please_follows(start, after)):
        return True
    if _MAY_I.search(before) and word in _SWAPS:
        return True
    if done and not _COMPLAINT.match(word) and not _IS_DONE_TO.match(after):
        return False
    if _led(before, after, _ASKING) or (not question and _led(before, after, _LEAD)):
        return True
    if question:
        return False
    if _COMPLAINT.match(word) or _led_on(start, _WANTING) or (bare and _led_on(start, _DOING)):
        return True
    return bare and _BEGINS.fullmatch(start.lstrip()) is not None and _tells(word, after)


def _tells(word: str, after: str) -> bool:
    """Whether a remedy that begins a clause is an order: "refund it", "money back now"."""
    if _HAPPENED.match(after):
        return False
    if _OBJECT.match(after) or _AT_ONCE.match(after) or after.strip() == "!":
        return True
    return word == "money back" and after.startswith(" for ")


def _led(before: str, after: str, lead: re.Pattern[str]) -> bool:
    if _WAS.match(after) or _GIVEN_BACK.search(before):
        return False
    if "?" in after and _SOME_DAY.search(after):
        return False
    leads = list(lead.finditer(before))
    return bool(leads) and _reaches(before[leads[-1].end() :])


def _led_on(start: str, opening: re.Pattern[str]) -> bool:
    found = opening.match(start.lstrip())
    return found is not None and _reaches(start.lstrip()[found.end() :])


def _reaches(gap: str) -> bool:
    return len(gap.split()) <= _REACH and _NOT_A_WISH.search(gap) is None


def _last_clause(before: str) -> str:
    """Return what stands before a mention in its clause."""
    return _CLAUSE_START.split(before)[-1]


def _please_follows(before: str, after: str) -> bool:
    """Whether a noun is asked for: "a refund for the mug please"."""
    if len(before.split()) > 4 or _SPEAKER.search(before) or _NOT_A_WISH.search(before):
        return False
    found = _POLITE.search(after)
    if found is None or len(after[: found.start()].split()) > 10:
        return False
    between, rest = after[: found.start()], after[found.end() :]
    if _NOT_A_WISH.match(rest.lstrip()):
        return False
    return not _SPEAKER.search(between) and not _NOT_A_WISH.search(between)


def _refused(before: str, mention: str, after: str) -> bool:
    """Whether a mention of the remedy, with the rest of its clause, declines it or is about it."""
    if _TALKED_ABOUT.match(after) or _DECLINED_AFTER.match(after):
        return True
    tokens = _TOKEN.findall(before)[-_NEGATION_REACH - 1 :]
    if _COMPARISONS.intersection(pairwise(tokens)):
        return True
    place = max((n for n, word in enumerate(tokens) if _negates(word)), default=None)
    if place is None or "why" in tokens[:place]:
        return False
    between = set(tokens[place + 1 :])
    if between & _WISHES:
        return True
    return not (between & _GETTING) and not _not_yet(tokens[:place], tokens[place], mention)


def _not_yet(before: Sequence[str], negation: str, mention: str) -> bool:
    """Whether a negation complains that something has not happened: "did not", "is not -ed"."""
    last = before[-1] if before else ""
    if negation in _PAST_NEGATIONS or last in _PAST_AUXILIARIES:
        return True
    present = negation in _PRESENT_NEGATIONS or last in _PRESENT_AUXILIARIES
    return present and mention.endswith("ed")


def _negates(word: str) -> bool:
    return word in _NEGATIONS or word in _PAST_NEGATIONS or word in _PRESENT_NEGATIONS
