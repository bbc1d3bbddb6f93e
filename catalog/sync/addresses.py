"""Which addresses are followed: the base address, and https to the hosts of the source's pictures. Nothing else."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Addresses:
    """What a source may lead to."""

    base_url: str
    picture_hosts: frozenset[str]

    def __post_init__(self) -> None:
        """ValueError for a base address that is neither https nor on this machine."""
        parts = urlsplit(self.base_url)
        local = parts.scheme == "http" and is_loopback(self.base_url)
        if not parts.hostname or "@" in parts.netloc or not (parts.scheme == "https" or local):
            raise ValueError(f"base address {self.base_url}: give https://HOST/…, or http:// on this machine")

    def of_source(self, url: str) -> bool:
        """Whether this is where the data come from: only there the key is sent."""
        return _origin(url) == _origin(self.base_url)

    def allowed(self, url: str) -> bool:
        """Whether an address may be asked at all."""
        try:
            scheme, host, port = _origin(url)
        except ValueError:
            return False
        of_pictures = scheme == "https" and port == 443 and host in self.picture_hosts
        return "@" not in urlsplit(url).netloc and (of_pictures or self.of_source(url))


def is_loopback(url: str) -> bool:
    """Whether the host of an address is this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
