"""matcher: holds the catalogue and says which card an embedding is, how far away, and how far ahead of the next."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from actors.backends import model_path
from actors.config import Config
from bus import messages as m
from bus.actor import ROUND_S, Actor, Bus
from bus.log import get_logger
from bus.topics import EMBEDDINGS, MATCHES
from catalog.decide import Thresholds, decide
from catalog.embedding import ModelError
from catalog.match import Match, Matcher
from catalog.model_card import read_card
from catalog.store import Catalogue, CatalogueError, check_model, file_ref
from vision.phash import HASH_BYTES

log = get_logger("matcher")


class CardMatcher(Actor):
    """Searches the catalogue; takes over a rebuilt one without a restart."""

    name = "matcher"
    inputs = (EMBEDDINGS,)
    ends_with = (EMBEDDINGS,)

    def __init__(self, bus: Bus, config: Config) -> None:
        super().__init__(bus)
        self._config = config
        self._matcher: Matcher | None = None
        self._thresholds = Thresholds()
        self._model = ""
        self._look_at_ns = 0

    def start(self) -> None:
        """Load the catalogue; CatalogueError if there is none or the model in use did not build it."""
        if not self._config.matcher.catalog:
            raise CatalogueError("no catalogue is configured: pass --catalog DIR or set [matcher] catalog")
        model = model_path(self._config.embedder)
        try:
            self._model = file_ref(model).sha256
        except OSError as error:
            raise ModelError(
                f"model {model} cannot be read ({error.strerror}); give the path of an .onnx file, or of a .hef"
            ) from None
        card = read_card(model)
        self._thresholds = card.thresholds if card else Thresholds()
        self._use(Catalogue.load(Path(self._config.matcher.catalog).expanduser()))

    def _use(self, catalogue: Catalogue) -> None:
        check_model(catalogue, self._model)
        self._matcher = Matcher(catalogue)
        dim = catalogue.manifest.model.dim
        any_card = np.ones((1, 1, dim), np.float32), np.zeros((1, 1, HASH_BYTES), np.uint8)
        self._matcher.match(*any_card)  # the first search takes three times as long: not the first card's
        self.detail = f"{len(catalogue.ids)} cards of {catalogue.path}"

    def on_embeddings(self, message: m.Embeddings, blobs: Sequence[memoryview]) -> None:
        """Match every item and answer for all of them, also for those that failed."""
        received = self.bus.clock.now_ns()
        answers = [m.Match(item.track, item.frame, error=item.error) for item in message.items]
        good = [place for place, item in enumerate(message.items) if item.error is None]
        if message.model != self._model and good:
            self.bus.drops["wrong_model"] += len(good)
            error = f"embedded by model {message.model[:12]}, the catalogue was built with {self._model[:12]}"
            answers = [m.Match(item.track, item.frame, error=item.error or error) for item in message.items]
        elif good:
            try:
                self._answer(message, blobs, good, answers)
            except ValueError as failure:
                self.bus.drops["malformed"] += len(good)
                answers = [m.Match(item.track, item.frame, error=str(failure)) for item in message.items]
        self.bus.counts["matches"] += len(answers)
        assert self._matcher is not None
        self.bus.publish(
            MATCHES,
            m.Matches(
                stream=message.stream,
                frame=message.frame,
                t_ns=message.t_ns,
                trace=[*message.trace, m.Hop("match", received, self.bus.clock.now_ns())],
                catalog=self._matcher.catalogue.manifest.created,
                matches=answers,
            ),
        )

    def _answer(
        self, message: m.Embeddings, blobs: Sequence[memoryview], good: list[int], answers: list[m.Match]
    ) -> None:
        """Search all items with the same readings at once. ValueError if rows and items do not fit."""
        assert self._matcher is not None
        if len(blobs) != 2:
            raise ValueError(f"embeddings come with 2 blobs, not {len(blobs)}")
        vectors = np.frombuffer(blobs[0], np.float32).reshape(-1, message.dim)
        hashes = np.frombuffer(blobs[1], np.uint8).reshape(-1, HASH_BYTES)
        first: dict[int, int] = {}
        row = 0
        for place in good:
            first[place] = row
            row += len(message.items[place].turns)
        if not all(message.items[place].turns for place in good):
            raise ValueError("an embedding without a reading")
        if row != len(vectors) or row != len(hashes):
            raise ValueError(f"{len(vectors)} vectors and {len(hashes)} hashes for {row} readings")
        for turns in {tuple(message.items[place].turns) for place in good}:
            places = [place for place in good if tuple(message.items[place].turns) == turns]
            rows = np.array([[first[place] + reading for reading in range(len(turns))] for place in places])
            found = self._matcher.match(vectors[rows], hashes[rows], turns, self._config.matcher.top)
            for place, match in zip(places, found, strict=True):
                answers[place] = self._message(message.items[place], match)

    def _message(self, item: m.Embedding, match: Match) -> m.Match:
        return m.Match(
            track=item.track,
            frame=item.frame,
            decision=decide(match.distance, match.gap, self._thresholds),
            turn=match.turn,
            distance=round(match.distance, 4),
            gap=round(match.gap, 4),
            group=list(match.group),
            candidates=[
                m.Candidate(
                    one.card_id, one.name, one.set_name, one.number, round(one.distance, 4), round(one.score, 4)
                )
                for one in match.candidates
            ],
        )

    def step(self) -> float | None:
        """Now and then, see whether the catalogue was rebuilt; one that does not fit is refused, the old one stays."""
        interval_ms = self._config.matcher.reload_s * 1e3
        now = self.bus.clock.now_ns()
        if now >= self._look_at_ns and self._matcher is not None:
            self._look_at_ns = now + round(interval_ms * 1e6)
            if self._matcher.catalogue.changed_on_disk():
                self._reload(self._matcher.catalogue.path)
        return interval_ms

    def _reload(self, path: Path) -> None:
        self.bus.may_take(self.start_deadline_s)
        try:
            self._use(Catalogue.load(path))
            log.info("catalogue reloaded", detail=self.detail)
        except CatalogueError as error:
            self.bus.counts["reload_refused"] += 1
            log.error("the rebuilt catalogue is refused, the old one stays in use", reason=str(error))
            self._look_at_ns += 10_000_000_000
        finally:
            self.bus.may_take(ROUND_S)
