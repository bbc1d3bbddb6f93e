"""The pure parts of a sync: addresses, pauses, shapes, what bytes are, checksums."""

import asyncio
import hashlib
import subprocess
from datetime import UTC, datetime

import cv2
import pytest
from public import cards_of, encoded

from catalog.picture import PictureError
from catalog.sync.addresses import Addresses
from catalog.sync.checksums import Checksums
from catalog.sync.content import picture_suffix
from catalog.sync.folder import Folder, Origin
from catalog.sync.pace import Pace, Timing, backoff_s, retry_after_s
from catalog.sync.shapes import Card, Images, SetInfo, SetRef, ShapeError
from catalog.sync.sources import open_source

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ADDRESSES = Addresses("https://api.pokemontcg.io/v2", frozenset({"images.pokemontcg.io"}))


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://images.pokemontcg.io/base1/1.png", True),
        ("https://IMAGES.pokemontcg.io:443/base1/1.png", True),
        ("https://api.pokemontcg.io/v2/cards", True),
        ("http://images.pokemontcg.io/base1/1.png", False),
        ("https://images.pokemontcg.io:8443/1.png", False),
        ("https://images.pokemontcg.io.elsewhere.example/1.png", False),
        ("https://images.pokemontcg.io@elsewhere.example/1.png", False),
        ("https://user:word@images.pokemontcg.io/1.png", False),
        ("https://elsewhere.example/images.pokemontcg.io", False),
        ("https://127.0.0.1/1.png", False),
        ("https://images.pokemontcg.io:port/1.png", False),
        ("file:///etc/passwd", False),
        ("//images.pokemontcg.io/1.png", False),
        ("", False),
    ],
)
def test_only_the_sources_own_addresses(url, allowed):
    """Prevents that card data decide whom this machine talks to."""
    assert ADDRESSES.allowed(url) is allowed


@pytest.mark.parametrize(
    "base", ["http://mirror.example/v2", "ftp://127.0.0.1/", "mirror", "https://a@b.example/v2", ""]
)
def test_a_base_address_is_https_or_here(base):
    """Prevents a key in the clear."""
    with pytest.raises(ValueError, match="give https://HOST"):
        Addresses(base, frozenset())
    assert Addresses("http://localhost:8080/v2", frozenset()).allowed("http://localhost:8080/p.png")
    assert Addresses("http://[::1]:8080/v2", frozenset()).allowed("http://[::1]:8080/p.png")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("Sun, 01 Mar 2026 12:02:00 GMT", 120.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("Sun, 01 Mar 2026 12:02:00", None),
        ("-5", None),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after_in_both_forms(value, seconds):
    """Prevents that a pause that was asked for is not kept, or that nonsense ends the run."""
    assert retry_after_s(value, NOW) == seconds


def test_backing_off_doubles_to_a_minute_and_differs_from_client_to_client():
    """Prevents that all clients come back in the same second."""
    assert [backoff_s(n, lambda low, high: high) for n in (1, 2, 3, 9)] == [2, 4, 8, 60]
    assert [backoff_s(n, lambda low, high: low) for n in (1, 2, 9)] == [1, 2, 30]


def test_turns_keep_their_distance_and_a_pause_holds_all():
    """Prevents a burst of those who waited together."""
    now, turns = [0.0], []

    async def sleep(seconds):
        now[0] += seconds

    pace = Pace(2.0, Timing(lambda: now[0], sleep, lambda: NOW, max))

    async def run():
        for number in range(5):
            await pace.turn()
            turns.append(now[0])
            if number == 2:
                pace.pause(10)

    asyncio.run(run())
    assert turns == [0.0, 0.5, 1.0, 11.0, 11.5]
    assert pace.given_up == ""
    pace.pause(301)
    assert "5 minutes" in pace.given_up


def test_an_answer_between_failures_keeps_a_host():
    """Prevents that five bad pictures among thousands of good ones end a run."""
    pace = Pace(1.0, Timing())
    for _ in range(20):
        pace.failed("x")
        pace.failed("x")
        pace.answered()
    assert pace.given_up == ""


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_a_picture_is_what_its_bytes_say(suffix):
    """Prevents `1.png` that is a JPEG, and pictures whose lower half is grey."""
    data = encoded(cards_of(1)[0], suffix)
    assert picture_suffix(data) == suffix
    for part in (data[:-40], data[: len(data) // 2]):
        with pytest.raises(PictureError, match="cut off"):
            picture_suffix(part)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "nothing"),
        (b"PK\x03\x04rest", "a ZIP archive"),
        (b"%PDF-1.7", "a PDF"),
        (b"\x1f\x8b\x08", "a gzip file"),
        (b"GIF89a", "a GIF"),
        (b"  <!doctype HTML><html>", "an HTML page"),
        (b"<html><body>404", "an HTML page"),
        (b'\n{"error": 1}', "JSON"),
        (b"\x00\x01\x02", "something else"),
        (b"\xff\xd8\xffnonsense\xff\xd9", "no picture that can be decoded"),
    ],
)
def test_what_is_no_picture_is_named(data, what):
    """Prevents `cannot decode` without a hint that a server answered with its front page."""
    with pytest.raises(PictureError, match=what):
        picture_suffix(data)


def test_a_thumbnail_is_no_picture_of_a_card(picture):
    """Prevents a card whose reference is a smudge."""
    small = cv2.imencode(".png", picture(1)[::4, ::4])[1].tobytes()
    with pytest.raises(PictureError, match="64 x 90 pixels, too small"):
        picture_suffix(small)


def test_the_list_is_one_for_sha256sum_and_survives_a_kill(tmp_path):
    """Prevents that a line that was cut off swallows the next one, and a list that no other program reads."""
    for name in ("a.png", "ü b.png"):
        (tmp_path / name).write_bytes(name.encode())
    sums = Checksums(tmp_path)
    sums.add("a.png", b"older")
    sums.close()
    with (tmp_path / "SHA256SUMS").open("a") as file:
        file.write("0123abc")
    sums = Checksums(tmp_path)
    sums.add("a.png", b"a.png")
    sums.add("gone.png", b"gone")
    sums.add("ü b.png", "ü b.png".encode())
    assert Checksums(tmp_path).get("a.png") == hashlib.sha256(b"a.png").hexdigest()
    sums.tidy()
    assert len((tmp_path / "SHA256SUMS").read_text().splitlines()) == 2
    done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_folder_has_one_origin(tmp_path):
    """Prevents that the ids of two sources, or of two languages, get in each other's way."""
    folder = Folder(tmp_path / "f")
    assert folder.origin(source=None, language=None, images=None) == Origin()
    folder.write_origin(folder.origin(source="tcgdex", language="ja", images=None))
    assert folder.origin(source=None, language="ja", images=None) == Origin("tcgdex", "ja", "small")
    with pytest.raises(ValueError, match="a folder with language ja, not en: name another"):
        folder.origin(source=None, language="en", images=None)
    (tmp_path / "f" / "source.json").write_text("{")
    with pytest.raises(ValueError, match=r"source\.json is damaged"):
        folder.origin()


def test_something_else_is_not_taken_for_a_folder(tmp_path):
    """Prevents that a slip of the tongue fills somebody's home with pictures."""
    (tmp_path / "mine.txt").touch()
    for path in (tmp_path, tmp_path / "mine.txt"):
        with pytest.raises(ValueError, match="name a"):
            Folder(path)


def test_addresses_of_pokemontcg():
    """Prevents that the API is asked for texts and prices, or a copy of the repository at addresses of the API."""
    api, tree = open_source("pokemontcg", "en"), open_source("pokemontcg", "en", "https://h.example/master/")
    assert api.sets_url() == "https://api.pokemontcg.io/v2/sets?orderBy=releaseDate&page=1&pageSize=250"
    assert "q=set.id%3Asv1&" in api.cards_url("sv1")
    assert "select=id%2Cname" in api.cards_url("sv1")
    assert "q=set.id%3Aa%26b" in api.cards_url("a&b")
    assert (tree.sets_url(), tree.cards_url("sv1")) == (
        "https://h.example/master/sets/en.json",
        "https://h.example/master/cards/en/sv1.json",
    )
    assert "/cards/en/..%2Fx.json" in tree.cards_url("../x")


def test_pages_of_pokemontcg_end():
    """Prevents a run that asks for empty pages for ever when the counts are wrong."""
    api = open_source("pokemontcg", "en")
    first = api.cards_url("sv1")
    page = b'{"data": [%s], "page": 1, "pageSize": 2, "count": 2, "totalCount": 3}'
    second = api.next_page(first, page % b"1, 2")
    assert second == first.replace("page=1", "page=2")
    assert api.next_page(first, page % b"") is None
    assert api.next_page(second, b'{"data": [3], "page": 2, "pageSize": 2, "totalCount": 3}') is None


def test_a_card_as_pokemontcg_sends_it():
    """Prevents that fields that are not used get in the way, or that a set's name is lost."""
    body = (
        b'{"data": [{"id": "sv1-1", "name": "Pineco", "supertype": "Pok\\u00e9mon", "hp": "60", "number": "1", '
        b'"rarity": "Common", "set": {"id": "sv1", "name": "?", "total": 258}, "attacks": [{}], "tcgplayer": {}, '
        b'"images": {"small": "https://images.pokemontcg.io/sv1/1.png", "large": "L"}}], "page": 1, "totalCount": 1}'
    )
    (card,) = open_source("pokemontcg", "en").cards(body, SetInfo(id="sv1", name="Scarlet & Violet"))
    assert card == Card(
        id="sv1-1",
        name="Pineco",
        supertype="Pokémon",
        number="1",
        rarity="Common",
        set=SetRef("sv1", "Scarlet & Violet"),
        images=Images("https://images.pokemontcg.io/sv1/1.png", "L"),
    )
    assert (card.picture_url("large"), Card(id="a", name="A").picture_url("small")) == ("L", "")
    assert Card(id="a", name="A", images=Images("S")).picture_url("large") == "S"


def test_a_set_as_tcgdex_sends_it():
    """Prevents that its shape (docs at tcgdex.dev/rest/set) is not the one that is read; a picture may be lacking."""
    source = open_source("tcgdex", "fr")
    assert source.cards_url("sm7.5") == "https://api.tcgdex.net/v2/fr/sets/sm7.5"
    (one,) = source.sets(b'[{"id": "swsh3", "name": "T", "logo": "x", "cardCount": {"total": 201, "official": 189}}]')
    assert (one.id, one.name, one.total) == ("swsh3", "T", 201)
    body = (
        b'{"cardCount": {"total": 201}, "cards": [{"id": "swsh3-136", "image": '
        b'"https://assets.tcgdex.net/fr/swsh/swsh3/136", "localId": "136", "name": "Fouinar"}, '
        b'{"id": "swsh3-1", "localId": 1, "name": "Papilusion V"}], "id": "swsh3", "serie": {"id": "swsh"}}'
    )
    first, second = source.cards(body, one)
    assert first.picture_url("large") == "https://assets.tcgdex.net/fr/swsh/swsh3/136/high.webp"
    assert first.picture_url("small") == "https://assets.tcgdex.net/fr/swsh/swsh3/136/low.webp"
    assert (second.number, second.picture_url("small"), second.set) == ("1", "", SetRef("swsh3", "T"))
    with pytest.raises(ShapeError, match="a set of TCGdex expected"):
        source.cards(b'{"type": "https://tcgdex.dev/errors/not-found"}', one)


def test_languages_that_there_are_not():
    """Prevents an English catalogue for somebody who asked for Japanese."""
    with pytest.raises(ValueError, match="English cards alone, not ja: take --source tcgdex"):
        open_source("pokemontcg", "ja")
    with pytest.raises(ValueError, match="no language jp; it has en, fr"):
        open_source("tcgdex", "jp")
    with pytest.raises(ValueError, match="no source scryfall; there are pokemontcg, tcgdex"):
        open_source("scryfall", "en")
