"""Out and in again: the same cards, the same words, and nothing that a spreadsheet would run."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shelf_of_cards import ARVEN, CARDS, FIRE, FLABEBE, FORMULA, NOON, PIKACHU, seen

from collection.cells import bare, guarded
from collection.database import CollectionError, Database
from collection.deck import deck_list
from collection.history import fix, undo
from collection.layouts import LAYOUTS, Layout, recognised
from collection.query import Filter, holdings, page, sessions
from collection.records import CONDITIONS, FINISHES, Card, Said
from collection.shelf import Shelf
from collection.transfer import Imported, export, read, take_in

TODAY = "2026-11-24"
HEADERS = {
    "collectr": "Portfolio Name,Category,Set,Product Name,Card Number,Rarity,Variance,Grade,Card Condition,"
    "Average Cost Paid,Quantity,Market Price (As of 2026-11-24),Price Override,Watchlist,Date Added,Notes",
    "tcgplayer": "Quantity,Name,Simple Name,Set,Card Number,Set Code,Printing,Condition,Language,Rarity,Product ID,SKU",
    "dragonshield": '"sep=,"\r\nFolder Name,Quantity,Trade Quantity,Card Name,Set Code,Set Name,Card Number,Condition,'
    "Printing,Language,Price Bought,Date Bought",
    "pokecollector": "set_code,number,quantity,condition,variant,lang,purchase_price",
}
every_layout = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=lambda one: one.name)


def text(database: Database, layout: Layout, chosen: Filter | None = None, **more: Any) -> str:
    out = io.StringIO(newline="")
    export(database, chosen or Filter(), layout, out, today=TODAY, **more)
    return out.getvalue()


def file(path: Path, content: str) -> Path:
    path.write_bytes(content.encode())
    return path


def taken(database: Database, path: Path, **more: Any) -> Imported:
    layout, lines = read(path)
    return take_in(database, layout, lines, Shelf(CARDS), source=path.name, now_ms=NOON, **more)


def fill(database: Database) -> None:
    """Every finish and condition, unknown ones, prices, notes, and names that are hard to write down."""
    seen(database, *CARDS, *[PIKACHU] * 7, FLABEBE)
    for visit, finish in enumerate(FINISHES, 6):
        fix(database, [visit], {"finish": finish, "condition": CONDITIONS[(visit - 6) % 6], "language": "ja"}, 0)
    fix(database, [1], {"price": "12.50", "quantity": 3, "note": '-2+3, "quoted",\nsecond line; ünïcode ☃'}, 0)
    fix(database, [2], {"note": "'=already quoted", "language": "de"}, 0)


@every_layout
def test_the_columns_are_exactly_the_tools(database: Database, layout: Layout) -> None:
    """Other programs refuse a file for one column that is spelled otherwise."""
    expected = HEADERS.get(layout.name, ",".join(layout.columns))
    assert text(database, layout) == f"{expected}\r\n"


@every_layout
def test_there_and_back(database: Database, layout: Layout, tmp_path: Path) -> None:
    """What was written is read as the same cards with the same said of them, and written again as the same file."""
    fill(database)
    before = text(database, layout)
    with Database(tmp_path / "other.sqlite", create=True) as other:
        done = taken(other, file(tmp_path / "f.csv", before))
        assert (done.layout, done.bad, done.added) == (layout.name, [], 15)
        assert text(other, layout) == before
        again = [(one.card, one.said, one.quantity) for one in holdings(other, Filter(), layout.said)]
    first = [(one.card, one.said, one.quantity) for one in holdings(database, Filter(), layout.said)]
    if layout.name == "plain":
        assert again == first
    assert [(card, said.finish, count) for card, said, count in again] == [
        (card, said.finish, count) for card, said, count in first
    ]


@every_layout
def test_unknown_stays_unknown(database: Database, layout: Layout, tmp_path: Path) -> None:
    """The finish cannot be seen in every picture: a guess would be sold as a fact."""
    seen(database, PIKACHU)
    written = text(database, layout)
    assert not any(word in written for word in ("Normal", "normal", "Near", "NM", "near", "English"))
    with Database(tmp_path / "other.sqlite", create=True) as other:
        taken(other, file(tmp_path / "f.csv", written))
        assert page(other, Filter(), 9)[0].said == Said()


def test_a_person_may_say_it_for_all(database: Database) -> None:
    """Where the other program insists on a finish: said by the person who exports, and of unknown ones alone."""
    seen(database, PIKACHU, FLABEBE)
    fix(database, [2], {"finish": "holofoil"}, 0)
    rows = list(csv.DictReader(io.StringIO(text(database, LAYOUTS["tcgplayer"], given=Said(finish="normal")))))
    assert [(row["Printing"], row["Condition"]) for row in rows] == [("Normal", ""), ("Holofoil", "")]
    assert page(database, Filter(), 9)[1].said.finish is None


def test_no_layout_is_told_of_a_better_card_than_there_is(database: Database) -> None:
    """Who has no word for mint gets the next one below."""
    seen(database, PIKACHU)
    fix(database, [1], {"condition": "mint"}, 0)
    written = {name: text(database, layout) for name, layout in LAYOUTS.items()}
    assert [word in written[name] for name, word in [("tcgplayer", "Near Mint"), ("dragonshield", ",Mint,")]] == [
        True,
        True,
    ]


@every_layout
def test_no_cell_is_a_formula(database: Database, layout: Layout) -> None:
    """`=HYPERLINK(…)` in a note or a card's name would be run by the spreadsheet of whoever opens the file."""
    seen(database, FORMULA, PIKACHU)
    for sign, visit in (("=cmd|' /C calc'!A0", 1), ("@SUM(1)", 2)):
        fix(database, [visit], {"note": sign}, 0)
    for row in csv.reader(io.StringIO(text(database, layout), newline="")):
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r", "＝")) for cell in row), row


@settings(deadline=None)
@given(st.text(alphabet=st.sampled_from("'=+-@\t\r\n＝ a1"), max_size=6))
def test_guarding_loses_nothing(cell: str) -> None:
    """What begins with a quote anyway, or with one before an equals sign, comes back as it was."""
    assert bare(guarded(cell)) == cell
    assert guarded(cell)[:1] not in tuple("=+-@\t\r")


@every_layout
def test_a_file_that_is_read_twice_changes_nothing(database: Database, layout: Layout, tmp_path: Path) -> None:
    """Merging: the same export of the other program, with three cards more, brings three cards."""
    fill(database)
    path = file(tmp_path / "f.csv", text(database, layout))
    done = taken(database, path)
    assert (done.added, done.present, done.change) == (0, 15, None)
    assert (taken(database, path, how="add").added, len(sessions(database, 9))) == (15, 2)
    undo(database, 0)
    assert (taken(database, path).added, text(database, layout)) == (0, path.read_bytes().decode())


def test_merging_adds_the_difference_alone(database: Database, tmp_path: Path) -> None:
    """Five in the file and two here are three new ones, also where the file has them on two lines."""
    seen(database, PIKACHU, PIKACHU)
    rows = "set_code,number,quantity,condition,variant,lang,purchase_price\r\nMEW,25,4,,,,\r\nMEW,025/165,1,,,,\r\n"
    done = taken(database, file(tmp_path / "f.csv", rows))
    assert (done.added, done.present) == (3, 2)
    assert next(holdings(database, Filter())).quantity == 5


BAD = (
    "set_code,number,quantity,condition,variant,lang,purchase_price\r\n"
    "MEW,25,1,NM,,en,3.50\r\n"
    "MEW,25,none,,,,\r\n"
    "MEW,999,1,,,,\r\n"
    "MEW,25,1,pristine,,,\r\n"
    "MEW,25,1,,shiny,,\r\n"
    "MEW,25,1,,,klingon,\r\n"
    "MEW,25,1,,,,cheap\r\n"
    "MEW,25\r\n"
    "\r\n"
    "MEW,25,-1,,,,\r\n"
    "MEW,25,٣,,,,\r\n"
)


def test_bad_rows_are_named_and_nothing_is_half_written(database: Database, tmp_path: Path) -> None:
    """One row of a thousand is wrong: which, why, and the collection is as it was."""
    path = file(tmp_path / "f.csv", BAD)
    done = taken(database, path)
    assert [line for line, _ in done.bad] == [3, 4, 5, 6, 7, 8, 9, 11, 12]
    for (_, problem), word in zip(
        done.bad,
        ["'none'", "no card 999 of MEW is known", "pristine", "shiny", "klingon", "cheap", "2 cells"],
        strict=False,
    ):
        assert word in problem
    assert (page(database, Filter(), 9), done.change, sessions(database, 9)) == ([], None, [])
    done = taken(database, path, skip_bad=True)
    assert (done.added, len(done.bad)) == (1, 9)
    assert page(database, Filter(), 9)[0].said == Said(finish=None, condition="near mint", language="en", price="3.50")


def test_a_dry_run_writes_nothing(database: Database, tmp_path: Path) -> None:
    """To see what would happen, before it does."""
    rows = "set_code,number,quantity,condition,variant,lang,purchase_price\nXY,83,2,,,,\n"
    done = taken(database, file(tmp_path / "f.csv", rows), dry_run=True)
    assert (done.added, done.change) == (2, None)
    assert page(database, Filter(), 9) == []


def test_an_import_is_one_step(database: Database, tmp_path: Path) -> None:
    """The wrong file: one undo, and it never was."""
    rows = "set_code,number,quantity,condition,variant,lang,purchase_price\nXY,83,2,,,,\nOBF,186,1,,,,\n"
    done = taken(database, file(tmp_path / "f.csv", rows))
    assert undo(database, 0).change == done.change
    assert page(database, Filter(), 9) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the first line must name the columns"),
        (b"name,number\nx,1\n", r"exactly \(plain: card_id"),
        ("set_code,Pokémon".encode("latin-1"), "save it as CSV in UTF-8"),
        (b"set_code,number,quantity,condition,variant,lang,purchase_price\n" + b"x" * 200_000, "line .*field larger"),
    ],
)
def test_a_file_of_another_kind(tmp_path: Path, content: bytes, message: str) -> None:
    """One line that says what is expected."""
    (tmp_path / "f.csv").write_bytes(content)
    with pytest.raises(CollectionError, match=message):
        read(tmp_path / "f.csv")


def test_layouts_are_told_apart_by_their_header(tmp_path: Path) -> None:
    """Whatever the day in Collectr's header, and with the byte order mark of a spreadsheet."""
    assert recognised(HEADERS["collectr"].replace("2026-11-24", "2031-01-01").split(",")) is LAYOUTS["collectr"]
    layout, _ = read(file(tmp_path / "f.csv", "\ufeff" + HEADERS["dragonshield"] + "\r\n"))
    assert layout is LAYOUTS["dragonshield"]
    with pytest.raises(CollectionError, match="tcgplayer: Quantity,Name"):
        read(tmp_path / "f.csv", "tcgplayer")


def test_collectrs_own_ways(database: Database, tmp_path: Path) -> None:
    """A graded card keeps its grade as a note; what is only wished for is not owned; other games stay out."""
    row = "Main,{},151,Pikachu,025/165,Common,{},{},Near Mint,$4.00,1,9.99,,{},2024-05-01,mine\r\n"
    content = HEADERS["collectr"] + "\r\n"
    for cells in (
        ("Pokemon", "Reverse Holofoil", "PSA 9", "false"),
        ("Pokemon", "", "", "true"),
        ("Magic", "", "", ""),
    ):
        content += row.format(*cells)
    done = taken(database, file(tmp_path / "f.csv", content), skip_bad=True)
    assert [problem for _, problem in done.bad] == [
        "it is on the watchlist, and not owned",
        "category 'Magic' is not Pokemon",
    ]
    (one,) = page(database, Filter(), 9)
    assert (one.said.finish, one.said.price, one.said.note) == ("reverse holofoil", "4.00", "mine\nGrade: PSA 9")
    assert text(database, LAYOUTS["collectr"]).splitlines()[1].split(",")[14] == "2024-05-01"


def test_a_card_is_found_by_what_others_call_it() -> None:
    """Id, or set by id, name or code, with the number however it is padded, and a name that others add to."""
    shelf = Shelf([*CARDS, Card(card_id="swsh9tg-12", name="Octillery", set_code="BRS", number="TG12")])
    for wanted in (
        Card(card_id="sv3pt5-25", name=""),
        Card(card_id="", name="Pikachu - 025/165", set_name="151", number="25"),
        Card(card_id="", name="", set_code="mew", number="025"),
    ):
        assert shelf.find(wanted) == PIKACHU
    assert shelf.find(Card(card_id="", name="octillery", set_code="BRS", number="TG12")).card_id == "swsh9tg-12"
    with pytest.raises(LookupError, match="Raichu 25 of 151 is called Pikachu here"):
        shelf.find(Card(card_id="", name="Raichu", set_name="151", number="25"))
    with pytest.raises(LookupError, match="no card Pikachu 25 of Jungle is known"):
        shelf.find(Card(card_id="", name="Pikachu", set_name="Jungle", number="25"))
    twice = Shelf([PIKACHU, Card(card_id="x-25", name="Pikachu", set_name="151", number="25")])
    with pytest.raises(LookupError, match="may be sv3pt5-25 or x-25"):
        twice.find(Card(card_id="", name="Pikachu", set_name="151", number="25"))


def test_a_deck_list(database: Database) -> None:
    """As the game reads it, with counts that add up, and word of what it has no line for."""
    seen(database, PIKACHU, PIKACHU, FLABEBE, ARVEN, FIRE, FIRE, FIRE, FORMULA)
    fix(database, [1], {"finish": "holofoil"}, 0)
    written, left_out = deck_list(holdings(database, Filter(), ()))
    assert written == (
        "Pokémon: 3\n2 Pikachu MEW 25\n1 Flabébé XY 83\n\n"
        'Trainer: 1\n1 Arven, "=the" cook OBF 186\n\n'
        "Energy: 3\n3 Basic Fire Energy SVE 2\n\n"
        "Total Cards: 7\n"
    )
    assert left_out == ["1 =1+1 (mcd11-1): no PTCGL code of its set is known (McDonald's Collection 2011)"]
