"""What all who post as Amazon SNS does have in common: the message's fields are signed, with a key by URL."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from tests.contract.signers.base import Signed, rsa_key


class SnsSigner:
    """`certificate_url`: where the certificate of a key lies, by its number. `version`: the signature's, as a rule."""

    has_timestamp = True
    covers_body = False  # its fields are signed, not its bytes
    certificate_url: str
    version: str

    def sign(self, body: bytes, at_ms: int, key: int, version: str = "") -> Signed:
        message = json.loads(body)
        moment = datetime.fromtimestamp(at_ms / 1000, UTC)
        message["Timestamp"] = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        message["SigningCertURL"] = self.certificate_url.format(key)
        message["SignatureVersion"] = version or self.version
        own = ["Subject"] if message["Type"] == "Notification" else ["SubscribeURL", "Token"]
        names = sorted(["Message", "MessageId", "Timestamp", "TopicArn", "Type", *own])
        text = "".join(f"{name}\n{message[name]}\n" for name in names if name in message)
        digest = hashes.SHA1() if message["SignatureVersion"] == "1" else hashes.SHA256()
        signature = rsa_key(key).sign(text.encode(), padding.PKCS1v15(), digest)
        message["Signature"] = base64.b64encode(signature).decode()
        return Signed({"x-amz-sns-message-type": message["Type"]}, json.dumps(message).encode())

    def strip(self, signed: Signed) -> Signed:
        message = json.loads(signed.body)
        del message["Signature"]
        return Signed(signed.headers, json.dumps(message).encode())

    def alter(self, signed: Signed) -> Signed:
        message = json.loads(signed.body)
        message["Message"] += " "
        return Signed(signed.headers, json.dumps(message).encode())
