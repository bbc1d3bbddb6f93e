"""How the broker is reached: certificates, credentials, and what is refused because others could read it."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator
from pathlib import Path

from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from actors.forwarder import is_loopback
from actors.secret import check_private, read_secret
from actors.sections import MqttConfig


def make_client(settings: MqttConfig, name: str, will: tuple[str, str]) -> Client:
    """A client that is not connected, with its retained last will (topic, text). ValueError for wrong settings."""
    if not settings.host:
        raise ValueError("no broker is named: set [mqtt] host")
    client = Client(CallbackAPIVersion.VERSION2, name, protocol=MQTTv5)
    client.will_set(*will, qos=1, retain=True)
    if settings.tls:
        client.tls_set_context(_trust(settings))
    if settings.password_file and not settings.username:
        raise ValueError("[mqtt] password_file is whose? set [mqtt] username")
    if settings.username:
        client.username_pw_set(settings.username, _password(settings))
    return client


def port(settings: MqttConfig) -> int:
    """The port of the broker."""
    return settings.port or (8883 if settings.tls else 1883)


def _trust(settings: MqttConfig) -> ssl.SSLContext:
    """What the broker's certificate is checked with, and this device's own."""
    context = ssl.create_default_context()
    if settings.ca_file:
        with _explained("ca_file", settings.ca_file) as file:
            context = ssl.create_default_context(cafile=file)
    if settings.cert_file:
        key = check_private(settings.key_file or settings.cert_file, "[mqtt] key_file")
        with _explained("cert_file", settings.cert_file) as file:
            context.load_cert_chain(file, key, password=lambda: "")  # else a passphrase would be asked for
    return context


@contextlib.contextmanager
def _explained(key: str, file: str) -> Iterator[Path]:
    try:
        yield Path(file).expanduser()
    except OSError as error:
        why = error.strerror or error
        raise ValueError(f"[mqtt] {key} = {file}: {why}; name a PEM file (docs/fleet.md)") from None


def _password(settings: MqttConfig) -> str | None:
    if not settings.password_file:
        return None
    if not (settings.tls or settings.plain_password or is_loopback(settings.host)):
        raise ValueError(
            f"the password for {settings.host} would travel in the clear: set [mqtt] tls = true (docs/fleet.md), "
            "or plain_password = true if everybody on the way may read it"
        )
    return read_secret(settings.password_file, "[mqtt] password_file")
