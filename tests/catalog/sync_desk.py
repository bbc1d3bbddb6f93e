"""Runs syncs into one folder, with time that passes only where somebody sleeps."""

import asyncio
from datetime import UTC, datetime

from catalog.store import Catalogue
from catalog.sync.addresses import Addresses
from catalog.sync.fetch import Fetcher, open_client
from catalog.sync.folder import Folder
from catalog.sync.pace import Timing
from catalog.sync.run import Sync, finish
from catalog.sync.sources import open_source
from catalog.sync.supply import Offline, Online

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


def reasons(report):
    """Why something is missing, by its card, else by its set."""
    return {one.id or one.set or "sets": one.reason for one in report.missing}
