"""A sync against a server that has the shapes of the public ones, and every failure."""

import asyncio
import errno
import gzip
import json

import httpx
import msgspec
import pytest
from public import cards_of, encoded
from sync_desk import Clock, Desk, reasons

from catalog.store import CONTENT, PICTURES, CatalogueError, read_manifest
from catalog.sync import folder as folder_module
from catalog.sync.addresses import Addresses
from catalog.sync.fetch import Fetcher, FetchError
from catalog.sync.folder import Folder
from catalog.verify import verify


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
