"""Downloading a file from a server that does everything wrong that a server can."""

import random
import re
import threading
import time

import pytest
from servers import CONTENT, MD5, serving

from helpers import download as module
from helpers.download import DownloadError, download


@pytest.fixture
def server():
    with serving() as server:
        yield server


@pytest.fixture
def target(tmp_path):
    return tmp_path / "models" / "weights.h5"


def get(server, target, tries=3, timeout=5.0):
    return download(server.url, target, MD5, len(CONTENT), tries=tries, pause=0.001, timeout=timeout)


def files(target):
    return sorted(path.name for path in target.parent.iterdir())


def refused(server, target, **options):
    """The sentence; what was there before is as it was, and the next try, on a good line, succeeds."""
    before = target.read_bytes() if target.exists() else None
    with pytest.raises(DownloadError) as caught:
        get(server, target, **options)
    sentence = str(caught.value)
    assert (target.read_bytes() if target.exists() else None) == before
    assert set(files(target)) <= {"weights.h5", "weights.h5.part", "weights.h5.part.version"}
    assert sentence.endswith(".") and "\n" not in sentence
    assert f"put the file at {target} yourself" in sentence and 'load_recogniser("pocket")' in sentence
    server.faults.clear()
    assert get(server, target).read_bytes() == CONTENT
    assert files(target) == ["weights.h5"]
    return sentence


def test_a_right_file_arrives_once(server, target, capfd):
    assert get(server, target) == target and target.read_bytes() == CONTENT
    assert files(target) == ["weights.h5"]
    get(server, target)
    assert len(server.asked) == 1
    out, err = capfd.readouterr()
    assert out == "" and "100%" in err and "B/s" in err  # the bar, with its rate


def test_a_damaged_file_in_its_place_is_replaced(server, target):
    target.parent.mkdir()
    target.write_bytes(CONTENT[:-1] + b"?")
    assert get(server, target).read_bytes() == CONTENT


def test_a_line_that_drops_at_random_bytes_is_taken_up_where_it_dropped(server, target):
    chance = random.Random(9)
    server.faults = [{"drops_after": chance.randrange(40_000, 60_000)} for _ in range(4)]
    assert get(server, target).read_bytes() == CONTENT
    starts = [int(wanted[6:-1]) for wanted in server.asked[1:]]
    assert len(starts) == 4 and starts == sorted(set(starts)) and starts[0] > 0


def test_what_an_earlier_run_left_is_not_fetched_again(server, target):
    server.faults = [{"drops_after": 100_000}] + [{"status": 503}] * 2
    with pytest.raises(DownloadError, match=re.escape("Try again later (what has arrived is kept)")):
        get(server, target, tries=2)
    length = target.with_name("weights.h5.part").stat().st_size
    assert 0 < length <= 100_000
    get(server, target)
    assert server.asked[-1] == f"bytes={length}-"


def test_another_version_on_the_server_is_fetched_from_its_start(server, target):
    """If-Range: the pieces of two versions are not put together."""
    server.faults, server.content = [{"drops_after": 100_000}, {"status": 403}], b"?" * len(CONTENT)
    with pytest.raises(DownloadError):
        get(server, target)
    server.content, server.tag, server.asked = CONTENT, '"two"', []
    assert get(server, target).read_bytes() == CONTENT
    assert len(server.asked) == 1


@pytest.mark.parametrize("tag", ["", 'W/"weak"'])
def test_pieces_of_two_versions_do_no_lasting_harm_where_the_server_names_none(server, target, tag):
    server.tag, server.content = tag, b"?" * len(CONTENT)
    server.faults = [{"drops_after": 100_000}, {"status": 403}]
    with pytest.raises(DownloadError):
        get(server, target)
    server.content, server.asked = CONTENT, []
    assert get(server, target).read_bytes() == CONTENT
    assert [wanted and "bytes" for wanted in server.asked] == ["bytes", None]


def part(target, content):
    target.parent.mkdir()
    target.with_name("weights.h5.part").write_bytes(content)


@pytest.mark.parametrize(
    "fault",
    [
        {"ignores_range": True},
        {"shift": 1000},
        {"shift": -1000},
        {"status": 416, "body": b""},
        {"status": 206, "ignores_range": True},
    ],
    ids=["ignores Range", "206 from later", "206 from earlier", "416", "206 from the start"],
)
def test_a_server_that_does_not_go_on_is_asked_for_the_whole(server, target, fault):
    part(target, CONTENT[:50_000])
    server.faults = [fault]
    assert get(server, target).read_bytes() == CONTENT
    assert server.asked[0] == "bytes=50000-"


def test_a_server_that_never_goes_on_and_always_drops_is_given_up(server, target):
    part(target, CONTENT[:50_000])
    server.faults = [{"shift": 7}, {"drops_after": 90_000}] * 20
    refused(server, target)
    assert len(server.asked) < 10


@pytest.mark.parametrize("content", [CONTENT, CONTENT + b"more", b"?" * len(CONTENT)])
def test_a_part_that_is_whole_or_too_long_or_wrong(server, target, content):
    part(target, content)
    assert get(server, target).read_bytes() == CONTENT
    assert server.asked == ([] if content == CONTENT else [None])


@pytest.mark.parametrize("status", [403, 404, 410, 500, 503])
@pytest.mark.parametrize("begun", [0, 50_000])
def test_a_server_that_refuses(server, target, status, begun):
    part(target, CONTENT[:begun])
    server.faults = [{"status": status, "body": b"no"}] * 9
    sentence = refused(server, target)
    assert f"its server answers {status}. Try again later" in sentence
    assert server.asked[-1] == (f"bytes={begun}-" if begun else None)  # nothing of the part was lost
    assert len(server.asked) - 1 == (3 if status >= 500 else 1)


@pytest.mark.parametrize(
    ("fault", "what"),
    [
        ({"content": CONTENT[:-1] + b"?"}, "its MD5 differs"),
        ({"content": CONTENT[:-1]}, f"a file of {len(CONTENT) - 1} bytes"),
        ({"length": len(CONTENT) + 5}, f"a file of {len(CONTENT) + 5} bytes"),
        ({"no_length": True, "content": CONTENT + b"?" * 9}, "more came than the file is long"),
        ({"no_length": True, "content": CONTENT[:-9]}, "the line to its server is broken"),
        ({"body": b"<html>Log in!</html>", "type": "text/html; charset=utf-8"}, "a web page came"),
        ({"body": b""}, "a file of 0 bytes"),
        ({"nothing": True}, "the line to its server is broken or silent"),
    ],
    ids=["wrong bytes", "short", "long", "endless", "short, unsaid", "login page", "empty", "nothing"],
)
def test_a_server_with_something_else(server, target, fault, what):
    server.faults = [{**fault, "ignores_range": True} for _ in range(9)]
    assert what in refused(server, target)


def test_a_login_page_costs_nothing_of_what_has_arrived(server, target):
    part(target, CONTENT[:50_000])
    server.faults = [{"body": b"<html>Log in!</html>", "type": "text/html", "ignores_range": True}]
    refused(server, target)
    assert server.asked == ["bytes=50000-"] * 2


@pytest.mark.parametrize("fault", [{"silent": 0.5}, {"drops_after": 9, "stalls": 0.5}])
def test_a_silent_server_is_not_waited_for(server, target, fault):
    server.faults = [fault] * 2
    began = time.monotonic()
    with pytest.raises(DownloadError, match="broken or silent"):
        get(server, target, tries=1, timeout=0.1)
    assert time.monotonic() - began < 0.4


def test_offline(server, target):
    server.server_close()
    with pytest.raises(DownloadError, match="is broken or silent. Try again later, put the file at"):
        get(server, target)
    assert files(target) == []


def test_ctrl_c_keeps_what_has_arrived(server, target, monkeypatch):
    def stop_after(pieces, answer):
        yield from pieces
        raise KeyboardInterrupt

    monkeypatch.setattr("requests.Response.iter_content", lambda *_: stop_after([CONTENT[:70_000]], _))
    with pytest.raises(KeyboardInterrupt):
        get(server, target)
    monkeypatch.undo()
    assert files(target) == ["weights.h5.part", "weights.h5.part.version"]
    get(server, target)
    assert server.asked == [None, "bytes=70000-"]


def test_room_is_looked_for_first(server, target, monkeypatch):
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: Full)
    part(target, CONTENT[:100])
    with pytest.raises(DownloadError, match=r"0 MB are needed, and 0 MB are free\): see to its perm"):
        get(server, target)
    assert server.asked == []


class Full:
    free = 1000  # bytes


def test_a_full_disk(server, target, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "_write", full)
    with pytest.raises(DownloadError, match="cannot be written .*No space left on device"):
        get(server, target)


def test_a_folder_that_cannot_be_made(server, tmp_path):
    (tmp_path / "models").write_text("a file is in its place")
    with pytest.raises(DownloadError, match="cannot be written to .*models"):
        get(server, tmp_path / "models" / "weights.h5")


def test_two_that_ask_at_once_fetch_it_once(server, target, capfd):
    server.faults = [{"silent": 0.2}]
    programs = [threading.Thread(target=get, args=(server, target)) for _ in range(3)]
    for program in programs:
        program.start()
    for program in programs:
        program.join()
    assert target.read_bytes() == CONTENT and len(server.asked) == 1
    assert files(target) == ["weights.h5"]
    assert "is being downloaded by another program: waiting for it." in capfd.readouterr().err
