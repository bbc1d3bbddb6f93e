"""A sync against a server that has the shapes of the public ones, and every failure."""

import asyncio
import csv
import errno
import gzip
import json
from datetime import UTC, datetime

import httpx
import msgspec
import pytest
from public import Public, cards_of, cut, encoded, instead, never, status, tag

from catalog.store import CONTENT, PICTURES, Catalogue, CatalogueError, read_manifest
from catalog.sync import folder as folder_module
from catalog.sync.addresses import Addresses
from catalog.sync.fetch import Fetcher, FetchError, open_client
from catalog.sync.folder import Folder
from catalog.sync.pace import Timing
from catalog.sync.run import Sync, finish
from catalog.sync.sources import open_source
from catalog.sync.supply import Offline, Online
from catalog.verify import verify

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Clock:
    """Time that passes only where somebody sleeps."""

    def __init__(self):
        self.s, self.slept = 0.0, []
        self.timing = Timing(lambda: self.s, self._sleep, lambda: NOW, lambda low, high: high)

    async def _sleep(self, seconds):
        self.slept.append(round(seconds, 3))
        self.s += seconds
        await asyncio.sleep(0)


class Nobody:
    """A watcher that keeps what it is told."""

    def __init__(self):
        self.expected, self.count, self.sets = 0, 0, []

    def expect(self, cards):
        self.expected = cards

    def settled(self, cards):
        self.count += cards

    def set_done(self, done):
        self.sets.append(done.id)


class Desk:
    """Runs syncs into one folder."""

    def __init__(self, public, root, embedder):
        self.public, self.root, self.embedder = public, root, embedder
        self.clock, self.watcher = Clock(), Nobody()

    def __call__(self, sets=None, *, offline=False, source="pokemontcg", base="", key="", deadline_s=20.0):
        folder = Folder(self.root)
        chosen = open_source(source, "en", base or self.public.api)

        async def run(sums):
            async with open_client(chosen.base_url) as client:
                addresses = Addresses(chosen.base_url, chosen.picture_hosts)
                pace = {"requests_per_s": chosen.requests_per_s, "key": key, "deadline_s": deadline_s}
                fetcher = Fetcher(client, addresses, timing=self.clock.timing, **pace)
                supply = Offline(folder) if offline else Online(folder, chosen, fetcher, "small")
                return await Sync(folder, sums, supply, "small", self.watcher).run(sets)

        with folder.held() as sums:
            return finish(folder, *asyncio.run(run(sums)), self.embedder)

    @property
    def catalogue(self):
        return Catalogue.load(self.root / "catalogue")


@pytest.fixture(scope="module")
def specs():
    return cards_of(6)


@pytest.fixture
def public():
    server = Public()
    yield server
    server.close()


@pytest.fixture
def desk(public, tmp_path, embedder):
    return Desk(public, tmp_path / "synced", embedder)


@pytest.fixture
def paths(public, specs):
    """The set `a` of three cards, `b` of two."""
    return public.add_set("a", specs[:3]) + public.add_set("b", specs[3:5])


def reasons(report):
    return {one.id or one.set or "sets": one.reason for one in report.missing}


@pytest.mark.parametrize(
    ("source", "base"), [("pokemontcg", "api"), ("pokemontcg", "repository"), ("tcgdex", "api")], ids=lambda name: name
)
def test_every_source_gives_a_sound_catalogue(desk, public, paths, embedder, source, base):
    """Prevents names, numbers or pictures that go astray between a source's shape and the catalogue."""
    report = desk(source=source, base=getattr(public, base))
    assert (report.missing, report.built.cards, report.built.embedded) == ((), 5, 5)
    catalogue = desk.catalogue
    assert catalogue.ids == ("a-1", "a-2", "a-3", "b-1", "b-2")
    card = catalogue.cards["b-2"]
    assert (card.name, card.set, card.set_name, card.number) == (public.sets["b"][1]["name"], "b", "Set b", "2")
    assert catalogue.picture("b-2").read_bytes() == public.files["/pictures/b/2.png"]
    assert verify(desk.root / "catalogue", embedder) == []
    assert (desk.watcher.expected, desk.watcher.count, desk.watcher.sets) == (5, 5, ["a", "b"])


def test_a_second_run_fetches_nothing_and_asks_with_etags(desk, public, paths):
    """Prevents that a daily run downloads 20,000 pictures again."""
    desk()
    public.asked.clear()
    report = desk()
    assert (public.counted(), report.built.embedded, report.missing) == ({}, 0, ())
    assert len(public.asked) == 3
    assert all("If-None-Match" in one.headers for one in public.asked)
    assert [done.fetched for done in report.sets] == [0, 0]


def test_a_set_list_that_grows_costs_the_new_set_and_gives_the_catalogue_of_one_go(
    desk, public, specs, tmp_path, embedder
):
    """Prevents that new sets mean building everything again, or a catalogue that depends on the order of runs."""
    public.add_set("b", specs[:3])
    desk()
    public.add_set("a", specs[3:6])
    public.asked.clear()
    report = desk()
    assert (report.built.embedded, report.built.cards, sum(public.counted().values())) == (3, 6, 3)
    at_one_go = Desk(public, tmp_path / "at-one-go", embedder)
    assert at_one_go().built.embedded == 6
    for name in (*CONTENT, PICTURES):
        assert (desk.root / "catalogue" / name).read_bytes() == (at_one_go.root / "catalogue" / name).read_bytes()
    ours, theirs = (read_manifest(one.root / "catalogue") for one in (desk, at_one_go))
    assert msgspec.structs.replace(ours, created="", sources=()) == msgspec.structs.replace(
        theirs, created="", sources=()
    )


def test_sets_of_several_runs_add_up_and_pages_are_all_read(desk, public, paths):
    """Prevents that `--sets b` drops what `--sets a` brought, and that a big set ends at its first page."""
    public.page_size = 2
    assert desk(["a"]).built.cards == 3
    assert desk(["b"]).built.cards == 5
    assert public.counted("/v2/cards") == {"/v2/cards": 3}


def test_a_set_that_there_is_not_names_the_nearest(desk, paths):
    """Prevents an empty run after a slip of the keyboard."""
    with pytest.raises(ValueError, match="no set aa; did you mean a"):
        desk(["b", "aa"])
    with pytest.raises(CatalogueError):
        _ = desk.catalogue


FINAL = {
    "404": (status(404), "HTTP 404 Not Found"),
    "HTML": (instead(b"<!DOCTYPE html><html>soon</html>"), "an HTML page instead of a picture"),
    "ZIP": (instead(b"PK\x03\x04zipped"), "a ZIP archive instead"),
    "JSON": (instead(b'{"error": 1}'), "JSON instead"),
    "nothing": (instead(b""), "nothing instead"),
    "elsewhere": (status(302, Location="https://elsewhere.example/a.png"), "elsewhere.example/a.png, which is not"),
    "a short length": (instead(b"\x89PNG\r\n\x1a\n" + bytes(900)), "cut off"),
}


@pytest.mark.parametrize("what", FINAL)
def test_what_does_not_pass_is_listed_at_once_and_the_rest_is_built(desk, public, paths, what):
    """Prevents a run that ends, or hammers the server, for one picture; the next run gets it."""
    fault, reason = FINAL[what]
    public.faults[paths[0]] = [fault]
    report = desk()
    assert reason in reasons(report)["a-1"]
    assert public.counted()[paths[0]] == 1
    assert "a-1" not in desk.catalogue.ids
    lines = list(csv.DictReader((desk.root / "left-out.csv").open()))
    assert lines[0] | {"reason": ""} == {
        "set": "a",
        "id": "a-1",
        "name": public.sets["a"][0]["name"],
        "reason": "",
        "url": f"{public.root}{paths[0]}",
    }
    assert desk().missing == ()
    assert len(desk.catalogue.ids) == 5


def test_a_redirect_is_followed_within_the_source_and_not_for_ever(desk, public, paths):
    """Prevents that a picture that moved is lost, and a run that circles."""
    public.faults[paths[0]] = [status(302, Location=paths[1])]
    public.faults[paths[2]] = [status(302, Location=paths[2])] * 9
    assert reasons(desk(["a"])) == {"a-3": "it is redirected again and again"}
    assert public.counted()[paths[2]] == 4


PASSING = {
    "500 then fine": ([status(500)], [2.0]),
    "503 twice": ([status(503), status(503)], [2.0, 4.0]),
    "429 in seconds": ([status(429, Retry_After="17")], [17.0]),
    "429 with a date": ([status(429, Retry_After="Sun, 01 Mar 2026 12:00:40 GMT")], [40.0]),
    "429 with nonsense": ([status(429, Retry_After="soon")], [2.0]),
    "cut": ([cut(100)], [2.0]),
    "a long length": ([cut(10**9, more=100)], [2.0]),
}


@pytest.mark.parametrize("what", PASSING)
def test_what_passes_is_tried_again_after_a_pause(desk, public, specs, what):
    """Prevents gaps after a server's bad moment, and a server that is asked again too soon."""
    (path,) = public.add_set("a", specs[:1])
    faults, pauses = PASSING[what]
    public.faults[path] = list(faults)
    report = desk()
    assert (report.missing, public.counted()[path]) == ((), len(faults) + 1)
    assert [round(one) for one in desk.clock.slept if one > 1.99][-len(pauses) :] == pauses


def test_a_cut_picture_goes_on_where_it_was_cut(desk, public, specs):
    """Prevents that a bad line fetches the same half of a picture for ever."""
    body = encoded(specs[0])
    (path,) = public.add_set("a", specs[:1], [body])
    public.faults[path] = [cut(1000, ETag=tag(body))]
    assert desk().missing == ()
    first, second = (one.headers for one in public.asked if one.path == path)
    assert "Range" not in first
    assert (second["Range"], second["If-Range"]) == ("bytes=1000-", tag(body))


def test_a_picture_that_changed_while_it_was_cut_starts_anew(desk, public, specs):
    """Prevents a picture made of two halves: its tag is no longer the one that is there."""
    (path,) = public.add_set("a", specs[:1])
    public.faults[path] = [cut(1000, ETag='"older"')]
    assert desk().missing == ()
    assert (desk.root / "pictures/a/a-1.png").read_bytes() == public.files[path]


def test_a_body_that_does_not_come_is_given_up(desk, public, specs):
    """Prevents a sync that hangs over night."""
    slow, fine = public.add_set("a", specs[:2])
    public.faults[slow] = [never(public.released)] * 5
    report = desk(deadline_s=0.1)
    assert reasons(report) == {"a-1": "no answer in time (5 attempts)"}
    assert public.counted()[fine] == 1


def test_a_host_that_asks_for_hours_is_left_alone(desk, public, specs):
    """Prevents that a used-up quota of the day becomes 20,000 refused requests."""
    paths = public.add_set("a", cards_of(20, 3))
    for path in paths:
        public.faults[path] = [status(429, Retry_After="7200")] * 9
    report = desk()
    assert len(report.missing) == 20
    assert "left alone for 120 minutes" in report.missing[-1].reason
    assert sum(public.counted().values()) <= 4
    assert report.built is None


def test_a_host_that_is_down_is_given_up_after_a_few(desk, public, specs):
    """Prevents a week of attempts: five for each of 20,000 pictures."""
    paths = public.add_set("a", cards_of(20, 3))
    for path in paths:
        public.faults[path] = [status(502)] * 99
    report = desk()
    assert len(report.missing) == 20
    assert "downloads in a row failed" in report.missing[-1].reason
    assert sum(public.counted().values()) <= 9 * 5


SHAPES = {
    "no JSON": b"<html>maintenance</html>",
    "a list": b"[]",
    "data of another kind": b'{"data": {"id": "a"}}',
    "a card without a name": b'{"data": [{"id": "a-1"}], "page": 1, "pageSize": 250, "totalCount": 1}',
}


@pytest.mark.parametrize("what", SHAPES)
def test_another_shape_is_named_and_the_cards_of_before_stay(desk, public, paths, what):
    """Prevents a traceback, or a catalogue without names, when a source changes; and that its junk is remembered."""
    desk()
    public.sets["a"][0]["name"] = "Renamed"
    public.faults["/v2/cards"] = [instead(SHAPES[what], ETag='"junk"')]
    report = desk()
    assert "of pokemontcg.io expected" in reasons(report)["a"]
    assert (len(desk.catalogue.ids), desk.catalogue.cards["a-1"].name != "Renamed") == (5, True)
    assert desk().missing == ()
    assert desk.catalogue.cards["a-1"].name == "Renamed"


def test_a_source_without_its_list_still_serves_the_sets_that_are_known(desk, public, paths):
    """Prevents that one failing address stops the pictures that are still to come."""
    public.faults[paths[0]] = [status(404)]
    desk()
    public.faults["/v2/sets"] = [status(500)] * 5
    report = desk()
    assert reasons(report) == {"sets": "HTTP 500 Internal Server Error (5 attempts)"}
    assert len(desk.catalogue.ids) == 5


def test_nothing_at_all_builds_nothing_and_says_so(desk, public):
    """Prevents a traceback at the first run without a network."""
    public.faults["/v2/sets"] = [status(500)] * 5
    report = desk()
    assert (list(reasons(report)), report.built) == (["sets"], None)


def test_pictures_elsewhere_are_not_followed(desk, public, paths):
    """Prevents that card data lead to hosts of others, plain http, or this machine's own files."""
    urls = ["https://elsewhere.example/1.png", "http://images.pokemontcg.io/1.png", "file:///etc/passwd"]
    for card, url in zip(public.sets["a"], urls, strict=True):
        card["images"] = {"small": url}
    found = reasons(desk(["a"]))
    assert all("which is not the source's" in found[f"a-{number}"] for number in (1, 2, 3))


def test_ids_that_are_no_file_names(desk, public, specs):
    """Prevents files outside the folder, and cards like `ex10-?` that cannot be kept."""
    public.add_set("a", specs[:4])
    for card, card_id in zip(public.sets["a"], ("ex10-?", "../../escaped", "TG01/TG30", "x" * 400), strict=True):
        card["id"] = card_id
    report = desk()
    assert list(reasons(report)) == ["x" * 400]
    assert set(desk.catalogue.ids) == {"ex10-?", "../../escaped", "TG01/TG30"}
    assert not list(desk.root.parent.rglob("escaped*"))
    assert desk().built.embedded == 0


def test_placeholders_are_left_out_and_asked_for_again(desk, public, specs):
    """Prevents `image coming soon` in the catalogue, and that it stays when the picture has come."""
    soon = encoded(cards_of(1, 9)[0])
    paths = public.add_set("a", specs[:4], [encoded(specs[0]), soon, soon, encoded(specs[3])])
    report = desk()
    assert reasons(report) == dict.fromkeys(("a-2", "a-3"), "its picture is a placeholder")
    assert desk.catalogue.ids == ("a-1", "a-4")
    assert reasons(desk(offline=True)) == reasons(report)
    for path, spec in zip(paths, specs, strict=False):
        public.files[path] = encoded(spec)
    public.asked.clear()
    assert desk().missing == ()
    assert public.counted() == {paths[1]: 1, paths[2]: 1}
    assert not list(desk.root.rglob("*.placeholder"))


def test_a_card_without_a_picture_is_listed(desk, public, paths):
    """Prevents a request for nothing."""
    del public.sets["a"][1]["images"]
    assert reasons(desk()) == {"a-2": "the source has no picture"}


def test_a_damaged_file_is_fetched_again_and_kept_aside_until_then(desk, public, paths):
    """Prevents that a bad sector becomes a card's embedding, and that it is lost where it cannot be fetched."""
    desk()
    path = desk.root / "pictures/a/a-2.png"
    path.write_bytes(path.read_bytes()[:-7] + b"garbage")
    assert reasons(desk(offline=True)) == {"a-2": "its picture is not here"}
    assert path.with_name("a-2.png.damaged").exists()
    public.asked.clear()
    assert desk().missing == ()
    assert public.counted() == {paths[1]: 1}
    assert not list(desk.root.rglob("*.damaged"))


def test_offline_asks_nobody_and_says_what_is_missing(desk, public, paths):
    """Prevents that a machine without a network can do nothing with a copied folder."""
    desk(["a"])
    (desk.root / "pictures/a/a-3.png").unlink()
    public.asked.clear()
    report = desk(["a", "b"], offline=True)
    assert reasons(report) == {"a-3": "its picture is not here", "b": "they are not here"}
    assert (desk.catalogue.ids, public.asked) == (("a-1", "a-2"), [])
    assert list(reasons(desk(offline=True))) == ["a-3"]


def test_offline_takes_a_folder_that_others_filled(desk, public, paths, specs):
    """Prevents that pictures from elsewhere need our lists: whole ones are taken, broken ones are not."""
    cards = desk.root / "metadata/cards"
    cards.mkdir(parents=True)
    (cards / "a.json.gz").write_bytes(gzip.compress(json.dumps(public.sets["a"]).encode()))
    (desk.root / "pictures/a").mkdir(parents=True)
    for number in (1, 2):
        (desk.root / f"pictures/a/a-{number}.jpg").write_bytes(encoded(specs[number], ".jpg"))
    (desk.root / "pictures/a/a-3.jpg").write_bytes(encoded(specs[3], ".jpg")[:-3000])
    report = desk(offline=True)
    assert reasons(report) == {"a-3": "its picture is not here"}
    assert desk.catalogue.cards["a-2"].name == public.sets["a"][1]["name"]
    assert (desk.root / "SHA256SUMS").read_text().count("\n") == 2


def test_a_full_disk_ends_the_run_and_leaves_the_catalogue(desk, public, paths, specs, monkeypatch):
    """Prevents a half-written picture under its name, and the loss of the catalogue that worked."""
    desk(["a"])
    before = read_manifest(desk.root / "catalogue")
    written = folder_module.write_whole

    def full(path, content):
        if path.name == "b-2.png":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        written(path, content)

    monkeypatch.setattr(folder_module, "write_whole", full)
    with pytest.raises(OSError, match="No space left"):
        desk()
    assert read_manifest(desk.root / "catalogue") == before
    assert not (desk.root / "pictures/b/b-2.png").exists()
    monkeypatch.undo()
    public.asked.clear()
    assert desk().missing == ()
    assert public.counted() == {paths[4]: 1}


def test_the_key_goes_to_the_source_alone(desk, public, paths, specs):
    """Prevents that a key ends up in the logs of whoever a redirect leads to, or with the host of pictures."""
    desk(key="secret-key")
    assert {one.headers.get("X-Api-Key") for one in public.asked} == {"secret-key"}
    seen = []

    def transport(request):
        seen.append((request.url.host, request.headers.get("X-Api-Key")))
        return httpx.Response(403)

    async def run():
        client = httpx.AsyncClient(transport=httpx.MockTransport(transport))
        addresses = Addresses("https://api.pokemontcg.io/v2", frozenset({"images.pokemontcg.io"}))
        fetcher = Fetcher(client, addresses, requests_per_s=1, key="secret-key", timing=Clock().timing)
        for get in (fetcher.picture("https://images.pokemontcg.io/a.png"), fetcher.document(addresses.base_url)):
            with pytest.raises(FetchError, match="is the key right") as error:
                await get
            assert "secret" not in str(error.value)

    asyncio.run(run())
    assert seen == [("images.pokemontcg.io", None), ("api.pokemontcg.io", "secret-key")]


def test_a_picture_that_is_too_large_is_not_taken_into_memory(desk, public, paths, monkeypatch):
    """Prevents that one answer fills the memory."""
    monkeypatch.setattr("catalog.sync.fetch._PICTURE_BYTES", 500)
    assert set(reasons(desk(["a"])).values()) == {"more than 0 MB"}


def test_two_syncs_in_one_folder_are_refused(desk, paths):
    """Prevents two writers of one list of checksums."""
    with Folder(desk.root).held(), pytest.raises(ValueError, match="another sync works in"):
        desk()


def test_what_a_killed_build_left_is_put_right(desk, paths):
    """Prevents a folder without a catalogue after a kill between two renames, and half ones that fill the disk."""
    desk()
    catalogue = desk.root / "catalogue"
    catalogue.rename(desk.root / "catalogue.old-99999")
    (desk.root / "catalogue.partial-99999").mkdir()
    (desk.root / "pictures/a/a-9.png.partial-99999").write_bytes(b"half")
    report = desk(offline=True)
    assert (report.built.embedded, report.built.cards) == (0, 5)
    assert not [path for path in desk.root.rglob("*") if ".partial-" in path.name or ".old-" in path.name]


def test_polite_limits(desk, public, paths):
    """Prevents that a public service is asked faster than it allows: 30 documents a minute without a key."""
    desk()
    assert desk.clock.s >= 2 * 2
