"""When to start those again whom supervisord has given up (FATAL): again and again, and less and less often."""

from __future__ import annotations

from collections.abc import Iterable

FIRST_S, LAST_S = 5.0, 60.0
"""supervisord itself tries for nearly a minute before it gives up once more."""


class Lifts:
    """One back-off for each actor, anew once it has been well."""

    def __init__(self) -> None:
        self._pause: dict[str, float] = {}
        self._at: dict[str, float] = {}

    def due(self, now_s: float, given_up: Iterable[str], well: Iterable[str]) -> list[str]:
        """Those of the `given_up` whose time has come."""
        for actor in well:
            self._pause.pop(actor, None)
        self._at = {actor: self._at.get(actor, now_s + self._pause.get(actor, FIRST_S)) for actor in given_up}
        found = [actor for actor, at in self._at.items() if now_s >= at]
        for actor in found:
            self._pause[actor] = min(2 * self._pause.get(actor, FIRST_S), LAST_S)
            del self._at[actor]
        return found
