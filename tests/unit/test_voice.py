"""The desk's voice: what stands around a message, what must not stand in it, and bad files."""

from __future__ import annotations

import copy
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from closeloop.bootstrap import check_voice
from closeloop.errors import ConfigurationError
from closeloop.models.voice import Voice
from closeloop.policy.book import FilePolicyBook
from closeloop.policy.voice import body, dressed, forbidden_in, parse_voices, problems
from tests.unit.policy_support import POLICIES

SHIPPED = tomllib.loads((POLICIES / "voice.toml").read_text(encoding="utf-8"))
VOICE = Voice(
    languages=("en",),
    greeting="Good day {name},",
    sign_off="Your Acme desk",
    disclosure="A computer wrote this.",
    forbidden=("per our policy", "as an AI"),
)


def voice(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(SHIPPED), **changes}


@pytest.mark.parametrize(
    "draft",
    [
        "The mug is on its way.",
        "Hello Nora,\n\nThe mug is on its way.\n\nThe support team",
        "Hi,\n\nThe mug is on its way.\n\nBest regards,\nNora's friends at the shop",
        "Dear Nora!\n\nThe mug is on its way.\n\nKind regards",
    ],
)
def test_a_message_gets_the_desks_greeting_sign_off_and_disclosure(draft: str) -> None:
    said = dressed(draft, VOICE, "Nora")
    assert said.split("\n\n") == [
        "Good day Nora,",
        "The mug is on its way.",
        "Your Acme desk",
        "A computer wrote this.",
    ]


def test_without_a_name_the_greeting_has_none() -> None:
    assert dressed("Yes.", VOICE, None).startswith("Good day,\n\nYes.")


def test_a_plain_greeting_for_whom_no_cheer_is_right() -> None:
    cheerful = VOICE.model_copy(
        update={
            "greeting": "Hey {name}, great to hear from you!",
            "plain_greeting": "Dear {name},",
            "plain_topics": ("bereavement", "illness"),
        }
    )
    assert dressed("Yes.", cheerful, "Nora").startswith("Hey Nora, great")
    assert dressed("Yes.", cheerful, "Nora", ("press",)).startswith("Hey Nora, great")
    assert dressed("Yes.", cheerful, "Nora", ("press", "illness")).startswith("Dear Nora,\n\nYes.")
    assert dressed("Yes.", cheerful, None, ("illness",)).startswith("Dear,\n\nYes.")


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\r"), min_size=1, max_size=60)


@given(paragraphs=st.lists(WORDS.filter(str.strip), min_size=1, max_size=4), name=WORDS)
def test_nothing_of_a_message_is_lost_but_greeting_and_sign_off(
    paragraphs: list[str], name: str
) -> None:
    text = "\n\n".join(["Hello,", *paragraphs, "The support team"])
    kept = body(text)
    assert kept
    said = dressed(text, VOICE, name)
    assert all(part in said for part in kept)
    assert said.endswith(f"{VOICE.sign_off}\n\n{VOICE.disclosure}")


@pytest.mark.parametrize("text", ["PER OUR policy, no.", "That is per  our\npolicy."])
def test_a_forbidden_phrase_is_found_however_it_is_spaced(text: str) -> None:
    assert forbidden_in(text, VOICE) == "per our policy"


def test_part_of_a_word_is_no_phrase() -> None:
    assert forbidden_in("We were as an AIrline would be. Super our policy!", VOICE) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A refund above $50.00 needs a person.", ["$50.00"]),
        ("We can give back up to $50 automatically.", ["$50"]),
        ("We have refunded $50.00 for the lamp.", []),
        ("Orders over $35.00 ship for free.", []),
        ("A refund above $40.00 needs a person.", []),
    ],
)
def test_no_customer_hears_of_a_limit(text: str, found: list[str]) -> None:
    said = problems(text, None, frozenset({5_000, 3_500}), "Orders over $35.00 ship for free.")
    assert [one.words for one in said] == found


def test_the_limits_are_those_of_the_rules_and_the_desk() -> None:
    secret = FilePolicyBook(POLICIES).secret_limits("default")
    assert {5_000, 15_000, 100_000, 500_000} <= secret


def test_the_shipped_voice_can_say_what_the_desk_says() -> None:
    check_voice(FilePolicyBook(POLICIES))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"greeting": ""}, "voice.toml: greeting"),
        ({"greeting": "Hello {customer},"}, "voice.toml: greeting: must be one line"),
        ({"sign_off": "Bye {name}"}, "voice.toml: sign_off: only the greeting"),
        ({"disclosure": "Bot."}, "voice.toml: disclosure"),
        ({"disclosure": "A computer\nwrote this."}, "voice.toml: disclosure: must be one line"),
        ({"languages": []}, "voice.toml: languages"),
        ({"languages": ["english"]}, r"voice.toml: languages.0"),
        ({"forbidden": ["!!!"]}, r"voice.toml: forbidden.0"),
        ({"forbidden": ["no"]}, r"voice.toml: forbidden.0"),
        ({"tone": "kind"}, "voice.toml: tone: there is no such key"),
        ({"plain_topics": []}, "voice.toml: .*plain_greeting and plain_topics go together"),
        ({"plain_greeting": "Hi {you},"}, "voice.toml: plain_greeting: must be one line"),
        (
            {"forbidden": ["dear"], "plain_greeting": "Dear {name},"},
            "forbidden.0: 'dear' stands in the plain greeting",
        ),
        ({"forbidden": ["sorry", "hello"]}, "forbidden.1: 'hello' stands in the greeting"),
        ({"forbidden": ["Support Team"]}, "forbidden.0: 'Support Team' stands in the sign-off"),
        ({"forbidden": ["computer"]}, "forbidden.0: 'computer' stands in the disclosure"),
        (
            {"tenant": {"acme": {"sign_off": "calm down"}}},
            r"\[tenant.acme\]: forbidden.2: 'calm down' stands in the sign-off",
        ),
    ],
)
def test_a_faulty_voice_is_refused_by_key(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        parse_voices(voice(**changes), "voice.toml")


def test_a_tenant_names_only_what_differs() -> None:
    voices = parse_voices(voice(tenant={"acme": {"languages": ["de", "en"]}}), "voice.toml")
    assert voices.of("acme").languages == ("de", "en")
    assert voices.of("acme").greeting == voices.of("other").greeting
    assert voices.of("other").languages == ("en",)


@pytest.mark.parametrize(
    ("phrase", "where"),
    [
        ("refund", "the notice|the offline resolver's"),
        ("order", "the notice|the offline resolver's"),
        ("has left our warehouse", "the offline resolver's _STATES"),
        ("in your confirmation e-mail", "the offline resolver's NOT_ON_ACCOUNT"),
        ("the code that we sent", "the notice CODE_WAITS"),
        ("send us the complete new address", "the offline resolver's ADDRESS_NEEDED"),
    ],
)
def test_a_voice_that_forbids_a_template_is_refused(
    tmp_path: Path, phrase: str, where: str
) -> None:
    folder = tmp_path / "policies"
    shutil.copytree(POLICIES, folder)
    file = folder / "voice.toml"
    file.write_text(file.read_text().replace('"per our policy"', f'"{phrase}"'))
    with pytest.raises(
        ConfigurationError, match=rf"voice.toml: forbidden.1: '{phrase}' stands in (?:{where})"
    ):
        check_voice(FilePolicyBook(folder))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Hello Samuel, you get it back.", ["You get it back."]),
        ("Hi there, thank you.\n\nAll is well.", ["Thank you.", "All is well."]),
        ("Dear Ann Lee,\nyou get it back.\n\nRegards", ["You get it back."]),
        ("Hello Samuel\nit is done.", ["It is done."]),
        ("Hello to you, and thank you.", ["Hello to you, and thank you."]),
        ("High time, we know.", ["High time, we know."]),
    ],
)
def test_a_greeting_at_the_head_of_a_paragraph_gives_way_too(text: str, left: list[str]) -> None:
    assert body(text) == left


def test_a_voice_that_forbids_the_desks_own_words_is_refused() -> None:
    voices = parse_voices(voice(forbidden=["one of our colleagues"]), "voice.toml")
    with pytest.raises(ConfigurationError, match=r"forbidden.0: .* in the notice HANDED_OVER"):
        voices.require_sayable({"the notice HANDED_OVER": "One of our colleagues takes over."})


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (
            "rules.toml",
            'topics = ["illness"]',
            'topics = ["ilness"]',
            "rules.toml: rule 'topic.illness': topics: taxonomy.toml has no topic 'ilness'",
        ),
        (
            "routing.toml",
            'topics = ["distress"',
            'topics = ["stress"',
            "routing.toml: skill.serious.topics: taxonomy.toml has no topic 'stress'",
        ),
        (
            "voice.toml",
            '"illness", "distress"',
            '"illness", "grief"',
            "voice.toml: plain_topics: taxonomy.toml has no topic 'grief'",
        ),
    ],
)
def test_a_topic_that_nothing_finds_is_refused(
    tmp_path: Path, file: str, old: str, new: str, said: str
) -> None:
    folder = tmp_path / "policies"
    shutil.copytree(POLICIES, folder)
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=said):
        FilePolicyBook(folder)
