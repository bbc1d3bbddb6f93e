"""Who may connect to a broker, with which secrets, and what becomes of visits that it does not take."""

import shutil
import signal
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fleet_fakes import MOSQUITTO, Broker, Consumer, feed, fleet_config, mqtt_config, numbers, until, working

from actors.config import Config, dump, updated
from actors.sinks import mqtt
from actors.sinks.mqtt import Mqtt
from bus.fake import FakeBus

pytestmark = pytest.mark.skipif(not MOSQUITTO, reason="mosquitto is not installed")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of docs/fleet.md, run as they stand there."""
    folder = tmp_path_factory.mktemp("tls")
    guide = (Path(__file__).parents[2] / "docs" / "fleet.md").read_text()
    script = guide.partition("<!-- certificates -->\n```sh\n")[2].partition("```")[0]
    assert "openssl" in script
    subprocess.run(["sh", "-eu", "-c", script], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def secured(tmp_path: Path, certificates: Path) -> Iterator[Broker]:
    broker = Broker(
        tmp_path,
        f"cafile {certificates}/ca.crt",
        f"certfile {certificates}/broker.crt",
        f"keyfile {certificates}/broker.key",
        f"password_file {certificates}/passwords",
        "allow_anonymous false",
    )
    yield broker
    broker.kill()


def tls(folder: Path, broker: Broker, certificates: Path, **more: Any) -> Config:
    settings = {
        "tls": True,
        "ca_file": str(certificates / "ca.crt"),
        "username": "table-1",
        "password_file": str(certificates / "table-1.password"),
    }
    return mqtt_config(folder, broker, **{**settings, **more})


def test_tls_and_a_password(
    tmp_path: Path, secured: Broker, certificates: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The whole way of docs/fleet.md; and the password is in no line that is printed."""
    password = (certificates / "table-1.password").read_text().strip()

    def prepare(client: Any) -> None:
        client.tls_set_context(ssl.create_default_context(cafile=str(certificates / "ca.crt")))
        client.username_pw_set("table-1", password)

    consumer = Consumer(secured.port, "sleevesight/+/visits", prepare=prepare)
    config = tls(tmp_path, secured, certificates)
    with working(Mqtt, config) as (bus, actor):
        feed(bus, actor, 1)
        assert numbers(consumer.visits(1)) == [1]
    consumer.close()
    assert password not in "".join(capfd.readouterr())
    assert password not in dump(config)


def test_a_certificate_of_its_own(tmp_path: Path, certificates: Path) -> None:
    """A broker that asks for a certificate lets this one in, and nobody without."""
    broker = Broker(
        tmp_path,
        f"cafile {certificates}/ca.crt",
        f"certfile {certificates}/broker.crt",
        f"keyfile {certificates}/broker.key",
        "require_certificate true",
        "allow_anonymous true",
    )
    own = {"cert_file": str(certificates / "table-1.crt"), "key_file": str(certificates / "table-1.key")}
    nobody = {"username": "", "password_file": ""}
    try:
        with working(Mqtt, tls(tmp_path, broker, certificates, **nobody, **own)) as (_, actor):
            until(lambda: actor.reachable, actor)
        with working(Mqtt, tls(tmp_path, broker, certificates, **nobody)) as (_, actor):
            until(lambda: actor.detail, actor)
            assert not actor.reachable
    finally:
        broker.kill()


def test_a_wrong_password_is_said_once_and_tried_again(
    tmp_path: Path,
    secured: Broker,
    certificates: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """The broker's list may be behind: visits are kept; a line for every try would fill the log."""
    monkeypatch.setattr(mqtt, "RETRY_S", (0.05, 0.05))
    wrong = tmp_path / "wrong"
    wrong.write_text("hunter2\n")
    wrong.chmod(0o600)
    with working(Mqtt, tls(tmp_path, secured, certificates, password_file=str(wrong))) as (bus, actor):
        feed(bus, actor, 1)
        assert "Not authorized" in until(lambda: actor.detail, actor)
        tries = tmp_path / "mosquitto.log"
        until(lambda: tries.read_text().count("not authorised") > 3, actor)
        until(lambda: len(actor.spool) == 1, actor)
    said = "".join(capfd.readouterr())
    assert said.count("the broker is away") == 1
    assert "hunter2" not in said


def test_a_broker_that_is_another(tmp_path: Path, secured: Broker, certificates: Path) -> None:
    """Its certificate is not signed by whom we trust: nothing is sent, least of all a password."""
    with working(Mqtt, tls(tmp_path, secured, certificates, ca_file="")) as (_, actor):
        assert "certificate verify failed" in until(lambda: actor.detail, actor)


def test_visits_that_the_broker_does_not_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """MQTT 3 would have called it delivered: an access list that forgot this device must cost nothing but time."""
    monkeypatch.setattr(mqtt, "REFUSED_S", 0.2)
    allowed = tmp_path / "acl"
    allowed.write_text("topic readwrite sleevesight/+/availability\n")
    broker = Broker(tmp_path, "allow_anonymous true", f"acl_file {allowed}")
    try:
        with working(Mqtt, mqtt_config(tmp_path, broker)) as (bus, actor):
            feed(bus, actor, 1, 2)
            until(lambda: actor._refused_until, actor)
            assert len(actor.spool) == 2
            assert "does not take visits: Not authorized" in "".join(capfd.readouterr())
            allowed.write_text("topic readwrite #\n")
            broker.process.send_signal(signal.SIGHUP)
            until(lambda: not actor.queue(), actor)
    finally:
        broker.kill()


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"host": ""}, r"no broker is named: set \[mqtt\] host"),
        ({"host": "broker.example"}, "would travel in the clear: set .* tls = true .* or plain_password = true"),
        ({"host": "10.0.0.1"}, "would travel in the clear"),
        ({"username": ""}, r"set \[mqtt\] username"),
        ({"password_file": "/gone"}, r"\[mqtt\] password_file = /gone: No such file"),
        ({"tls": True, "ca_file": "/gone"}, r"\[mqtt\] ca_file = /gone: No such file.*name a PEM file"),
        ({"tls": True, "ca_file": __file__}, r"\[mqtt\] ca_file = .*name a PEM file"),
    ],
)
def test_settings_that_cannot_work(tmp_path: Path, settings: dict[str, Any], complaint: str) -> None:
    """At the start, in one line that names the key: afterwards nobody looks into the log."""
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    secret.chmod(0o600)
    given = {"host": "127.0.0.1", "username": "me", "password_file": str(secret), **settings}
    with pytest.raises(ValueError, match=complaint) as refused:
        Mqtt(FakeBus(), updated(fleet_config(tmp_path), "mqtt", **given))
    assert "hunter2" not in str(refused.value)
    assert not (tmp_path / "table-1").exists(), "nothing is left of a start that was refused"


def test_a_key_that_everybody_may_read(tmp_path: Path, certificates: Path) -> None:
    """It is as much a secret as a password."""
    key = tmp_path / "open.key"
    shutil.copy(certificates / "table-1.key", key)
    key.chmod(0o644)
    own = {"tls": True, "cert_file": str(certificates / "table-1.crt"), "key_file": str(key)}
    with pytest.raises(ValueError, match=r"\[mqtt\] key_file = .*chmod o="):
        Mqtt(FakeBus(), updated(fleet_config(tmp_path), "mqtt", host="127.0.0.1", **own))


@pytest.mark.parametrize("allowed", [{"plain_password": True}, {"tls": True}])
def test_a_password_leaves_the_machine_only_so(tmp_path: Path, allowed: dict[str, Any]) -> None:
    """Encrypted, or by somebody's express wish."""
    secret = tmp_path / "secret"
    secret.write_text("hunter2")
    secret.chmod(0o600)
    given = {"host": "broker.example", "username": "me", "password_file": str(secret), **allowed}
    Mqtt(FakeBus(), updated(fleet_config(tmp_path), "mqtt", **given)).close()
