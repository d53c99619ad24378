"""Settings from the environment: defaults, and one clear line for each mistake."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from closeloop import bootstrap
from closeloop.errors import ConfigurationError
from closeloop.settings import PREFIX, Settings, load_settings


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_the_defaults_need_nothing(tmp_path: Path) -> None:
    settings = load_settings()
    assert settings.state_dir == Path(".closeloop")
    assert settings.database_url == f"sqlite:///{tmp_path / '.closeloop' / 'operations.db'}"
    assert (settings.weaviate_url, settings.shop_file, settings.faults) == (None, None, "")
    assert (settings.llm, settings.time_scale) == ("offline", 1.0)
    assert (settings.log_format, settings.log_level) == ("console", "info")
    assert (settings.policies_dir / "taxonomy.toml").is_file()


def test_the_database_follows_the_state_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CLOSELOOP_STATE_DIR", "/elsewhere")
    assert load_settings().database_url == "sqlite:////elsewhere/operations.db"
    assert Settings(state_dir=tmp_path).database_url == f"sqlite:///{tmp_path}/operations.db"
    monkeypatch.setenv("CLOSELOOP_DATABASE_URL", "postgresql+psycopg://u:secret@host/name")
    assert load_settings().database_url == "postgresql+psycopg://u:secret@host/name"
    assert ":secret@" not in repr(load_settings())


def test_the_secrets_of_stripe_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOSELOOP_PAYMENTS", "stripe")
    monkeypatch.setenv("CLOSELOOP_STRIPE_API_KEY", "rk_live_abc")
    monkeypatch.setenv("CLOSELOOP_STRIPE_WEBHOOK_SECRET", "whsec_abc")
    settings = load_settings()
    assert settings.stripe_api_key is not None
    assert settings.stripe_api_key.get_secret_value() == "rk_live_abc"
    assert "_abc" not in repr(settings) + str(settings) + settings.model_dump_json()


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOSELOOP_SHOP_FILE", "")
    monkeypatch.setenv("CLOSELOOP_TIME_SCALE", "")
    assert load_settings().shop_file is None
    assert load_settings().time_scale == 1.0


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CLOSELOOP_LLM", "gpt"),
        ("CLOSELOOP_LLM_CLASSIFY", "gpt 4"),
        ("CLOSELOOP_LLM_PRICES", "cheap"),
        ("CLOSELOOP_LLM_PRICES", '{"gpt-4.1": 2}'),
        ("CLOSELOOP_LLM_PRICES", '{"gpt-4.1": [2, -1]}'),
        ("CLOSELOOP_LLM_PER_SECOND", "0"),
        ("CLOSELOOP_LLM_AT_ONCE", "many"),
        ("CLOSELOOP_PAYMENTS", "paypal"),
        ("CLOSELOOP_STRIPE_API_BASE", "http://example.com:80"),
        ("CLOSELOOP_STRIPE_API_BASE", "https://127.0.0.1:80/path"),
        ("CLOSELOOP_STRIPE_API_BASE", "http://127.0.0.1:80@example.com"),
        ("CLOSELOOP_TIME_SCALE", "0"),
        ("CLOSELOOP_TIME_SCALE", "-1"),
        ("CLOSELOOP_TIME_SCALE", "nan"),
        ("CLOSELOOP_TIME_SCALE", "inf"),
        ("CLOSELOOP_TIME_SCALE", "1000.1"),
        ("CLOSELOOP_TIME_SCALE", "fast"),
        ("CLOSELOOP_LOG_FORMAT", "xml"),
        ("CLOSELOOP_LOG_LEVEL", "loud"),
        ("CLOSELOOP_WEAVIATE_URL", "localhost:8080"),
        ("CLOSELOOP_DATABASE_URL", "mysql://u:secret@host/name"),
        ("CLOSELOOP_SHOP_FILE", "no-such-file.json"),
        ("CLOSELOOP_POLICIES_DIR", "no-such-folder"),
        ("CLOSELOOP_KNOWLEDGE_DIR", "no-such-folder"),
    ],
)
def test_a_wrong_value_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    said = str(caught.value)
    assert said.startswith(variable)
    assert "\n" not in said
    assert "secret" not in said


@pytest.mark.parametrize("value", ["0.001", "1", "1000"])
def test_the_bounds_of_the_time_scale(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("CLOSELOOP_TIME_SCALE", value)
    assert load_settings().time_scale == float(value)


def test_a_misspelt_variable_is_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOSELOOP_POLICES_DIR", "mine")
    with pytest.raises(
        ConfigurationError, match=r"POLICES_DIR is not .* mean CLOSELOOP_POLICIES_DIR\?"
    ):
        load_settings()


def test_a_variable_of_something_else_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOSELOOPER", "x")
    monkeypatch.setenv("TIME_SCALE", "7")
    assert load_settings().time_scale == 1.0


def test_language_models_need_a_key_and_want_prices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("CLOSELOOP_LLM", "openai")
    monkeypatch.setenv("CLOSELOOP_LLM_RESOLVE", "mine-7b")
    settings = load_settings()
    with pytest.raises(ConfigurationError, match=r"^OPENAI_API_KEY is not set"):
        bootstrap.check_models(settings)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    bootstrap.check_models(settings)
    assert bootstrap.unpriced_models(settings) == ["mine-7b"]
    monkeypatch.setenv("CLOSELOOP_LLM_PRICES", '{"mine-7b": [0, 0], "gpt-4.1-mini": [1, 2.5]}')
    assert bootstrap.unpriced_models(load_settings()) == []
    assert load_settings().llm_prices["gpt-4.1-mini"] == (1.0, 2.5)
