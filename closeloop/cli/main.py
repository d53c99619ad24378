"""``starter.py``: one command, one answer, one exit code.

0 done, 2 bad input, 3 refused by a rule, 4 a server does not answer, 1 anything else.
"""

import sys
from collections.abc import Sequence
from typing import Final, NoReturn

import structlog
import typer

from closeloop.calls import leave
from closeloop.cli import autonomy, callbacks, commands, knowledge, pages
from closeloop.errors import (
    BackendError,
    BadInput,
    CloseloopError,
    ConfigurationError,
    NotFound,
    Refused,
    Unavailable,
)
from closeloop.settings import Settings, load_settings
from closeloop.telemetry import configure_logging

FAILED: Final = 1
BAD_INPUT: Final = 2
REFUSED: Final = 3
UNREACHABLE: Final = 4

_INTERRUPTED: Final = 130
"""What typer makes of Ctrl-C."""

log = structlog.get_logger(__name__)

commands.app.add_typer(knowledge.app, name="knowledge")
commands.app.add_typer(autonomy.autonomy, name="autonomy")
commands.app.add_typer(callbacks.app, name="calls")
commands.app.add_typer(autonomy.report, name="report")
commands.app.add_typer(autonomy.policy, name="policy")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; nothing that was foreseen leaves a traceback."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in given
    _configure_logging()
    try:
        code = commands.app(given or ["--help"], prog_name="starter.py", standalone_mode=False)
    except typer.TyperException as error:
        words = error.format_message().replace("Value error, ", "")
        return _fail(as_json, BAD_INPUT, "bad_input", words, _parameter(error))
    except CloseloopError as error:
        return _fail(as_json, *_meaning(error))
    except (typer.Abort, KeyboardInterrupt):
        code = _INTERRUPTED
    except SystemExit:  # typer's way when whoever read our output has gone
        return FAILED
    except Exception as error:
        log.debug("unexpected", exc_info=True)
        words = f"{type(error).__name__}: {error} (CLOSELOOP_LOG_LEVEL=debug shows where)"
        return _fail(as_json, FAILED, "unexpected", words, None)
    if code == _INTERRUPTED:
        return _fail(as_json, FAILED, "interrupted", "interrupted", None)
    return code if isinstance(code, int) else 0


def run() -> NoReturn:
    """Run the command of this process's arguments, and end the process."""
    leave(main())


def _meaning(error: CloseloopError) -> tuple[int, str, str, str | None]:
    """Return exit code, stable code, words and field."""
    words = str(error)
    match error:
        case NotFound():
            return BAD_INPUT, "not_found", words, error.field
        case BadInput():
            return BAD_INPUT, "bad_input", words, error.field
        case Refused():
            return REFUSED, error.code, words, None
        case Unavailable() | BackendError():
            return UNREACHABLE, "unavailable", words, None
        case ConfigurationError():
            return FAILED, "configuration", words, None
        case _:
            return FAILED, "failed", words, None


def _fail(as_json: bool, exit_code: int, code: str, words: str, field: str | None) -> int:
    line = pages.one_line(words)
    if as_json:
        error = {"code": code, "message": line} | ({"field": field} if field else {})
        pages.emit({"error": error}, None)
    else:
        sys.stderr.write(f"error: {line}\n")
    return exit_code


def _parameter(error: typer.TyperException) -> str | None:
    parameter = getattr(error, "param", None)
    return getattr(parameter, "name", None)


def _configure_logging() -> None:
    try:
        settings = load_settings()
    except ConfigurationError:  # the command says so, if it needs settings at all
        settings = Settings.model_construct(log_format="console", log_level="info")
    configure_logging(settings.log_format, settings.log_level)
