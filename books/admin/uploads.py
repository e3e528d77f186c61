"""Where does an uploaded catalogue wait for its confirmation? In a private directory for temporary files, under a name
that only the uploader's session knows. Whatever is not confirmed within an hour goes with a later upload.
"""

import os
import re
import secrets
import stat
import tempfile
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

MAX_BYTES = 20 * 1024 * 1024
KEPT_SECONDS = 3600

_KEY = re.compile(r"[0-9a-f]{32}")


class UnsafeDirectoryError(Exception):
    """Somebody else could read or replace what we keep."""


def keep(upload: "UploadedFile[Any]") -> str:
    """Keep an upload; the key to it is for the session alone. Raises UnsafeDirectoryError, OSError."""
    directory = _directory()
    _sweep(directory)
    key = secrets.token_hex(16)
    with os.fdopen(os.open(directory / key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        for chunk in upload.chunks():
            file.write(chunk)
    return key


def path_of(key: str) -> Path | None:
    """Where the upload is, if it is still there."""
    path = _directory() / key
    return path if _KEY.fullmatch(key) and path.is_file() else None


def take(key: str) -> Path | None:
    """As `path_of`, for one caller only: of two who confirm at once, the second finds nothing. Discard it after."""
    path = path_of(key)
    if path is None:
        return None
    try:
        return path.rename(path.with_suffix(".taken"))
    except FileNotFoundError:
        return None


def discard(key: str) -> None:
    """Remove the upload, taken or not."""
    if _KEY.fullmatch(key):
        for name in (key, f"{key}.taken"):
            (_directory() / name).unlink(missing_ok=True)


def _directory() -> Path:
    # By the user's number, for on a shared machine another user of it may have made theirs already.
    directory = Path(settings.FILE_UPLOAD_TEMP_DIR or tempfile.gettempdir()) / f"cognito-books-imports-{os.getuid()}"
    directory.mkdir(mode=0o700, exist_ok=True)
    found = directory.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise UnsafeDirectoryError
    return directory


def _sweep(directory: Path) -> None:
    for path in directory.iterdir():
        try:
            if path.lstat().st_mtime < time.time() - KEPT_SECONDS:
                path.unlink()
        except FileNotFoundError:
            continue  # another worker sweeps, too
