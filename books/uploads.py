"""Uploaded files that wait for a confirmation, in the database, which all workers and servers share.

An upload has a random key, which the session of its owner holds. It is stored in chunks, so that neither writing nor
reading needs more than one of them in memory. Uploads that are not confirmed within an hour are deleted: with the next
upload, or by `manage.py clearsessions`.
"""

import io
import secrets
from datetime import timedelta
from typing import Any, BinaryIO, ClassVar, Self, cast

from django.core.files.uploadedfile import UploadedFile
from django.db import models, transaction
from django.db.models import Sum
from django.utils import timezone

MAX_BYTES = 20 * 1024 * 1024  # of one upload
MAX_BYTES_IN_ALL = 10 * MAX_BYTES  # that wait at a time
MAX_OF_ONE_PERSON = 3  # that wait at a time; an earlier one makes room
KEPT_SECONDS = 3600
CHUNK_BYTES = 256 * 1024


class NoRoomError(Exception):
    """Too many bytes wait already."""


class GoneError(Exception):
    """The upload was deleted, or taken by another request."""


class UploadQuerySet(models.QuerySet["Upload"]):
    """Queries of uploads."""

    def waiting(self) -> Self:
        """Uploads that are neither taken nor expired."""
        return self.filter(taken=False, created_at__gt=_oldest())

    def expired(self) -> Self:
        """Uploads that are too old, taken or not."""
        return self.filter(created_at__lte=_oldest())

    def keep(self, file: "UploadedFile[Any]", owner: str) -> str:
        """Store a file for `owner`, a subject; returns its key. Raises NoRoomError, DatabaseError."""
        size = file.size or 0
        with transaction.atomic():
            self.expired().delete()
            others = self.filter(owner=owner, taken=False).order_by("-created_at").values_list("pk", flat=True)
            self.filter(pk__in=list(others[MAX_OF_ONE_PERSON - 1 :])).delete()
            held = self.aggregate(size=Sum("size"))["size"] or 0
            if held + size > MAX_BYTES_IN_ALL:
                raise NoRoomError
            upload = self.create(key=secrets.token_hex(16), owner=owner, size=size)
            file.seek(0)
            # Not by chunks(), which returns a file in memory as one chunk.
            for number, data in enumerate(iter(lambda: file.read(CHUNK_BYTES), b"")):
                UploadChunk.objects.create(upload=upload, number=number, data=data)
        return upload.key

    def of(self, key: str, owner: str) -> "Upload | None":
        """The upload with this key and owner that waits; None if there is none."""
        return self.waiting().filter(key=key, owner=owner).first()

    def take(self, key: str, owner: str) -> "Upload":
        """As `of`, for one caller only: the second of two that confirm at once gets GoneError.

        Its age counts from now, so that it does not expire while the caller reads it. The caller deletes it.
        """
        upload = self.of(key, owner)
        taken = {"taken": True, "created_at": timezone.now()}
        if upload is None or not self.waiting().filter(pk=upload.pk).update(**taken):
            raise GoneError
        return upload

    def give_up(self, key: str, owner: str) -> None:
        """Delete an upload unless it is taken, for then it is being read."""
        self.filter(key=key, owner=owner, taken=False).delete()


class Upload(models.Model):
    """A file that waits for its owner to confirm or cancel the import."""

    key = models.CharField(max_length=32, primary_key=True)
    owner = models.CharField(max_length=255, help_text="A subject.")
    size = models.PositiveIntegerField(help_text="Bytes.")
    taken = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)  # renewed when it is taken

    objects = UploadQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["created_at"], name="books_upload_by_age")]

    def __str__(self) -> str:
        return f"{self.size} bytes of {self.owner}"

    def open(self) -> BinaryIO:
        """The content as a stream, read chunk by chunk. Reading raises GoneError when it is deleted meanwhile."""
        return cast("BinaryIO", io.BufferedReader(_Chunks(self), CHUNK_BYTES))


class UploadChunk(models.Model):
    """A part of an upload."""

    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, db_index=False, related_name="chunks")
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["upload", "number"], name="books_chunk_once")]

    def __str__(self) -> str:
        return f"{self.upload_id}, part {self.number}"


class _Chunks(io.RawIOBase):
    """Raw stream of the chunks of an upload."""

    def __init__(self, upload: Upload) -> None:
        self._upload = upload
        self._number = 0
        self._rest = memoryview(b"")
        self._left = upload.size

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill `buffer` from at most one chunk."""
        if not self._rest and self._left:
            chunk = self._upload.chunks.filter(number=self._number).values_list("data", flat=True).first()
            if not chunk:  # an end of file here would hide that the rest is missing
                raise GoneError
            self._rest = memoryview(chunk)
            self._number += 1
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        self._left -= count
        return count


def _oldest() -> Any:
    return timezone.now() - timedelta(seconds=KEPT_SECONDS)
