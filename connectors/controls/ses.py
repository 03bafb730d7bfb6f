"""Amazon SES: switch sending off and on for one configuration set, and take a dedicated IP out of its pool.

`PUT /v2/email/configuration-sets/<name>/sending` with `SendingEnabled` false makes SES refuse every
further send through that set (`SendingPausedException`, in version 1 of the API
`ConfigurationSetSendingPausedException`); true lifts it. Nothing is held: what SES had accepted goes out,
what comes meanwhile is refused and the sender's to repeat. So a campaign that shall be pausable has a
configuration set of its own, and sends the set's name as its tag `campaign_id` (or `campaign`), which
`connectors.ses_events` reads; a set that campaigns share would stop them all, which is why the tag decides
and not the set a message used.

`PUT /v2/email/dedicated-ips/<ip>/pool` moves an IP to the pool `mailweir_resting`, which must exist and
must belong to no configuration set; without it nothing is moved, so making it is the owner's consent. The
IP stays there until somebody moves it back. SES's shared IPs and those of managed pools are not the
customer's to move: 400 or 404.

Not supported: throttling (the sending rate is a quota of the account), and alerts.

Sources: Amazon SES API v2 reference, PutConfigurationSetSendingOptions, PutDedicatedIpInPool (requests,
400/404/429), CreateConfigurationSet (names); developer guide, "Automatically pausing email sending",
"Assigning IP pools"; "Common errors" of AWS APIs, whose status codes differ between services, so error
names are read too (`x-amzn-errortype`). Not confirmed: what becomes of mail whose pool lost its last IP.
General knowledge, not re-checked: that messages accepted before the pause are still sent, and that SMTP
refuses as the API does; the header's name and some error names.
"""

from __future__ import annotations

import json
import re
from urllib.parse import urlsplit

from connectors.controls.aws_signature import AwsCredentials, signed_headers
from connectors.controls.base import (
    RESTING_POOL,
    ControlAnswer,
    ControlRequest,
    ControlResult,
    Verdict,
    base_url,
    by_status,
    campaign_of,
    excerpt,
    ip_of,
    secret,
)
from schemas.config import Control
from schemas.errors import FailureCode, Misconfigured, Permanent
from schemas.remediation import Action, Decision

KEY_FORM = "ACCESS_KEY_ID:SECRET_ACCESS_KEY, for temporary credentials :SESSION_TOKEN after them"
CONFIGURATION_SET = re.compile(r"[A-Za-z0-9_-]{1,64}")
REGION = re.compile(r"(?:^|\.)([a-z]{2,4}(?:-[a-z]+)+-\d{1,2})(?=\.|$)")  # a whole label of the host name
THROTTLED = frozenset({"ThrottlingException", "TooManyRequestsException", "ConcurrentModificationException"})
UNTRUSTED = frozenset({
    "AccessDeniedException", "ExpiredTokenException", "IncompleteSignature", "InvalidClientTokenId",
    "InvalidSignatureException", "MissingAuthenticationToken", "NotAuthorized", "OptInRequired", "RequestExpired",
    "SignatureDoesNotMatch", "UnrecognizedClientException",
})  # fmt: skip


class AmazonSES:
    """Pauses the configuration set that a campaign is named after; rests dedicated IPs in a pool of their own."""

    name = "ses"
    supports = frozenset({Action.PAUSE_CAMPAIGN, Action.RESUME_CAMPAIGN, Action.REST_IP})

    def request(self, decision: Decision, control: Control, now_ms: int) -> ControlRequest | None:
        """See `Driver.request`. `control.base_url` names the region, `control.secret` is as `KEY_FORM` says."""
        root, region = _endpoint(control)
        credentials = _credentials(control)
        path, document = _asked(decision)
        url, body = f"{root}/v2/email/{path}", json.dumps(document).encode()
        headers = signed_headers(
            credentials,
            method="PUT",
            url=url,
            headers={"content-type": "application/json"},
            body=body,
            region=region,
            service="ses",
            now_ms=now_ms,
        )
        return ControlRequest(method="PUT", url=url, headers=headers, body=body)

    def interpret(self, answer: ControlAnswer) -> ControlResult:
        """By the error's name, then by status; setting what is set already is confirmed like the first time."""
        error = excerpt(answer.headers.get("x-amzn-errortype", "").partition(":")[0].encode())
        said = f"{answer.status}, {error}" if "x-amzn-errortype" in answer.headers else f"{answer.status}"
        if error in THROTTLED:
            return ControlResult(verdict=Verdict.RETRY, detail=f"SES answered {said}")
        if answer.status in {401, 403} or error in UNTRUSTED:
            detail = (
                f"SES refused the signature or its rights ({said}); check `control.secret` and this machine's clock"
            )
            return ControlResult(verdict=Verdict.UNAUTHORIZED, detail=detail)
        if answer.status == 404:
            detail = (
                f"SES does not know this in the region of `control.base_url` ({said}); the campaign id must be a"
                f" configuration set's name, a resting IP a dedicated one, and the pool {RESTING_POOL} must exist"
            )
            return ControlResult(verdict=Verdict.REFUSED, detail=detail)
        return by_status(answer, "SES")


def _asked(decision: Decision) -> tuple[str, dict[str, bool | str]]:
    if decision.action == Action.REST_IP:
        return f"dedicated-ips/{ip_of(decision, 'SES')}/pool", {"DestinationPoolName": RESTING_POOL}
    name = campaign_of(decision, "SES")
    if not CONFIGURATION_SET.fullmatch(name):
        raise Permanent(
            FailureCode.ACTION_REFUSED,
            "SES pauses configuration sets, and this campaign id cannot be the name of one (64 letters, digits, - and _"
            " at most); give the campaign a set of its own and send the set's name as tag campaign_id",
        )
    return f"configuration-sets/{name}/sending", {"SendingEnabled": decision.action == Action.RESUME_CAMPAIGN}


def _endpoint(control: Control) -> tuple[str, str]:
    """The address and the region in it; there is no standard one, a wrong guess would pause elsewhere."""
    root = base_url(control, "")
    found = REGION.search(urlsplit(root).hostname or "")
    if found is None:
        raise Misconfigured(
            "control.base_url of a 'ses' control names no AWS region; set it to https://email.<region>.amazonaws.com"
        )
    return root, found[1]


def _credentials(control: Control) -> AwsCredentials:
    parts = secret(control, KEY_FORM).split(":", 2)
    if len(parts) < 2 or not all(parts):
        raise Misconfigured(f"control.secret of a 'ses' control must read {KEY_FORM}")
    return AwsCredentials(access_key_id=parts[0], secret_access_key=parts[1], session_token="".join(parts[2:]))


SES = AmazonSES()
