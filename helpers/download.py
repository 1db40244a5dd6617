"""Downloading one large file over lines that break: it goes on where it stopped, and is kept only if genuine.

What has arrived lies beside the target as NAME.part, and beside that, as NAME.part.version, what the server
calls this version of the file. Both stay after a failure, after Ctrl-C and after a crash, and the next try
goes on from there. The target itself appears in one step, when its checksum is right.
"""

import contextlib
import hashlib
import re
import shutil
import sys
import time
from pathlib import Path

import filelock
import requests
from requests.exceptions import ChunkedEncodingError
from tqdm import tqdm

from helpers.errors import ReaderError

PIECE = 2**15  # bytes, written and counted at a time; when the line breaks, one piece is lost
BUSY = {408, 425, 429, 500, 502, 503, 504}  # answers of a server that may be better soon
FLAGS = {"Accept-Encoding": "identity"}  # the bytes as they are: only these can be counted


class DownloadError(ReaderError):
    """A file cannot be had; the message is one plain sentence for the reader."""


class _Problem(Exception):
    """What has gone wrong. Another try may go well."""


class _Elsewhere(_Problem):
    """The server does not go on where we stopped. It may if we ask for the whole file."""


class _Final(_Problem):
    """Another try would go the same way."""


def download(url, target, md5, size, *, tries=6, pause=1.0, timeout=30.0):
    """Download a file, once; where an earlier try stopped, go on from there.

    url, target: where it is, and the path that it gets. A file that is there already and is genuine stays;
        any other is replaced. If another program is at it, we wait for that.
    md5, size: the MD5 that it must have, in hexadecimal, and its length in bytes.
    tries: so often without getting much further, and we give up. pause: seconds before the second try, twice
        as long before each further one. timeout: seconds for which the server may be silent.
    Returns the path. Raises DownloadError, with the target as it was; what has arrived is kept in the .part.
    """
    target = Path(target)
    part, version = (target.with_name(target.name + ending) for ending in (".part", ".part.version"))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _alone(target):
            if not _is_genuine(target, md5, size):
                _fill(part, version, url, md5, size, tries, pause, timeout)
                part.replace(target)
                version.unlink(missing_ok=True)
    except _Problem as problem:
        kept = " (what has arrived is kept)" if part.exists() else ""
        raise DownloadError(
            f"{url} could not be downloaded: {problem}. Try again later{kept}, put the file at {target} "
            'yourself, or say load_recogniser("pocket"), which needs no download.'
        ) from problem.__cause__
    except OSError as error:
        raise DownloadError(
            f"The download cannot be written to {target.parent} ({error.strerror or error}): see to its "
            'permissions and free space, or say load_recogniser("pocket"), which needs no download.'
        ) from error
    return target


@contextlib.contextmanager
def _alone(target):
    """Only one program at a time: the system itself takes the lock from one that has died."""
    lock = filelock.FileLock(target.with_name(target.name + ".lock"))
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        print(f"{target.name} is being downloaded by another program: waiting for it.", file=sys.stderr)
        lock.acquire()
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # Windows keeps a file that is open
            Path(lock.lock_file).unlink()
        lock.release()


def _is_genuine(path, md5, size):
    if not path.is_file() or path.stat().st_size != size:
        return False
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest() == md5


def _length(part):
    return part.stat().st_size if part.exists() else 0


def _fill(part, version, url, md5, size, tries, pause, timeout):
    """Make the part whole and genuine. Raises the last _Problem."""
    if _length(part) > size:
        part.unlink()
    begun = best = _length(part)
    whole, failed = False, 0
    free = shutil.disk_usage(part.parent).free
    if begun + free < size:
        raise OSError(None, f"{(size - begun) / 1e6:.0f} MB are needed, and {free / 1e6:.0f} MB are free")
    while True:
        start = 0 if whole else _length(part)
        try:
            if start < size:
                _receive(part, version, url, size, start, timeout)
            if _is_genuine(part, md5, size):
                return
            part.unlink()
            if not begun:
                raise _Final("what came is not the published file, its MD5 differs")
            begun = best = 0
            raise _Problem("what had arrived earlier is not of the published file")
        except _Final:
            raise
        except _Problem as problem:
            if isinstance(problem, _Elsewhere) and not start:
                raise
            # A line that breaks and breaks, but brings a hundredth of the file each time, will do.
            better = _length(part) > best + size / 100
            failed, best = 0 if better else failed + 1, max(best, _length(part))
            if failed == tries:
                raise
            print(f"Trying again: {problem}.", file=sys.stderr)
            whole = isinstance(problem, _Elsewhere)
        time.sleep(pause * 2 ** max(failed - 1, 0))


def _receive(part, version, url, size, start, timeout):
    """Ask for what comes after the first `start` bytes, and put it there, as far as it comes."""
    headers = dict(FLAGS)
    if start:
        headers["Range"] = f"bytes={start}-"
        if version.exists():
            headers["If-Range"] = version.read_text()
    try:
        with requests.get(url, headers=headers, stream=True, timeout=timeout) as answer:
            start = _agreed_start(answer, start, size)
            if not start:
                _note_version(answer, version)
            _write(answer, part, start, size)
    except (requests.ConnectionError, requests.Timeout, ChunkedEncodingError) as error:
        raise _Problem("the line to its server is broken or silent") from error
    except requests.RequestException as error:
        raise _Final("its address, or what its server sent, makes no sense") from error


def _agreed_start(answer, start, size):
    """Where the bytes of this answer belong: `start`, or 0. Raises where they are not those of our file."""
    status = answer.status_code
    if status in BUSY:
        raise _Problem(f"its server answers {status}")
    if status == 416:
        raise _Elsewhere("its server has no bytes after those that are here")
    if status not in (200, 206):
        raise _Final(f"its server answers {status}")
    if "html" in answer.headers.get("Content-Type", ""):
        raise _Final("a web page came in its place, such as the one where a network asks for a login")
    if status == 206:
        given = re.fullmatch(rf"bytes (\d+)-{size - 1}/{size}", answer.headers.get("Content-Range", ""))
        if not given or int(given[1]) != start:
            raise _Elsewhere("its server sent other bytes than those that are missing")
        return start
    length = answer.headers.get("Content-Length", str(size))
    if length != str(size):
        raise _Final(f"its server has a file of {length} bytes there, and the published one has {size}")
    return 0


def _note_version(answer, version):
    """Keep what the server calls this version; nothing where it says nothing that can be relied on."""
    tag = answer.headers.get("ETag", "")
    name = answer.headers.get("Last-Modified", "") if tag.startswith("W/") or not tag else tag
    version.unlink(missing_ok=True)
    if name:
        version.write_text(name)


def _write(answer, part, start, size):
    bar = tqdm(total=size, initial=start, unit="B", unit_scale=True, desc=part.stem)
    with bar, open(part, "r+b" if start else "wb") as file:
        file.seek(start)
        for piece in answer.iter_content(PIECE):
            if file.tell() + len(piece) > size:
                raise _Elsewhere("more came than the file is long")
            file.write(piece)
            bar.update(len(piece))
        if file.tell() < size:
            raise _Problem("the line to its server is broken")
