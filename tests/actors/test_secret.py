"""Secrets in files: refused where others could read them, and never repeated in a message."""

from pathlib import Path

import pytest

from actors.secret import check_private, read_secret


def secret_file(folder: Path, content: bytes, mode: int = 0o600) -> str:
    path = folder / "secret"
    path.write_bytes(content)
    path.chmod(mode)
    return str(path)


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640])
def test_the_line_is_the_secret(tmp_path: Path, mode: int) -> None:
    """Editors end a file with a line feed, which is no part of a password; blanks in it are."""
    assert read_secret(secret_file(tmp_path, b" pass word \r\n", mode), "[mqtt] password_file") == " pass word "


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o602, 0o777])
@pytest.mark.parametrize("check", [read_secret, check_private])
def test_a_file_that_everybody_may_read_is_refused(tmp_path: Path, mode: int, check: object) -> None:
    """What is open is no secret; the line says what to do and not what is in it."""
    assert callable(check)
    with pytest.raises(ValueError, match=r"\[mqtt\] password_file = .*: chmod o= ") as refused:
        check(secret_file(tmp_path, b"hunter2", mode), "[mqtt] password_file")
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"hunter2\nhunter2", b"\xffhunter2", b"hunter2" * 1000],
    ids=["empty", "blank", "two lines", "no text", "long"],
)
def test_what_is_no_secret(tmp_path: Path, content: bytes) -> None:
    """A whole configuration file, a picture, an empty file: not sent to a broker to be refused there for ever."""
    with pytest.raises(ValueError, match="must hold the secret alone") as refused:
        read_secret(secret_file(tmp_path, content), "[mqtt] password_file")
    assert "hunter2" not in str(refused.value)
    assert refused.value.__context__ is None


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """With the setting and the path."""
    with pytest.raises(ValueError, match=r"\[webhook\] secret_file = .*gone: No such file"):
        read_secret(str(tmp_path / "gone"), "[webhook] secret_file")
