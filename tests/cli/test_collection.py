"""`sleevesight collection`: what it prints, writes and refuses."""

import json
from pathlib import Path

import pytest
from command import Command, Shop, in_a_shell, tree
from shelf_of_cards import FORMULA, JPEG, PIKACHU, seen

from collection.database import Database

HEADER = "set_code,number,quantity,condition,variant,lang,purchase_price\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Two of a card, something unknown, and a card whose name is a formula."""
    path = tmp_path / "c.sqlite"
    with Database(path, create=True) as database:
        seen(database, PIKACHU, PIKACHU, None, FORMULA)
    return path


def test_a_list_for_people(command: Command, path: Path) -> None:
    """One line a visit that fits a terminal, unknown said as unknown, and how to see more."""
    ran = command("collection", "list", "--file", path, "--limit", 3)
    head, *lines, more = ran.out.splitlines()
    assert (ran.code, ran.err, more) == (0, "", "more: --before 2")
    assert head.split() == ["visit", "seen", "n", "card", "set", "number", "finish", "condition", "note"]
    assert [line.split()[0] for line in lines] == ["4", "3", "2"]
    assert lines[1].endswith("not in the catalogue")
    assert lines[2].split()[4:] == ["Pikachu", "151", "025/165", "unknown", "unknown"]
    assert command("collection", "list", "--file", path, "--before", 2).out.count("\n") == 2


def test_a_list_for_programs(command: Command, path: Path) -> None:
    """One JSON object a line, with everything."""
    lines = [json.loads(line) for line in command("collection", "list", "--file", path, "--json").out.splitlines()]
    assert [(line["visit"], line["card"] and line["card"]["card_id"]) for line in lines] == [
        (4, "mcd11-1"),
        (3, None),
        (2, "sv3pt5-25"),
        (1, "sv3pt5-25"),
    ]
    assert lines[2]["said"] == {"finish": None, "condition": None, "language": None, "price": None, "note": None}


def test_filters(command: Command, path: Path) -> None:
    """By session, words, set, and what is not in the catalogue."""
    for options, expected in (
        (["--search", "pika"], 2),
        (["--set", "mew"], 2),
        (["--unknown"], 1),
        (["--session", "last"], 4),
        (["--session", "7"], 0),
    ):
        assert command("collection", "list", "--file", path, "--json", *options).out.count("\n") == expected
    refused = command("collection", "list", "--file", path, "--session", "first").refusal()
    assert refused == "--session first: give a number (sleevesight collection sessions), or last"


def test_undo_fix_and_their_log(command: Command, path: Path) -> None:
    """Every answer says how to take it back, and that works."""
    ran = command(
        "collection", "fix", "1", "2", "--file", path, "--finish", "Holofoil", "--note", "a=b", "--quantity", 2
    )
    assert ran.out == "2 visits fixed; `sleevesight collection undo 5` takes that back\n"
    assert "holofoil" in command("collection", "show", "1", "--file", path).out
    assert command("collection", "undo", "--file", path).out.startswith("undone: change 5, fix finish = holofoil")
    assert "undo 6" not in command("collection", "undo", "6", "--file", path).err
    assert "holofoil" in command("collection", "show", "1", "--file", path).out
    ran = command("collection", "undo", "--session", "last", "--file", path)
    assert ran.out == "remove session 1; `sleevesight collection undo 8` takes that back\n"
    assert command("collection", "list", "--file", path, "--json").out == ""
    command("collection", "undo", "8", "--file", path)
    assert command("collection", "undo", "--visit", "3", "--file", path).code == 0
    log = command("collection", "log", "--file", path).out
    assert [line.split()[0] for line in log.splitlines()[1:]] == [str(number) for number in range(10, 0, -1)]
    assert "seen something unknown" in log
    sessions = command("collection", "sessions", "--file", path).out
    assert sessions.splitlines()[1].split()[3:] == ["5", "0", "camera:0"]


def test_a_card_can_be_named(command: Command, path: Path, shop: Shop) -> None:
    """What was unknown gets the card that a person sees, if the catalogue has it."""
    card = shop.specs[0].id
    refused = command("collection", "fix", "3", "--file", path, "--card", card).refusal()
    assert refused == f"no card {card} is known: pass the --catalog that has it"
    assert command("collection", "fix", "3", "--file", path, "--card", card, "--catalog", shop.catalogue).code == 0
    shown = json.loads(command("collection", "show", "3", "--file", path, "--json").out)
    assert (shown["card"]["card_id"], shown["read_as"]) == (card, None)
    assert Path(shown["card"]["picture"]).is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fix", "1"], "nothing to fix"),
        (["fix", "1", "--finish", "shiny"], "finish 'shiny': choose from normal, holofoil"),
        (["fix", "1", "--price", "1,50"], "price '1,50' is no amount like 3.50"),
        (["fix", "1", "--note", "a\0b"], "there are control characters in it"),
        (["fix", "9", "--note", "x"], "there is no visit 9"),
        (["show", "9"], "there is no visit 9"),
        (["undo", "9"], "there is no change 9"),
        (["show", "4", "--thumbnail", "/nowhere/x.jpg"], "/nowhere/x.jpg: No such file"),
        (["export", "/nowhere/x.csv"], "/nowhere/x.csv: No such file"),
        (["import", "/nowhere/x.csv"], "/nowhere/x.csv: No such file"),
        (["list", "--file", "/nowhere/c.sqlite"], "there is no collection /nowhere/c.sqlite yet"),
    ],
)
def test_refusals(command: Command, path: Path, arguments: list[str], message: str) -> None:
    """One line that names the thing, and nothing is changed."""
    before = command("collection", "log", "--file", path).out
    file = [] if "--file" in arguments else ["--file", path]
    assert message in command("collection", *arguments, *file).refusal()
    assert command("collection", "log", "--file", path).out == before


def test_what_the_camera_saw(command: Command, path: Path, tmp_path: Path) -> None:
    """The picture, to look at."""
    assert command("collection", "show", "1", "--file", path, "--thumbnail", tmp_path / "t.jpg").code == 0
    assert (tmp_path / "t.jpg").read_bytes() == JPEG


def test_export_and_import(command: Command, path: Path, tmp_path: Path) -> None:
    """Out, and into another collection; what is unknown is counted, and nothing is left beside the file."""
    out = tmp_path / "cards.csv"
    ran = command("collection", "export", out, "--file", path)
    assert ran.err == (
        f"3 cards in {out}; 3 without a finish; 3 without a condition; "
        "1 visit of what is not in the catalogue left out\n"
    )
    ran = command("collection", "import", out, "--file", tmp_path / "new.sqlite")
    assert (
        ran.out
        == "3 cards added, 0 there already, 0 bad rows left out; `sleevesight collection undo 1` takes that back\n"
    )
    assert command("collection", "import", out, "--file", path).out.startswith("0 cards added, 3 there already")
    assert command("collection", "export", "-", "--file", tmp_path / "new.sqlite").out == out.read_bytes().decode()
    assert not [name for name in tree(tmp_path) if "partial" in name]


def test_what_is_left_out_is_counted_in_plain_english(command: Command, path: Path) -> None:
    """It said "1 visits"."""
    said = []
    for _ in range(2):
        ran = command("collection", "export", "-", "--file", path)
        said.append(ran.err.strip().split("; ")[-1])
        with Database(path) as database:
            seen(database, None)
    assert said == [f"{visits} of what is not in the catalogue left out" for visits in ("1 visit", "2 visits")]


def test_a_deck_list_says_what_is_not_in_it(command: Command, path: Path) -> None:
    """The exit code tells a script that the list is not all."""
    ran = command("collection", "export", "-", "--file", path, "--format", "ptcgl")
    assert ran.out == "Pokémon: 2\n2 Pikachu MEW 25\n\nTotal Cards: 2\n"
    assert (ran.code, ran.err.splitlines()[-1][:21]) == (1, "left out: 1 =1+1 (mcd")


def test_an_export_is_filtered_and_may_be_told_the_finish(command: Command, path: Path) -> None:
    """A box that is all of one finish, said once, by a person."""
    options = ["--file", path, "--set", "151", "--format", "pokecollector", "--finish", "normal"]
    assert (
        command("collection", "export", "-", *options).out
        == HEADER.replace("\n", "\r\n") + "MEW,025/165,2,,Normal,,\r\n"
    )
    with pytest.raises(SystemExit):
        command("collection", "export", "-", "--file", path, "--finish", "shiny")


def test_an_import_names_bad_lines_and_takes_nothing(command: Command, path: Path, tmp_path: Path) -> None:
    """By line, with the remedies; a dry run does not even make the file."""
    source = tmp_path / "in.csv"
    source.write_text(f"{HEADER}MEW,25,5,,,,\nMEW,999,1,,,,\n")
    before = command("collection", "log", "--file", path).out
    ran = command("collection", "import", source, "--file", path)
    assert (ran.code, ran.err) == (1, f"{source}, line 3: no card 999 of MEW is known\n")
    assert (
        ran.out == "1 bad row, nothing was taken over: mend them, pass --catalog, or leave them out with --skip-bad\n"
    )
    ran = command("collection", "import", source, "--file", path, "--skip-bad", "--dry-run")
    assert ran.out == "3 cards would be added, 2 there already, 1 bad row left out\n"
    assert command("collection", "log", "--file", path).out == before
    ran = command("collection", "import", source, "--file", path, "--skip-bad", "--json", "--add")
    assert json.loads(ran.out)["added"] == 5


def test_the_configuration_names_the_file(path: Path, tmp_path: Path) -> None:
    """The sink and the command must mean the same one, also without either."""
    (tmp_path / "c.toml").write_text(f'[collection]\nfile = "{path}"\n')
    ran = in_a_shell("collection", "list", "--json", "--config", tmp_path / "c.toml", XDG_DATA_HOME=str(tmp_path))
    assert ran.out.count("\n") == 4
    ran = in_a_shell("collection", "list", XDG_DATA_HOME=str(tmp_path))
    assert f"there is no collection {tmp_path}/sleevesight/collection.sqlite yet" in ran.refusal()
