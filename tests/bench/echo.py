"""Two ends of a link for the tests, in a module that another process can import."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from bench.micro import bus
from bench.micro.link import Receive, Send


@contextmanager
def sender(folder: Path) -> Iterator[Send]:
    """Says everything twice, the number before first."""
    with bus._typed_sender(folder) as send:

        def twice(number: int) -> None:
            if number > 0:
                send(number - 1)
            send(number)

        yield twice


def receiver(folder: Path) -> AbstractContextManager[Receive]:
    return bus._typed_receiver(folder)
