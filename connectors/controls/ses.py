"""Amazon SES: switch sending off and on for one configuration set, change its pool, and rest dedicated IPs.

`PUT /v2/email/configuration-sets/<name>/sending` with `SendingEnabled` false makes SES refuse every
further send through that set (`SendingPausedException`, in version 1 of the API
`ConfigurationSetSendingPausedException`); true lifts it. Nothing is held: what SES had accepted goes out,
what comes meanwhile is refused and the sender's to repeat. So a campaign that shall be pausable has a
configuration set of its own, and sends the set's name as its tag `campaign_id` (or `campaign`), which
`connectors.ses_events` reads; a set that campaigns share would stop them all, which is why the tag decides
and not the set a message used.

`PUT /v2/email/dedicated-ips/<ip>/pool` moves an IP to the pool `mailweir_resting`, which must exist and
must belong to no configuration set; without it nothing is moved, so making it is the owner's consent. The
IP returns with the same request and the pool that the decision names, else `control.ip_pool`: which one it
came from is nowhere kept. SES's shared IPs and those of managed pools are not the customer's to move: 400 or 404.

`PUT /v2/email/configuration-sets/<name>/delivery-options` moves a campaign's set to the pool that the decision
names. It sets the TLS policy with it, so the owner must say it (`control.tls_policy`), lest a move drop the demand
for TLS unseen; a set's `MaxDeliverySeconds` must be set again by hand.

Not supported: throttling and shares (the sending rate is a quota of the account), and alerts. The status of a
tenant of SES (UpdateReputationEntityCustomerManagedStatus) is not used: it stops everything that the tenant sends,
and its ARN cannot travel as campaign id in a message tag.

Sources: Amazon SES API v2 reference, PutConfigurationSetSendingOptions, PutConfigurationSetDeliveryOptions,
PutDedicatedIpInPool (requests, 400/404/429), UpdateReputationEntityCustomerManagedStatus, Tenant,
CreateConfigurationSet (names); developer guide, "Automatically pausing email sending", "Assigning IP pools";
"Common errors" of AWS APIs, whose status codes differ between services, so error names are read too
(`x-amzn-errortype`). Not confirmed: what becomes of mail whose pool lost its last IP, and of delivery options that
a request leaves out. General knowledge, not re-checked: that messages accepted before the pause are still sent, and
that SMTP refuses as the API does; the header's name and some error names.
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
    EndState,
    Verdict,
    base_url,
    by_status,
    campaign_of,
    excerpt,
    ip_of,
    pool_of,
    secret,
)
from schemas.config import Control
from schemas.errors import Misconfigured
from schemas.remediation import Action, Decision

KEY_FORM = "ACCESS_KEY_ID:SECRET_ACCESS_KEY, for temporary credentials :SESSION_TOKEN after them"
CONFIGURATION_SET = re.compile(r"[A-Za-z0-9_-]{1,64}")
NO_SET = (
    "SES pauses configuration sets, and this campaign id cannot be the name of one (64 letters, digits, - and _"
    " at most); give the campaign a set of its own and send the set's name as tag campaign_id"
)
REGION = re.compile(r"(?:^|\.)([a-z]{2,4}(?:-[a-z]+)+-\d{1,2})(?=\.|$)")  # a whole label of the host name
THROTTLED = frozenset({"ThrottlingException", "TooManyRequestsException", "ConcurrentModificationException"})
UNTRUSTED = frozenset({
    "AccessDeniedException", "ExpiredTokenException", "IncompleteSignature", "InvalidClientTokenId",
    "InvalidSignatureException", "MissingAuthenticationToken", "NotAuthorized", "OptInRequired", "RequestExpired",
    "SignatureDoesNotMatch", "UnrecognizedClientException",
})  # fmt: skip


class AmazonSES(EndState):
    """Acts on the configuration set that a campaign is named after; rests dedicated IPs in a pool of their own."""

    name = "ses"
    supports = frozenset(
        {Action.PAUSE_CAMPAIGN, Action.RESUME_CAMPAIGN, Action.REST_IP, Action.RETURN_IP, Action.MOVE_POOL}
    )

    def request(self, decision: Decision, control: Control, now_ms: int) -> ControlRequest | None:
        """See `Driver.request`. `control.base_url` names the region, `control.secret` is as `KEY_FORM` says."""
        root, region = endpoint_of(control)
        credentials = credentials_of(control)
        path, document = _asked(decision, control)
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
                f" configuration set's name, an IP a dedicated one, and a pool there (to rest in: {RESTING_POOL})"
            )
            return ControlResult(verdict=Verdict.REFUSED, detail=detail)
        return by_status(answer, "SES")


def _asked(decision: Decision, control: Control) -> tuple[str, dict[str, bool | str]]:
    """The path and the document of the action."""
    if decision.action in {Action.REST_IP, Action.RETURN_IP}:
        pool = RESTING_POOL if decision.action == Action.REST_IP else pool_of(decision, control, "SES")
        return f"dedicated-ips/{ip_of(decision, 'SES')}/pool", {"DestinationPoolName": pool}
    name = _configuration_set(decision)
    if decision.action == Action.MOVE_POOL:
        return f"configuration-sets/{name}/delivery-options", _delivery(decision, control)
    return f"configuration-sets/{name}/sending", {"SendingEnabled": decision.action == Action.RESUME_CAMPAIGN}


def _delivery(decision: Decision, control: Control) -> dict[str, bool | str]:
    if not control.tls_policy:
        raise Misconfigured(
            "control.tls_policy of this 'ses' control is empty; set it to require or optional, because SES sets the TLS"
            " policy anew when a configuration set moves to another pool"
        )
    return {"SendingPoolName": pool_of(decision, control, "SES"), "TlsPolicy": control.tls_policy.upper()}


def _configuration_set(decision: Decision) -> str:
    return campaign_of(decision, "SES", CONFIGURATION_SET, NO_SET)


def endpoint_of(control: Control) -> tuple[str, str]:
    """The address and the region in it; there is no standard one, a wrong guess would pause elsewhere.

    Raises Misconfigured when the control names no region.
    """
    root = base_url(control, "")
    found = REGION.search(urlsplit(root).hostname or "")
    if found is None:
        raise Misconfigured(
            "control.base_url of a 'ses' control names no AWS region; set it to https://email.<region>.amazonaws.com"
        )
    return root, found[1]


def credentials_of(control: Control) -> AwsCredentials:
    """The access key in the control's secret. Raises Misconfigured when it is not as `KEY_FORM` says."""
    parts = secret(control, KEY_FORM).split(":", 2)
    if len(parts) < 2 or not all(parts):
        raise Misconfigured(f"control.secret of a 'ses' control must read {KEY_FORM}")
    return AwsCredentials(access_key_id=parts[0], secret_access_key=parts[1], session_token="".join(parts[2:]))


SES = AmazonSES()
