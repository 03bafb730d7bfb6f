"""Postfix: hold the mail of one campaign that comes in from now on, by a line in a file.

Postfix knows no campaigns and has no API. What it has is `header_checks`: a table whose action `HOLD` puts a message
into the hold queue when it comes in. This driver keeps one line per held campaign, `/^X-Campaign-ID: .../ HOLD`, in
the file `control.path`, which the owner names first in `header_checks` as a table of type `regexp`. Such tables are
read as they are: no `postmap` is needed, and nothing is run here. Postfix takes a change on as its cleanup processes
are renewed (after `max_use` mails or `max_idle` seconds, 100 each), and at once after `postfix reload`.

What is in the queue already is not stopped, and goes out: this suits campaigns that are handed over as they are sent.
Resuming takes the line away; **what was held stays held** until the owner lets it go (`postsuper -H <queue id>`, or
`-H ALL`), because running a program on another machine's behalf is nothing that a file can do.

Not supported, and said so: throttling and shares (a table says yes or no to each mail; slow transports are per
recipient domain, and which domains a mailbox provider serves cannot be listed), resting an IP (`smtp_bind_address` is a
setting of a service in `master.cf`). Holding by sender address instead would stop other campaigns of that sender.

Sources: Postfix manual pages header_checks(5) (HOLD, first match per table), regexp_table(5) (patterns, the flag `i`,
which turns the usual disregard of case off), postsuper(1), postconf(5) (max_use, max_idle). General knowledge, not
re-checked: a held header is logged in the same form as one with `INFO`.
"""

from __future__ import annotations

import re
from pathlib import PurePath

from connectors.controls.base import ControlAnswer, ControlResult, EndState, Pace, Verdict, campaign_of
from connectors.controls.effects import FileLine
from schemas.config import Control
from schemas.errors import Misconfigured
from schemas.remediation import Action, Decision

CAMPAIGN = re.compile(r"[A-Za-z0-9_.:@-]{1,100}")
NO_LINE = "a line for Postfix cannot be made of this campaign id (letters, digits and _ . : @ - only)"
HEADING = "# Written by mailweir: campaigns whose mail is held. Changes by hand are kept; lines of mailweir replaced."


class Postfix(EndState):
    """Writes and removes the line that holds a campaign."""

    name = "postfix"
    supports = frozenset({Action.PAUSE_CAMPAIGN, Action.RESUME_CAMPAIGN})
    pace = Pace(per_s=50.0, burst=50)

    def request(self, decision: Decision, control: Control, now_ms: int) -> FileLine | None:
        """See `Driver.request`. `control.path` is the file's absolute path."""
        if not PurePath(control.path).is_absolute():
            raise Misconfigured(
                f"control.path of a 'postfix' control is {control.path!r}; set it to the absolute path of a file that"
                " mailweir may write and Postfix may read"
            )
        campaign = campaign_of(decision, "the Postfix driver", CAMPAIGN, NO_LINE)
        pattern = campaign.replace(".", "[.]")
        start = f"/^[Xx]-[Cc]ampaign-[Ii][Dd]:[[:space:]]*{pattern}[[:space:]]*$/i "
        is_held = decision.action == Action.PAUSE_CAMPAIGN
        line = f"{start}HOLD mailweir {decision.decision_id}" if is_held else ""
        return FileLine(path=control.path, start=start, line=line, heading=HEADING)

    def interpret(self, answer: ControlAnswer) -> ControlResult:
        """An answer says that the file has been written."""
        detail = "the file is written; Postfix takes it on within 100 mails or at a reload; held mail stays held"
        return ControlResult(verdict=Verdict.DONE, detail=detail)


POSTFIX = Postfix()
