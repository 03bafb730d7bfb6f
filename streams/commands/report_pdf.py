"""HTML to PDF by a browser that is on this machine: Chromium, Chrome or Edge, without a window.

The page loads nothing and has no script, so the browser needs no network. Why a browser: docs/decisions/0032.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from schemas.errors import MailweirError

BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
    "chrome",
    "microsoft-edge",
    "msedge",
)
_TIMEOUT_S = 60.0  # a report takes one or two
_OPTIONS = (
    *("--headless", "--disable-gpu", "--no-first-run", "--disable-sync", "--disable-extensions"),
    *("--disable-background-networking", "--disable-component-update", "--no-pdf-header-footer"),
)


def browser(search_path: str | None = None) -> str:
    """The program. `search_path`: folders as in PATH (default: PATH). Raises MailweirError saying what to install."""
    found = next((path for name in BROWSERS if (path := shutil.which(name, path=search_path))), None)
    if found is None:
        raise MailweirError(
            "--pdf needs Chromium, Chrome or Edge, and none is on the PATH; install one (`apt install chromium`),"
            " or write --html and print that"
        )
    return found


def write_pdf(html: str, file: Path, program: str) -> None:
    """Write the file. Raises MailweirError where the browser does not."""
    with tempfile.TemporaryDirectory(prefix="mailweir-report-") as folder:
        page, made = Path(folder, "report.html"), Path(folder, "report.pdf")
        page.write_text(html, encoding="utf-8")
        options = [*_OPTIONS, f"--user-data-dir={folder}/profile", f"--print-to-pdf={made}"]
        said = _run([program, *options, page.as_uri()])
        if not made.is_file():  # as root, and in most containers, a browser has no sandbox; this page needs none
            said = _run([program, "--no-sandbox", *options, page.as_uri()])
        if not made.is_file():
            last = next((line for line in reversed(said.splitlines()) if line.strip()), "it said nothing")
            raise MailweirError(f"{program} made no PDF ({last.strip()[:200]}); write --html and print that")
        file.write_bytes(made.read_bytes())


def _run(command: list[str]) -> str:
    """What it said on stderr."""
    try:
        done = subprocess.run(  # noqa: S603 - one of BROWSERS with arguments of ours
            command, check=False, capture_output=True, timeout=_TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        return f"no end within {_TIMEOUT_S:.0f} s"
    except OSError as error:
        return str(error.strerror)
    return done.stderr.decode("utf-8", "replace")
