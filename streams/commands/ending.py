"""How every command ends: an exit code, and one sentence on stderr when something is wrong."""

from __future__ import annotations

import sys
from collections.abc import Callable

import typer

from schemas.errors import MailweirError, Misconfigured, Transient


def end(work: Callable[[], int]) -> None:
    """Run, then leave with the exit code; what went wrong is one sentence on stderr."""
    try:
        code = work()
    except Misconfigured as error:
        sys.stderr.write(f"mailweir: {error}\n")
        code = 2
    except Transient as error:
        sys.stderr.write(f"mailweir: {error}; try again\n")
        code = 1
    except MailweirError as error:
        sys.stderr.write(f"mailweir: {error}\n")
        code = 1
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:
        code = 1
    raise typer.Exit(code)
