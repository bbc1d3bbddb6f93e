"""What the page and the dashboard say to each other over the WebSocket: JSON texts, and pictures (`picture.packed`)."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

MAX_COMMAND_BYTES = 4096

Text = Annotated[str, Meta(max_length=100)]
CardId = Annotated[str, Meta(min_length=1, max_length=200)]
Number = Annotated[int, Meta(ge=1, le=1 << 53)]


class Watch(Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="watch"):
    """Send me the live picture, or not: I am in the background."""

    on: bool


class Undo(Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="undo"):
    """Take back the last change of the list."""


class Correct(Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="correct"):
    """That entry is this card."""

    entry: Number
    card_id: CardId


class Answer(Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="answer"):
    """It is this card; None: none of them."""

    question: Number
    card_id: CardId | None


class Dismiss(Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="dismiss"):
    """That is no card: ask no more."""

    question: Number


class Find(Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="find"):
    """Which cards of the catalogue have these words?"""

    text: Text


class List(Struct, frozen=True, forbid_unknown_fields=True, tag_field="do", tag="list"):
    """Which entries have these words?"""

    search: Text


Command = Watch | Undo | Correct | Answer | Dismiss | Find | List

_commands: msgspec.json.Decoder[Command] = msgspec.json.Decoder(Command)


def command(text: str) -> Command:
    """A command of a page. ValueError for anything else."""
    try:
        return _commands.decode(text)
    except msgspec.MsgspecError as error:
        raise ValueError(f"no command: {error}") from None


def news(kind: str, **content: Any) -> str:
    """What the page is told: `kind` and its content."""
    return msgspec.json.encode({"kind": kind, **content}).decode()
