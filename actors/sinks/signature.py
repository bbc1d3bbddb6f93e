"""The signature of a webhook, as Standard Webhooks has it: receivers verify it with a library of theirs.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

_PREFIX = "whsec_"
_SHORTEST = 24


def signing_key(secret: str, key: str) -> bytes:
    """The bytes that a secret stands for: base64, `whsec_` before it or not. ValueError names the setting `key`."""
    try:
        found = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if len(found) < _SHORTEST:
        raise ValueError(f"{key} must hold {_SHORTEST} random bytes or more in base64: openssl rand -base64 32 > FILE")
    return found


def signed(key: bytes, message: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers that prove who sent `body`, and when (Unix seconds)."""
    mac = hmac.new(key, f"{message}.{timestamp}.".encode() + body, hashlib.sha256)
    return {
        "webhook-id": message,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(mac.digest()).decode()}",
    }
