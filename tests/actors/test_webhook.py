"""The webhook sink and a real HTTP server that fails in every way: nothing is lost, nothing goes astray."""

import base64
import json
import re
import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fleet_fakes import PATIENCE_S, feed, fleet_config, free_port, until, working
from receiver import Answer, Receiver, cut, endless, no_http, status

from actors.config import Config, dump, updated
from actors.sinks import webhook
from actors.sinks.signature import signed, signing_key
from actors.sinks.webhook import Webhook, backoff_s, retry_after_s, verdict
from bus.fake import FakeBus

KEY = base64.b64encode(b"k" * 32).decode()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(webhook, "LONGEST_WAIT_S", 0.02)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def receive() -> Iterator[Callable[..., Receiver]]:
    made: list[Receiver] = []

    def start(*answers: Answer, **more: Any) -> Receiver:
        made.append(Receiver(*answers, **more))
        return made[-1]

    yield start
    for one in made:
        one.close()


def secret_file(folder: Path, content: str = f"whsec_{KEY}\n") -> str:
    path = folder / "secret"
    path.write_text(content)
    path.chmod(0o600)
    return str(path)


def configured(folder: Path, port: int, scheme: str = "http", **more: Any) -> Config:
    settings = {"url": f"{scheme}://127.0.0.1:{port}/cards", "secret_file": secret_file(folder), **more}
    return updated(fleet_config(folder), "webhook", **settings)


def verifier() -> Callable[..., bool]:
    """The code that docs/fleet.md gives to receivers."""
    guide = (Path(__file__).parents[2] / "docs" / "fleet.md").read_text()
    found: dict[str, Any] = {}
    exec(guide.partition("<!-- verification -->\n```python\n")[2].partition("```")[0], found)
    verify: Callable[..., bool] = found["verify"]
    return verify


# What is sent.


def test_a_visit_is_posted_and_its_signature_can_be_verified(tmp_path: Path, receive: Callable[..., Receiver]) -> None:
    """By the very code of the guide, with nothing but the standard library; what is altered or old is noticed."""
    receiver, verify = receive(), verifier()
    with working(Webhook, configured(tmp_path, receiver.port)) as (bus, actor):
        feed(bus, actor, 1)
        headers, body = receiver.got.get(timeout=PATIENCE_S)
        until(lambda: not actor.queue(), actor)
    visit = json.loads(body)
    assert headers["content-type"] == "application/json"
    assert headers["webhook-id"] == visit["id"] == "table-1.st.s1.1.confirmed"
    assert visit["visit"]["card_id"] == "sv1-1"
    sent = int(headers["webhook-timestamp"])
    assert verify(f"whsec_{KEY}", headers, body, now=sent + 10)
    assert not verify(f"whsec_{KEY}", headers, body.replace(b"sv1-1", b"sv1-2"), now=sent)
    assert not verify(f"whsec_{base64.b64encode(b'o' * 32).decode()}", headers, body, now=sent)
    assert not verify(f"whsec_{KEY}", headers, body, now=sent + 3600)
    assert not verify(f"whsec_{KEY}", {**headers, "webhook-id": "another"}, body, now=sent)


def test_the_signature_is_that_of_the_standard() -> None:
    """Receivers take a library: this is the example of the Standard Webhooks libraries' tests."""
    key = signing_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "secret")
    headers = signed(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_visits_come_in_order(tmp_path: Path, receive: Callable[..., Receiver]) -> None:
    """One after the other, also when some have to be tried again."""
    receiver = receive(status(200), status(503), status(200), status(500), status(500))
    with working(Webhook, configured(tmp_path, receiver.port)) as (bus, actor):
        feed(bus, actor, *range(6))
        assert receiver.numbers(9) == [0, 1, 1, 2, 2, 2, 3, 4, 5]
        until(lambda: not actor.queue(), actor)
        assert bus.counts["delivered"] == 6


# What goes wrong.


@pytest.mark.parametrize(
    "answer",
    [status(500), status(503), status(401), status(403), status(404), status(408), status(425), cut, no_http],
    ids=["500", "503", "401", "403", "404", "408", "425", "cut", "no HTTP"],
)
def test_what_may_succeed_later_is_tried_again(
    tmp_path: Path, receive: Callable[..., Receiver], answer: Answer
) -> None:
    """With the same id, by which the receiver knows a repeat; the one behind it waits."""
    receiver = receive(answer, answer)
    with working(Webhook, configured(tmp_path, receiver.port)) as (bus, actor):
        feed(bus, actor, 1, 2)
        ids = [receiver.next()[0]["webhook-id"].split(".")[3] for _ in range(4)]
        until(lambda: not actor.queue(), actor)
    assert ids == ["1", "1", "1", "2"]
    assert not bus.drops


@pytest.mark.parametrize("code", [400, 410, 413, 415, 422])
def test_what_will_never_succeed_is_given_up(
    tmp_path: Path, receive: Callable[..., Receiver], code: int, capfd: pytest.CaptureFixture[str]
) -> None:
    """One visit that the receiver cannot digest must not hold up all others for ever; it is counted and named."""
    receiver = receive(status(code))
    with working(Webhook, configured(tmp_path, receiver.port)) as (bus, actor):
        feed(bus, actor, 1, 2)
        assert receiver.numbers(2) == [1, 2]
        until(lambda: not actor.queue(), actor)
        actor.step()
    assert bus.drops == {"rejected": 1}
    assert "table-1.st.s1.1.confirmed" in "".join(capfd.readouterr())


def test_a_receiver_says_when_to_come_back(
    tmp_path: Path, receive: Callable[..., Receiver], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Retry-After is longer than our own wait: whoever ignores it is shut out for longer."""
    receiver = receive(status(429, Retry_After="7"))
    with working(Webhook, configured(tmp_path, receiver.port)) as (bus, actor):
        waits: list[float] = []
        monkeypatch.setattr(actor._over, "wait", lambda timeout: waits.append(timeout))
        feed(bus, actor, 1)
        assert receiver.numbers(2) == [1, 1]
    assert waits == [7.0]


def test_a_receiver_that_hangs(tmp_path: Path, receive: Callable[..., Receiver]) -> None:
    """It accepts and says nothing: the visit is tried again after timeout_s, and the loop never waits for it."""
    free = threading.Event()
    receiver = receive(lambda _: free.wait(PATIENCE_S))
    with working(Webhook, configured(tmp_path, receiver.port, timeout_s=0.1)) as (bus, actor):
        feed(bus, actor, 1)
        assert receiver.numbers(2) == [1, 1]
        until(lambda: not actor.queue(), actor)
    free.set()


def test_an_answer_without_end(tmp_path: Path, receive: Callable[..., Receiver]) -> None:
    """Nobody reads it: it costs neither memory nor the next visit."""
    receiver = receive(endless)
    with working(Webhook, configured(tmp_path, receiver.port)) as (bus, actor):
        feed(bus, actor, 1, 2)
        assert receiver.numbers(2) == [1, 2]
        until(lambda: not actor.queue(), actor)


@pytest.mark.parametrize("code", [301, 302, 307, 308])
def test_no_redirect_is_followed(
    tmp_path: Path, receive: Callable[..., Receiver], code: int, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whoever got into the receiver could have our visits sent anywhere; the log says where it pointed."""
    elsewhere = receive()
    receiver = receive(status(code, Location=f"http://127.0.0.1:{elsewhere.port}/"))
    with working(Webhook, configured(tmp_path, receiver.port)) as (bus, actor):
        feed(bus, actor, 1)
        assert receiver.numbers(2) == [1, 1]
        until(lambda: not actor.queue(), actor)
    assert elsewhere.got.empty()
    assert f"127.0.0.1:{elsewhere.port}" in "".join(capfd.readouterr())


def test_a_receiver_that_is_away_gets_everything_later(
    tmp_path: Path, receive: Callable[..., Receiver], capfd: pytest.CaptureFixture[str]
) -> None:
    """Also after a restart of ours; and the log says it once, not for every try."""
    port = free_port()
    config = configured(tmp_path, port)
    with working(Webhook, config) as (bus, actor):
        feed(bus, actor, *range(20))
        until(lambda: actor._failures > 3, actor)
        until(actor.settled, actor)
    said = "".join(capfd.readouterr())
    assert said.count("takes no visits") == 1
    receiver = receive(port=port)
    with working(Webhook, config) as (bus, actor):
        feed(bus, actor, 20)
        assert receiver.numbers(21) == list(range(21))


# Who it is sent to.


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=here -addext subjectAltName=IP:127.0.0.1"
    subprocess.run(
        [*command.split(), "-keyout", folder / "key", "-out", folder / "crt"], check=True, capture_output=True
    )
    return folder


def test_https(tmp_path: Path, receive: Callable[..., Receiver], certificate: Path) -> None:
    """A receiver whose certificate is trusted gets visits; any other gets nothing, not even a header."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "crt", certificate / "key")
    receiver = receive(tls=context)
    config = configured(tmp_path, receiver.port, "https", ca_file=str(certificate / "crt"))
    with working(Webhook, config) as (bus, actor):
        feed(bus, actor, 1)
        assert receiver.numbers(1) == [1]
        until(lambda: not actor.queue(), actor)
    with working(Webhook, configured(tmp_path, receiver.port, "https")) as (bus, actor):
        feed(bus, actor, 2)
        until(lambda: "CERTIFICATE_VERIFY_FAILED" in actor.detail, actor)
    assert receiver.got.empty()


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"url": ""}, r"\[webhook\] url must be the receiver's address"),
        ({"url": "ftp://127.0.0.1/"}, "https://HOST/PATH"),
        ({"url": "http://shop.example/cards"}, "everybody on the way to shop.example could read along: use https://"),
        ({"url": "https://me:hunter2@shop.example/"}, "must hold no password"),
        ({"secret_file": ""}, r"set \[webhook\] secret_file \(openssl rand -base64 32 > FILE\)"),
        ({"secret_file": "/gone"}, r"\[webhook\] secret_file = /gone: No such file"),
        ({"ca_file": "/gone"}, r"\[webhook\] ca_file = /gone: No such file"),
        ({"ca_file": __file__}, r"\[webhook\] ca_file = .*name a PEM file"),
    ],
)
def test_settings_that_cannot_work(tmp_path: Path, settings: dict[str, Any], complaint: str) -> None:
    """At the start, in one line that names the key, and no secret."""
    with pytest.raises(ValueError, match=complaint) as refused:
        Webhook(FakeBus(), configured(tmp_path, 1, **settings))
    assert "hunter2" not in str(refused.value)
    assert not (tmp_path / "table-1").exists(), "nothing is left of a start that was refused"


@pytest.mark.parametrize("content", ["hunter2", "whsec_aHVudGVyMg==", "not base64 at all !!!!!!!!!!!!!!!!!!!!!!!"])
def test_a_secret_that_can_be_guessed(tmp_path: Path, content: str) -> None:
    """`changeme` signs nothing; the message says how to get a good one and not what was there."""
    with pytest.raises(ValueError, match="24 random bytes or more in base64: openssl rand -base64 32") as refused:
        signing_key(content, "[webhook] secret_file")
    assert content not in str(refused.value)


def test_the_secret_is_nowhere_to_be_read(
    tmp_path: Path, receive: Callable[..., Receiver], capfd: pytest.CaptureFixture[str]
) -> None:
    """Not in the log, the heartbeat's line, what is sent, or the configuration."""
    receiver = receive(status(500), status(400))
    config = configured(tmp_path, receiver.port)
    with working(Webhook, config) as (bus, actor):
        feed(bus, actor, 1, 2)
        sent = [receiver.got.get(timeout=PATIENCE_S) for _ in range(3)]
        until(lambda: not actor.queue(), actor)
    for text in ("".join(capfd.readouterr()), actor.detail, str(sent), dump(config), str(vars(actor))):
        assert KEY not in text


def test_plain_http_by_express_wish(tmp_path: Path) -> None:
    """Within one's own four walls."""
    Webhook(FakeBus(), configured(tmp_path, 1, url="http://shop.example/cards", plain=True)).close()


# The rules.


def test_every_status_has_a_verdict() -> None:
    """200 to 299 only is success; and nothing is given up that a person may be mending."""
    verdicts = {code: verdict(code) for code in range(100, 600)}
    assert {code for code, what in verdicts.items() if what == "taken"} == set(range(200, 300))
    given_up = {code for code, what in verdicts.items() if what == "never"}
    assert given_up == {400, 405, 406, 410, 411, 413, 414, 415, 422, 431}


def test_waits_double_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A receiver that comes back must not be met by the whole fleet at the same moment, nor after a day."""
    monkeypatch.setattr(webhook, "FIRST_WAIT_S", 1.0)
    monkeypatch.setattr(webhook, "LONGEST_WAIT_S", 300.0)
    assert [backoff_s(failures, 0.0) for failures in (0, 1, 2, 8, 9, 10**6)] == [1, 2, 4, 256, 300, 300]
    assert backoff_s(3, 1.0) == 4.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("", 0), ("30", 30), (" 30 ", 30), ("0", 0), ("-5", 0), ("soon", 0), ("1e9", 0), ("999999999", 3600), ("٣", 3),
        ("Tue, 24 Nov 2026 12:01:00 GMT", 60), ("Tue, 24 Nov 2026 11:00:00 GMT", 0),
        ("Sat, 24 Nov 2096 12:00:00 GMT", 3600),
        ("Tue, 24 Nov 2026 12:01:00 -0000", 60), ("Tue, 99 Nov 2026 12:01:00 GMT", 0),
    ],
)  # fmt: skip
def test_retry_after(header: str, seconds: float) -> None:
    """Both forms of RFC 9110; nonsense counts as nothing, and nobody can silence a device for a year."""
    assert retry_after_s(header, datetime(2026, 11, 24, 12, tzinfo=UTC)) == seconds


def test_the_guide_names_the_rules() -> None:
    """What the guide says of statuses is what the code does."""
    guide = (Path(__file__).parents[2] / "docs" / "fleet.md").read_text()
    listed = re.search(r"given up[^(]*\(((?:\d{3}[, ]*)+)\)", guide)
    assert listed is not None
    assert {int(code) for code in listed[1].split(",")} == webhook._WRONG_MESSAGE
