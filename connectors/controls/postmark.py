"""Postmark: archive the message stream of a campaign, and bring it back.

Postmark has no pause. What stops a stream is `POST /message-streams/<id>/archive`: sending through it is
refused from then on (nothing is held; repeating is the sender's), and `POST .../unarchive` brings it back as
it was. **An archived stream is deleted with its data, suppressions included, 45 days later**; the answer
tells the date and the outcome repeats it, so that nobody resumes too late. The owner consents by giving a
campaign a stream of its own and sending the stream's id as `campaign_id` in the metadata, which is what
`connectors.postmark` reads. A server has ten streams at most, and its default ones cannot be archived, so
this fits newsletters and the like that come again and again, not one stream per mailing.

Not supported: throttling and resting an IP, for which the API has no call, and alerts.

Sources: Postmark developer documentation, "Message Streams API" (get, archive, unarchive, ten streams,
`ArchivedAt`, `ExpectedPurgeDate`, 45 days), "API overview" (server token, 401, 404, 422, 429); the remarks in
Postmark's PHP library on what archiving stops and deletes. General knowledge, not re-checked: the form of stream ids;
that archiving twice is answered with 200, or with a refusal that says "already archived"; that messages
accepted before are still sent.
"""

from __future__ import annotations

import re

from connectors.controls.base import (
    ControlAnswer,
    ControlRequest,
    ControlResult,
    EndState,
    Verdict,
    base_url,
    by_status,
    campaign_of,
    secret,
)
from schemas.config import Control
from schemas.remediation import Action, Decision

STANDARD_URL = "https://api.postmarkapp.com"
STREAM_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
NO_STREAM = (
    "Postmark stops message streams, and this campaign id cannot be a stream's id (letters, digits, - and _"
    " only); give the campaign a stream of its own and send its id as campaign_id"
)
PURGE_DATE = re.compile(rb'"ExpectedPurgeDate"\s*:\s*"(\d{4}-\d{2}-\d{2})')
ARCHIVED_AT = re.compile(rb'"ArchivedAt"\s*:\s*(null|"[^"]+")')
ALREADY = re.compile(rb"already (been )?archived", re.IGNORECASE)
UNKNOWN = "the campaign id must be the id of a message stream of the server whose token `control.secret` is"


class Postmark(EndState):
    """Archives the stream whose id is the campaign's id."""

    name = "postmark"
    supports = frozenset({Action.PAUSE_CAMPAIGN, Action.RESUME_CAMPAIGN})
    is_idempotent = False

    def request(self, decision: Decision, control: Control, now_ms: int) -> ControlRequest | None:
        """See `Driver.request`. `control.secret` is the server's API token."""
        url, headers = _stream(decision, control)
        verb = "unarchive" if decision.action == Action.RESUME_CAMPAIGN else "archive"
        return ControlRequest(method="POST", url=f"{url}/{verb}", headers=headers)

    def look(self, decision: Decision, control: Control, now_ms: int) -> ControlRequest | None:
        """The stream itself: what archiving twice is answered with is not documented."""
        url, headers = _stream(decision, control)
        return ControlRequest(method="GET", url=url, headers=headers)

    def is_done(self, decision: Decision, control: Control, answer: ControlAnswer) -> bool:
        """Whether the stream's `ArchivedAt` is a date (a pause), or null (a resume)."""
        found = ARCHIVED_AT.search(answer.body) if answer.status == 200 else None
        return found is not None and (found[1] == b"null") == (decision.action == Action.RESUME_CAMPAIGN)

    def interpret(self, answer: ControlAnswer) -> ControlResult:
        """By status; the date on which an archived stream is deleted is passed on."""
        result = by_status(answer, "Postmark", {404: UNKNOWN})
        if result.verdict is Verdict.DONE and (found := PURGE_DATE.search(answer.body)):
            detail = (
                f"{result.detail}; it deletes the stream and its suppressions on {found[1].decode()} unless resumed"
            )
            return ControlResult(verdict=Verdict.DONE, detail=detail)
        if answer.status == 422 and ALREADY.search(answer.body):
            return ControlResult(verdict=Verdict.DONE, detail="Postmark had archived this stream already (422)")
        return result


def _stream(decision: Decision, control: Control) -> tuple[str, dict[str, str]]:
    """The stream's address, and the headers of every request."""
    root = f"{base_url(control, STANDARD_URL)}/message-streams"
    token = secret(control, "the API token of the Postmark server that the stream belongs to")
    stream = campaign_of(decision, "Postmark", STREAM_ID, NO_STREAM)
    return f"{root}/{stream}", {"accept": "application/json", "x-postmark-server-token": token}


POSTMARK = Postmark()
