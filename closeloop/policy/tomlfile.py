"""Reading authored TOML files: typed values, errors that name file and key, a content hash.

The only part of the package that touches a disk.
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, cast

from pydantic import BeforeValidator, TypeAdapter, ValidationError

from closeloop.errors import ConfigurationError
from closeloop.models.ticket import Id

TomlTable = dict[str, Any]

_AMOUNT: Final = re.compile(r"([0-9]{1,9})(?:\.([0-9]{2}))?")
_DURATION: Final = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)(s|m|h|d)")
_UNIT_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_TENANT_NAME: Final = TypeAdapter[str](Id)


def parse_amount(value: object) -> int:
    """Return the minor units of an authored amount: ``"50"`` and ``"50.00"`` are 5000.

    Raises:
        ValueError: not such a string. A bare TOML number is refused, for it is a binary float.
    """
    match = _AMOUNT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f'{value!r} is not an amount: write it in quotes, such as "50.00"')
    return int(match[1]) * 100 + int(match[2] or "0")


def parse_duration(value: object) -> float:
    """Return the seconds of an authored duration: ``"90s"``, ``"30m"``, ``"4h"``, ``"7d"``.

    Raises:
        ValueError: not such a string, or no time at all.
    """
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None or float(match[1]) == 0:
        raise ValueError(
            f'{value!r} is not a duration: write a number above 0 and s, m, h or d, such as "4h"'
        )
    return float(match[1]) * _UNIT_SECONDS[match[2]]


MinorUnits = Annotated[int, BeforeValidator(parse_amount)]
"""An amount authored as ``"50.00"``, kept in minor units."""
Seconds = Annotated[float, BeforeValidator(parse_duration)]
"""A duration authored as ``"4h"``, kept in seconds."""


def read_toml(path: Path) -> TomlTable:
    """Return what the file says.

    Raises:
        ConfigurationError: it is missing, unreadable or not TOML; names the file and the place.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"{path}: no such file; CLOSELOOP_POLICIES_DIR must name a folder that has it"
        ) from error
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: is not UTF-8 text (byte {error.start})") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path}: is not valid TOML: {error}") from error


def by_tenant(document: TomlTable, source: str) -> tuple[TomlTable, dict[str, TomlTable]]:
    """Return what holds for everybody, and the whole table of each tenant that differs.

    A ``[tenant.NAME]`` names only what differs from the rest of the file; ``source`` names the file
    in a ``ConfigurationError``.
    """
    base = {key: value for key, value in document.items() if key != "tenant"}
    overrides = document.get("tenant", {})
    if not isinstance(overrides, dict):
        raise ConfigurationError(f"{source}: tenant: write one table a tenant, [tenant.NAME]")
    tenants: dict[str, TomlTable] = {}
    for name, override in cast(TomlTable, overrides).items():
        where = f"{source}: [tenant.{name}]"
        try:
            _TENANT_NAME.validate_python(name)
        except ValidationError as error:
            raise ConfigurationError(f"{where}: is not the name of a tenant") from error
        if not isinstance(override, dict):
            raise ConfigurationError(f"{where}: must be a table")
        tenants[name] = _merged(base, cast(TomlTable, override))
    return base, tenants


def fault(error: ValidationError) -> str:
    """Return the first thing that is wrong, as ``key: what``."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    match first["type"]:
        case "missing":
            return f"{key}: is missing"
        case "extra_forbidden":
            return f"{key}: there is no such key"
        case _:
            words = first["msg"].removeprefix("Value error, ")
            return f"{key}: {words}" if key else words


def content_hash(files: Mapping[str, TomlTable]) -> str:
    """Return a hash of what the files say; comments, order of keys and layout play no part."""
    canonical = json.dumps(files, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _merged(base: TomlTable, override: TomlTable) -> TomlTable:
    merged: TomlTable = dict(base)
    for key, value in override.items():
        before: Any = base.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            merged[key] = _merged(cast(TomlTable, before), cast(TomlTable, value))
        else:
            merged[key] = value
    return merged
