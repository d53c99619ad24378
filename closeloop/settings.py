"""Settings: ``CLOSELOOP_*`` environment variables, read once by each program."""

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, cast

from pydantic import Field, SecretStr, StringConstraints, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from closeloop.errors import ConfigurationError

PREFIX: Final = "CLOSELOOP_"
_REPOSITORY: Final = Path(__file__).resolve().parent.parent

_LOOPBACK: Final = r"^http://(127\.0\.0\.1|localhost):\d{1,5}$"
_EXPECTED: Final[Mapping[str, str]] = {
    "database_url": "must be an SQLAlchemy address that begins with sqlite:// or postgresql://",
    "weaviate_url": "must be an address that begins with http:// or https://",
    "weaviate_grpc_port": "must be a port number",
    "embedder": "must be offline or openai",
    "llm": "must be offline or openai",
    "llm_prices": 'must be JSON like {"gpt-4.1": [2.0, 8.0]}: dollars for a million tokens in, out',
    "llm_per_second": "must be a number above 0",
    "llm_at_once": "must be a whole number from 1 to 200",
    "payments": "must be embedded or stripe",
    "stripe_api_base": "is for tests: it must be http://127.0.0.1:PORT or http://localhost:PORT",
    "time_scale": "must be a number above 0 and not above 1000",
    "log_format": "must be console or json",
    "log_level": "must be debug, info or warning",
}


ModelId = Annotated[str, StringConstraints(pattern=r"^\S{1,120}$")]
NonNegative = Annotated[float, Field(ge=0)]


def _list_prices() -> dict[str, tuple[float, float]]:
    return {"gpt-4.1": (2.0, 8.0), "gpt-4.1-mini": (0.4, 1.6), "gpt-4.1-nano": (0.1, 0.4)}


def _default_database(values: Mapping[str, object]) -> str:
    return f"sqlite:///{cast(Path, values['state_dir']).absolute() / 'operations.db'}"


class Settings(BaseSettings):
    """What an operator decides for one machine; an empty variable counts as not set.

    Tests and programs may give values by keyword; ``load_settings`` is the door for the rest, for
    it says plainly what is wrong. Where a variable names a file or folder, it has to be there.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="forbid"
    )

    state_dir: Path = Path(".closeloop")
    """Where a worker in development keeps its databases, and where ``dev.json`` stands."""
    database_url: Annotated[str, StringConstraints(pattern=r"^(sqlite|postgresql)(\+\w+)?://")] = (
        Field(default_factory=_default_database, repr=False)
    )
    """The operations database, as SQLAlchemy names it; it may hold a password."""
    weaviate_url: Annotated[str, StringConstraints(pattern=r"^https?://\S+$")] | None = None
    """Without one, knowledge is kept in SQLite."""
    weaviate_grpc_port: Annotated[int, Field(gt=0, lt=65_536)] = 50_051
    """Where that host answers gRPC, which searches and batches use."""
    weaviate_api_key: SecretStr | None = None
    embedder: Literal["offline", "openai"] = "offline"
    """What makes vectors; ``openai`` reads OPENAI_API_KEY and OPENAI_BASE_URL."""
    llm: Literal["offline", "openai"] = "offline"
    """``openai`` needs ``OPENAI_API_KEY``, and takes ``OPENAI_BASE_URL``: the client's own."""
    llm_classify: ModelId = "gpt-4.1-mini"
    llm_retrieve: ModelId = "gpt-4.1-mini"
    llm_resolve: ModelId = "gpt-4.1"
    """Which model each agent asks."""
    llm_prices: dict[str, tuple[NonNegative, NonNegative]] = Field(default_factory=_list_prices)
    """US dollars for a million input and output tokens by model, as JSON; ours are list prices."""
    llm_per_second: Annotated[float, Field(gt=0)] = 5.0
    """Steps of agents a second over all workers; each asks its model one to four times."""
    llm_at_once: Annotated[int, Field(ge=1, le=200)] = 8
    """Steps of agents that one worker has under way at a time."""
    payments: Literal["embedded", "stripe"] = "embedded"
    """Where money is given back; ``stripe`` needs ``stripe_api_key``."""
    stripe_api_key: SecretStr | None = None
    """A restricted key that may read charges and disputes, and read and write refunds."""
    stripe_webhook_secret: SecretStr | None = None
    """Signs what Stripe sends to the webhook; two with a comma between them while it is rolled."""
    stripe_api_base: Annotated[str, StringConstraints(pattern=_LOOPBACK)] | None = None
    """A stand-in for Stripe on this machine, for tests."""
    policies_dir: Path = _REPOSITORY / "policies"
    """Rules, taxonomy, approvers and voice."""
    knowledge_dir: Path = _REPOSITORY / "knowledge_base"
    """Articles of every tenant that has synced no folders of its own; an empty folder for none."""
    shop_file: Path | None = None
    """Shop data in the shape of ``closeloop/embedded/data/shop.json``; None means that file."""
    faults: str = ""
    """What the embedded backends do wrong: ``port.method=kind:probability`` or ``kind:xN``."""
    time_scale: Annotated[float, Field(gt=0, le=1000)] = 1.0
    """Multiplies every waiting time of the policy."""
    log_format: Literal["console", "json"] = "console"
    log_level: Literal["debug", "info", "warning"] = "info"


def load_settings() -> Settings:
    """Return the settings of this process's environment.

    Raises:
        ConfigurationError: a variable is wrong, or its name is not one of ours; names it.
    """
    names = {PREFIX + field.upper() for field in Settings.model_fields}
    for variable in sorted(os.environ):
        if variable.startswith(PREFIX) and variable not in names:
            close = difflib.get_close_matches(variable, sorted(names), n=1)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(sorted(names))}"
            raise ConfigurationError(f"{variable} is not a setting: {hint}")
    try:
        settings = Settings()
    except SettingsError:  # pydantic-settings: a variable that must be JSON is none
        raise ConfigurationError(f"{PREFIX}LLM_PRICES {_EXPECTED['llm_prices']}") from None
    except ValidationError as error:
        # Without the value: an address may hold a password.
        first = error.errors(include_url=False, include_input=False)[0]
        field = str(first["loc"][0])
        raise ConfigurationError(
            f"{PREFIX}{field.upper()} {_EXPECTED.get(field, first['msg'])}"
        ) from None
    if not settings.policies_dir.is_dir():
        raise ConfigurationError(f"{PREFIX}POLICIES_DIR: {settings.policies_dir} is not a folder")
    if not settings.knowledge_dir.is_dir():
        raise ConfigurationError(f"{PREFIX}KNOWLEDGE_DIR: {settings.knowledge_dir} is not a folder")
    if settings.shop_file is not None and not settings.shop_file.is_file():
        raise ConfigurationError(f"{PREFIX}SHOP_FILE: {settings.shop_file} is not a file")
    return settings


def make_state_dir(folder: Path) -> None:
    """Make the state folder where it is missing.

    Raises:
        ConfigurationError: it cannot be made, is not a folder, or may not be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"{PREFIX}STATE_DIR: {folder} cannot be made a folder: {error.strerror}"
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigurationError(f"{PREFIX}STATE_DIR: {folder} may not be written to")
