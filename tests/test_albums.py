"""A folder of photos into a table: to the end, stopped and gone on with, and damaged."""

import csv
import os
import shutil
import threading
import tracemalloc
import weakref
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from helpers import Guess, albums
from helpers.albums import AlbumError, contact_sheet, read_table, recognise_folder
from helpers.pictures import PictureError, open_picture, prepare
from helpers.plots import png
from helpers.recogniser import AHEAD, BATCH

LABELS = ["blue", "green", "red", "rose", "grey", "=cmd", "ninth"]


class Painter:
    """In place of the network: answers with the colour that a picture has most of."""

    weights = "pocket"

    def __init__(self):
        self.looks = 0

    def probabilities(self, batch):
        assert batch.shape[1:] == (224, 224, 3) and len(batch) <= BATCH
        self.looks += len(batch)
        means = batch[:, ::32, ::32].mean(axis=(1, 2))
        means = means - means.min(axis=1, keepdims=True) + 1
        scores = np.pad(means, ((0, 0), (0, len(LABELS) - 3)), constant_values=0.5)
        return scores / scores.sum(axis=1, keepdims=True)

    def best(self, probabilities, top=5):
        order = np.argsort(-probabilities, kind="stable")[:top]
        return [Guess(LABELS[i], "", float(probabilities[i])) for i in order]


@pytest.fixture
def painter():
    return Painter()


def paint(path, colour):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (40, 30), colour).save(path)


@pytest.fixture
def folder(tmp_path):
    """30 pictures in three folders, and four files that look like pictures and are none."""
    rng = np.random.default_rng(30)
    for number in range(30):
        place = ["", "holiday/", 'holiday/Zoë\'s, "best"/'][number % 3]
        paint(tmp_path / f"photos/{place}{number:02}.png", tuple(rng.integers(0, 256, 3).tolist()))
    (tmp_path / "photos/07.jpg").write_text("not a picture")
    (tmp_path / "photos/holiday/08.jpeg").write_bytes(b"")
    (tmp_path / "photos/phone.HEIC").write_bytes(b"\0\0\0\x18ftypheic" + bytes(100))
    whole = (tmp_path / "photos/00.png").read_bytes()
    (tmp_path / "photos/half.png").write_bytes(whole[: len(whole) // 2])
    return tmp_path / "photos"


BAD = ["07.jpg", "half.png", "holiday/08.jpeg", "phone.HEIC"]


@pytest.fixture
def table(tmp_path):
    return tmp_path / "album.csv"


def journal_of(table):
    return table.with_name(table.name + ".journal")


def stop_after(count):
    """A progress wrapper in which the reader presses Ctrl-C when so many pictures have been handed out."""

    def progress(paths):
        for number, path in enumerate(paths):
            if number == count:
                raise KeyboardInterrupt
            yield path

    return progress


def test_every_picture_gets_its_line_and_the_unreadable_come_last(painter, folder, table):
    seen = []
    summary = recognise_folder(painter, folder, table, progress=lambda paths: seen.extend(paths) or paths)
    rows = read_table(table)
    assert len(seen) == 34 and painter.looks == 30
    assert (summary.done, summary.skipped, summary.others, summary.left) == (30, 0, 0, 0)
    assert [row.file for row in rows[30:]] == BAD and not any(row.guesses for row in rows[30:])
    assert [(row.file, row.problem) for row in rows[30:]] == summary.unreadable
    names = [row.file for row in rows[:30]]
    assert sorted(names) == sorted(p.relative_to(folder).as_posix() for p in folder.rglob("[0-9]*.png"))
    assert names == sorted(names, key=str.casefold)
    for row in rows[:30]:
        expected = painter.best(painter.probabilities(prepare(folder / row.file)[None])[0])
        assert [guess.label for guess in row.guesses] == [guess.label for guess in expected]
        assert [guess.probability for guess in row.guesses] == pytest.approx(
            [guess.probability for guess in expected], abs=6e-5
        )
        assert row.problem == ""


def test_the_unreadable_are_told_with_their_reasons(painter, folder, table):
    reasons = []
    for name in BAD:
        with pytest.raises(PictureError) as problem:
            open_picture(folder / name)
        reasons.append("  " + str(problem.value).replace(Path(name).name, name, 1))
    told = str(recognise_folder(painter, folder, table)).splitlines()
    assert told[0] == "Answered now: 30. In the table already: 0. Unreadable: 4. Other files, left aside: 0."
    assert told[1:] == reasons and told[3].startswith("  holiday/08.jpeg is empty")


def test_many_unreadable_files_do_not_fill_the_page(painter, tmp_path, table):
    for number in range(50):
        (tmp_path / f"{number:02}.heic").write_bytes(b"\0\0\0\x18ftypheic")
    told = str(recognise_folder(painter, tmp_path, table))
    assert "19.heic" in told and "20.heic" not in told
    assert told.endswith("and 30 more: the table names them all.")
    assert len(read_table(table)) == 50 and painter.looks == 0


@pytest.mark.parametrize("count", [0, 8, 17, 33])
def test_stopped_and_gone_on_with_is_the_same_as_without_a_stop(folder, table, count):
    whole = table.with_name("whole.csv")
    recognise_folder(Painter(), folder, whole)
    first, second, third = Painter(), Painter(), Painter()
    stopped = recognise_folder(first, folder, table, progress=stop_after(count))
    assert stopped.left > 0 and stopped.done == first.looks <= count
    assert first.looks > count - BATCH - len(BAD)  # hardly anything was thrown away
    assert f"Stopped with {stopped.left} to go" in str(stopped) and "run the same line again" in str(stopped)
    assert stopped.done + stopped.left + len(stopped.unreadable) == 34
    assert sum(bool(row.guesses) for row in read_table(table)) == stopped.done
    finished = recognise_folder(second, folder, table)
    assert (finished.skipped, finished.done, finished.left) == (stopped.done, 30 - stopped.done, 0)
    assert second.looks == 30 - first.looks
    assert table.read_bytes() == whole.read_bytes()
    again = recognise_folder(third, folder, table)
    assert (again.skipped, again.done, third.looks) == (30, 0, 0) and again.unreadable == finished.unreadable
    assert table.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("count", [9, 20, 33])
def test_answers_are_kept_before_the_next_pictures_are_opened(folder, table, count):
    """Whatever stops us: here an error that nobody foresaw."""

    def progress(names):
        for number, name in enumerate(names):
            if number == count:
                raise RuntimeError("a bar that broke")
            yield name

    first, second = Painter(), Painter()
    with pytest.raises(RuntimeError):
        recognise_folder(first, folder, table, progress=progress)
    assert sum(line.count(b",pocket") for line in table.read_bytes().splitlines()) >= first.looks
    assert recognise_folder(second, folder, table).skipped == first.looks > count - BATCH - len(BAD)
    assert second.looks == 30 - first.looks


@pytest.mark.parametrize("lost", [1, 2, 30, 5000, -40, -3])
def test_a_journal_that_a_crash_has_cut_is_gone_on_with(folder, table, lost):
    """However many bytes of the end are lost (negative: all but so many are)."""
    whole = table.with_name("whole.csv")
    recognise_folder(Painter(), folder, whole)
    lines = journal_of(whole).read_bytes().splitlines(keepends=True)
    answered = b"\n" + b"".join(line for line in lines if b'"top": 5' in line)
    journal_of(table).write_bytes(answered.rstrip(b"\n")[:-lost])
    summary = recognise_folder(Painter(), folder, table)
    assert summary.done >= 1 and summary.done + summary.skipped == 30
    assert table.read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in table.parent.glob("album.csv*")) == ["album.csv", "album.csv.journal"]


@pytest.mark.skipif(os.name == "nt", reason="a computer without limits for the size of files")
@pytest.mark.parametrize("limit", [0, 4000, 6789, 9000])
def test_a_full_disk_gets_one_sentence_and_costs_nothing(folder, table, limit):
    import resource

    whole = table.with_name("whole.csv")
    recognise_folder(Painter(), folder, whole)
    before, painter = resource.getrlimit(resource.RLIMIT_FSIZE), Painter()
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        assert "album.csv cannot be written (File too large)" in complaint(painter, folder, table)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    summary = recognise_folder(Painter(), folder, table)
    assert painter.looks - BATCH <= summary.skipped <= painter.looks and summary.skipped + summary.done == 30
    assert table.read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in table.parent.glob("album.csv*")) == ["album.csv", "album.csv.journal"]


def test_two_runs_at_once_make_one_whole_table(folder, table):
    whole = table.with_name("whole.csv")
    recognise_folder(Painter(), folder, whole)
    both, summaries = threading.Barrier(2), []

    def run():
        def progress(names):
            both.wait(timeout=20)  # neither has answered anything when the other one begins
            return names

        summaries.append(recognise_folder(Painter(), folder, table, progress=progress))

    runs = [threading.Thread(target=run) for _ in range(2)]
    for thread in runs:
        thread.start()
    for thread in runs:
        thread.join()
    assert len(summaries) == 2 and table.read_bytes() == whole.read_bytes()
    assert recognise_folder(Painter(), folder, table).skipped == 30


@pytest.mark.skipif(os.name == "nt", reason="there an open file cannot be deleted")
@pytest.mark.parametrize(
    "deleted", [["album.csv"], ["album.csv.journal"], ["album.csv", "album.csv.journal"]]
)
def test_a_table_that_is_deleted_meanwhile_is_whole_in_the_end(folder, table, deleted):
    recognise_folder(Painter(), folder, table, progress=stop_after(10))

    def progress(names):
        for number, name in enumerate(names):
            if number == 12:
                for file in deleted:
                    (table.parent / file).unlink()
            yield name

    summary = recognise_folder(Painter(), folder, table, progress=progress)
    assert summary.done + summary.skipped == 30
    assert sum(b",pocket" in line for line in table.read_bytes().splitlines()) == 34
    assert len(read_table(table)) == 34
    assert recognise_folder(Painter(), folder, table).skipped == 30


def test_a_changed_picture_is_looked_at_again_and_a_deleted_one_stays_in_the_table(folder, table):
    recognise_folder(Painter(), folder, table)
    paint(folder / "03.png", "red")
    os.utime(folder / "03.png", (1e9, 1e9))
    (folder / "06.png").unlink()
    painter = Painter()
    summary = recognise_folder(painter, folder, table)
    assert (summary.done, summary.skipped, painter.looks) == (1, 28, 1)
    files = {row.file: row for row in read_table(table)}
    assert len(files) == len(read_table(table)) == 34
    assert table.read_bytes().count(b"\n") == 35 and files["03.png"].guesses[0].label == "red"
    assert files["06.png"].guesses


def test_a_copied_folder_is_the_same_album_though_all_times_are_new(folder, table, tmp_path):
    recognise_folder(Painter(), folder, table)
    shutil.copytree(folder, tmp_path / "copy", copy_function=shutil.copyfile)
    for number, path in enumerate((tmp_path / "copy").rglob("*.png")):
        os.utime(path, (1e9 + number, 1e9 + number))
    painter = Painter()
    assert recognise_folder(painter, tmp_path / "copy", table).skipped == 30 and painter.looks == 0


@pytest.mark.parametrize("ending", ["png", "bmp"])  # a BMP keeps its size, whatever is painted
def test_the_only_photo_may_be_edited(tmp_path, table, ending):
    paint(tmp_path / f"photos/one.{ending}", "red")
    recognise_folder(Painter(), tmp_path / "photos", table)
    paint(tmp_path / f"photos/one.{ending}", "blue")
    os.utime(tmp_path / f"photos/one.{ending}", (1e9, 1e9))
    assert recognise_folder(Painter(), tmp_path / "photos", table).done == 1
    assert [row.guesses[0].label for row in read_table(table)] == ["blue"]


def test_a_table_of_five_guesses_becomes_one_of_three_and_the_other_way_round(folder, table):
    recognise_folder(Painter(), folder, table)
    five, painter = table.read_bytes(), Painter()
    assert recognise_folder(painter, folder, table, top=3).skipped == 30 and painter.looks == 0
    assert table.read_bytes().count(b"guess 3") == 1 and b"guess 4" not in table.read_bytes()
    assert recognise_folder(painter, folder, table).skipped == 30 and painter.looks == 0
    assert table.read_bytes() == five
    assert recognise_folder(painter, folder, table, top=6).done == 30
    assert len(read_table(table)[0].guesses) == 6


@pytest.mark.parametrize("top", [0, -1, 2.0, "3", None])
def test_a_number_of_guesses_that_is_none_gets_one_sentence(painter, folder, table, top):
    assert complaint(painter, folder, table, top=top).endswith("must be a number of guesses: 1 or more.")
    assert painter.looks == 0 and not table.exists()


def test_an_error_of_the_network_is_not_blamed_on_the_table(painter, folder, table, monkeypatch):
    def broken(batch):
        raise OSError("the graphics card fell out")

    monkeypatch.setattr(painter, "probabilities", broken)
    with pytest.raises(OSError, match="fell out"):
        recognise_folder(painter, folder, table)
    assert recognise_folder(Painter(), folder, table).done == 30


def test_an_unreadable_file_is_tried_again(folder, table):
    recognise_folder(Painter(), folder, table)
    paint(folder / "half.png", "red")
    summary = recognise_folder(Painter(), folder, table)
    assert summary.done == 1 and len(summary.unreadable) == 3
    assert [row.problem for row in read_table(table) if row.file == "half.png"] == [""]
    (folder / "07.jpg").unlink()
    recognise_folder(Painter(), folder, table)
    assert [row.file for row in read_table(table) if row.problem] == ["holiday/08.jpeg", "phone.HEIC"]
    assert b"07.jpg" not in table.read_bytes()


def test_a_photo_damaged_since_is_listed_once_and_left_out_of_the_contact_sheet(painter, folder, table):
    recognise_folder(painter, folder, table)
    (folder / "00.png").write_bytes((folder / "00.png").read_bytes()[:40])
    figure = contact_sheet(folder, table)
    assert sum(bool(axes.images) for axes in figure.axes) == 20
    summary = recognise_folder(painter, folder, table)
    assert summary.done == 0 and "00.png" in dict(summary.unreadable)
    assert [bool(row.problem) for row in read_table(table) if row.file == "00.png"] == [True]
    assert table.read_bytes().count(b"00.png") == 2  # its name, and again in the reason


@pytest.mark.skipif(os.name == "nt", reason="a computer without named pipes")
def test_a_pipe_that_is_called_a_photo_stops_nothing(painter, folder, table):
    os.mkfifo(folder / "pipe.jpg")
    summary = recognise_folder(painter, folder, table)
    assert summary.done == 30
    assert dict(summary.unreadable)["pipe.jpg"].startswith("pipe.jpg is a pipe or a device, not a file")


def link(place, target):
    try:
        place.symlink_to(target, target_is_directory=True)
    except OSError:
        pytest.skip("a computer without links")


def test_linked_folders_are_entered_once_and_circles_end(painter, tmp_path, table):
    paint(tmp_path / "photos/one.png", "red")
    paint(tmp_path / "photos/zoo/two.png", "red")
    paint(tmp_path / "elsewhere/three.png", "red")
    paint(tmp_path / "elsewhere/deeper/four.png", "red")
    link(tmp_path / "photos/a_link", tmp_path / "elsewhere")
    link(tmp_path / "photos/again", tmp_path / "elsewhere/deeper")
    link(tmp_path / "photos/alias of zoo", tmp_path / "photos/zoo")
    link(tmp_path / "photos/zoo/up", tmp_path / "photos")
    link(tmp_path / "elsewhere/circle", tmp_path / "elsewhere")
    link(tmp_path / "photos/higher", tmp_path)
    link(tmp_path / "photos/.hidden", tmp_path / "elsewhere")
    for done in (4, 0):
        assert recognise_folder(painter, tmp_path / "photos", table).done == done
    names = ["a_link/deeper/four.png", "a_link/three.png", "one.png", "zoo/two.png"]
    assert [row.file for row in read_table(table)] == names
    assert recognise_folder(painter, tmp_path / "photos/a_link", table.with_name("other.csv")).done == 2


def test_a_picture_that_vanishes_meanwhile_is_listed_and_the_rest_done(painter, folder, table):
    def progress(paths):
        (folder / "18.png").unlink()
        return paths

    summary = recognise_folder(painter, folder, table, progress=progress)
    assert summary.done == 29
    assert ("18.png", "There is no file 18.png: check its name and folder.") in summary.unreadable


def test_hidden_and_other_files_are_left_alone(painter, tmp_path, table):
    for name in [".hidden.png", ".thumbnails/1.png", "._01.png", "01.png"]:
        paint(tmp_path / name, "red")
    for name in ["film.mp4", "notes.txt", "README"]:
        (tmp_path / name).write_text("not for us")
    for _ in range(2):  # the table itself lies in the folder: the second time it is there
        summary = recognise_folder(painter, tmp_path, table)
        assert summary.others == 3 and summary.unreadable == []
    assert [row.file for row in read_table(table)] == ["01.png"]


def odd_names():
    names = ["=1+1.png", "-2.png", "+3.png", "@four.png", "'=5.png", "''six.png", "a,b.png", "Élan λ.png"]
    if os.name != "nt":
        names += ['quote".png', "line\nbreak.png", "tab\t.png", "tab\\t.png", os.fsdecode(b"\xff.png")]
        names += ["\x1b[31mred.png", "\x85next.png", "sepa\u2028rator.png"]
    return names


def test_names_that_a_spreadsheet_or_a_line_would_trip_over(painter, tmp_path, table):
    for name in odd_names():
        try:
            paint(tmp_path / "photos" / name, "red")
        except OSError:  # a file system that takes only Unicode
            continue
    count = len(list((tmp_path / "photos").iterdir()))
    (tmp_path / "photos" / "=bad.png").write_text("no picture")
    assert recognise_folder(painter, tmp_path / "photos", table, top=7).done == count
    content = table.read_bytes()
    assert content.startswith(b"\xef\xbb\xbffile,") and content.count(b"\n") == count + 2
    with open(table, newline="", encoding="utf-8-sig") as file:
        cells = [cell for row in csv.reader(file) for cell in row]
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@", "\t", "\r")]
    assert all(letter.isprintable() for cell in cells for letter in cell)
    rows = read_table(table)
    assert {"=1+1.png", "'=5.png", "''six.png", "Élan λ.png"} <= {row.file for row in rows}
    assert "=cmd" in {guess.label for guess in rows[0].guesses}
    assert rows[-1].problem.startswith("=bad.png is not a picture")
    assert recognise_folder(painter, tmp_path / "photos", table, top=7).skipped == count
    contact_sheet(tmp_path / "photos", table)


def test_memory_does_not_grow_with_the_folder(painter, folder, table):
    def peak(progress):
        for file in (table, journal_of(table)):
            file.unlink(missing_ok=True)
        tracemalloc.start()
        try:
            recognise_folder(painter, folder, table, progress=progress)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(None)  # what is loaded once
    few, many = peak(stop_after(3 * BATCH)), peak(None)
    assert painter.looks > 60
    assert many < 1.2 * few and many < 4 * BATCH * 224 * 224 * 3 * 4


def test_only_a_few_pictures_are_held_at_once(painter, folder, table, monkeypatch):
    references, most = [], []

    def counting(path):
        picture = prepare(path)
        references.append(weakref.ref(picture))
        most.append(sum(reference() is not None for reference in references))
        return picture

    monkeypatch.setattr(albums, "prepare", counting)
    recognise_folder(painter, folder, table)
    assert len(most) == 30 and max(most) <= BATCH + AHEAD + 2


def test_a_network_with_few_labels_and_one_guess(painter, folder, table):
    recognise_folder(painter, folder, table, top=12)
    assert len(read_table(table)[0].guesses) == len(LABELS)
    one = table.with_name("one.csv")
    recognise_folder(painter, folder, one, top=1)
    assert {len(row.guesses) for row in read_table(one)} == {0, 1}


@pytest.mark.parametrize("probability", [0.99999994, 0.9999, 0.5, 0.00004, 1e-12])
def test_rounding_makes_nothing_certain(painter, tmp_path, table, probability, monkeypatch):
    monkeypatch.setattr(painter, "best", lambda *_: [Guess("thing", "", probability)])
    paint(tmp_path / "one.png", "red")
    recognise_folder(painter, tmp_path, table, top=1)
    read = read_table(table)[0].guesses[0].probability
    assert 0 < read < 1 and read == pytest.approx(probability, abs=5e-5, rel=1e-3)


def complaint(*arguments, **options):
    with pytest.raises(AlbumError) as caught:
        recognise_folder(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_folder_that_cannot_be_used_gets_one_sentence(painter, folder, table):
    assert complaint(painter, folder / "no", table) == "There is no folder no: check its name and place."
    assert complaint(painter, folder / "00.png", table).endswith("it is a file, not a folder.")
    (folder / "empty").mkdir()
    assert complaint(painter, folder / "empty", table).startswith("There is no picture in empty: ")
    assert not table.exists()


@pytest.mark.parametrize(
    "content",
    [b"my diary", b"name,age\nZoe,4\n", b"\xff\xfe\0\n", b"PK\3\4" * 99, b"file,guess 1,probability 1\n"],
)
def test_somebody_elses_file_is_never_overwritten(painter, folder, table, content):
    table.write_bytes(content)
    assert complaint(painter, folder, table).startswith("album.csv is not a table that we made")
    with pytest.raises(AlbumError, match="album.csv is not a table that we made"):
        read_table(table)
    assert table.read_bytes() == content and list(table.parent.glob("album*")) == [table]


@pytest.mark.parametrize("content", [b"my diary", b"\n{}", b'{"file": "mine"}\n'])
def test_somebody_elses_file_in_the_place_of_the_journal_is_left_alone(painter, folder, table, content):
    journal_of(table).write_bytes(content)
    assert complaint(painter, folder, table).startswith("album.csv.journal is not a table that we made")
    assert journal_of(table).read_bytes() == content and not table.exists()


def test_a_table_put_there_meanwhile_is_not_overwritten(painter, folder, table):
    def progress(names):
        table.write_bytes(b"my diary")
        return names

    assert "album.csv is not a table that we made" in complaint(painter, folder, table, progress=progress)
    assert table.read_bytes() == b"my diary"
    table.unlink()
    assert recognise_folder(painter, folder, table).skipped == 30


@pytest.mark.parametrize(
    "change",
    [
        (b",0.", b",a.", "a number"),
        (b",pocket", b"", "a cell less"),
        (b",pocket", b",pocket,my note", "a cell more"),
        (b"\r\n03.png", b"\r\nmy note\r\n03.png", "a line more"),
    ],
    ids=lambda change: change[2],
)
def test_a_table_that_somebody_changed_gets_one_sentence(folder, table, change):
    recognise_folder(Painter(), folder, table)
    table.write_bytes(table.read_bytes().replace(*change[:2], 1))
    before = table.read_bytes()
    assert "is not a table that we made, or was changed since" in complaint(Painter(), folder, table)
    assert table.read_bytes() == before


def test_a_folder_that_may_not_be_read_is_listed(painter, folder, table, monkeypatch):
    walk = os.walk

    def closed(top, onerror):
        onerror(PermissionError(13, "Permission denied", str(folder / "holiday" / "secret")))
        return walk(top)

    monkeypatch.setattr(albums.os, "walk", closed)
    summary = recognise_folder(painter, folder, table)
    assert summary.done == 30
    assert summary.unreadable[0] == (
        "holiday/secret",
        "secret is a folder that may not be read: check its permissions.",
    )


def test_tables_are_not_mixed(painter, folder, table, tmp_path):
    recognise_folder(painter, folder, table)
    before = table.read_bytes()
    painter.weights = "imagenet"
    assert "holds answers of other weights (pocket)" in complaint(painter, folder, table)
    painter.weights = "pocket"
    paint(tmp_path / "another" / "other.png", "red")
    assert "the table of another folder" in complaint(painter, tmp_path / "another", table)
    assert table.read_bytes() == before


def test_a_table_that_cannot_be_written_gets_one_sentence(painter, folder, tmp_path):
    assert "album.csv cannot be written" in complaint(painter, folder, tmp_path / "nowhere" / "album.csv")
    (tmp_path / "a.csv").mkdir()
    assert "a.csv is not a file" in complaint(painter, folder, tmp_path / "a.csv")
    table = tmp_path / "album.csv"
    recognise_folder(painter, folder, table)
    before = table.read_bytes()
    for file in (table, journal_of(table)):
        file.chmod(0o444)
        assert f"{file.name} may only be read" in complaint(painter, folder, table)
        file.chmod(0o644)
    assert table.read_bytes() == before


@pytest.mark.skipif(os.name == "nt", reason="a computer without devices among its files")
def test_a_device_is_never_replaced(painter, folder, tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "link.csv").symlink_to("/dev/null")
    (tmp_path / "b.csv.journal").symlink_to("/dev/full")
    for place in ("/dev/null", "/dev/full", tmp_path / "pipe.csv", tmp_path / "link.csv", tmp_path / "b.csv"):
        before = os.lstat(place) if os.path.exists(place) else None
        assert "is not a file, so no table can be there" in complaint(painter, folder, place)
        assert before is None or os.lstat(place) == before
    assert painter.looks == 0 and not os.path.exists("/dev/null.journal")


def test_a_linked_table_stays_a_link(painter, folder, table, tmp_path):
    link(tmp_path / "link.csv", table)
    recognise_folder(painter, folder, tmp_path / "link.csv")
    assert (tmp_path / "link.csv").is_symlink() and len(read_table(tmp_path / "link.csv")) == 34
    assert table.is_file() and recognise_folder(painter, folder, table).skipped == 30


def test_a_table_saved_by_another_program_is_still_ours(folder, table):
    recognise_folder(Painter(), folder, table)
    whole = table.read_bytes()
    with open(table, newline="", encoding="utf-8-sig") as file:
        columns, *rows = csv.reader(file)
    with open(table, "w", newline="", encoding="utf-8") as file:  # no mark, other line ends, sorted otherwise
        csv.writer(file, lineterminator="\n").writerows([columns, *rows[::-1], []])
    table.write_bytes(table.read_bytes().rstrip())  # and without the last line end
    assert len(read_table(table)) == 34
    assert recognise_folder(Painter(), folder, table).skipped == 30
    assert table.read_bytes() == whole


def test_the_contact_sheet_shows_the_first_pictures(painter, folder, table):
    recognise_folder(painter, folder, table)
    rows = [row for row in read_table(table) if row.guesses]
    (folder / rows[0].file).unlink()
    figure = contact_sheet(folder, table)
    assert sum(bool(axes.images) for axes in figure.axes) == 20
    written = [text.get_text() for axes in figure.axes for text in axes.texts] + [
        text.get_text() for text in figure.texts
    ]
    assert Path(rows[0].file).stem not in written
    assert rows[1].guesses[0].label in written
    assert any(Path(rows[1].file).stem.replace("_", " ") in text for text in written)
    shapes = {image.get_array().shape for axes in figure.axes for image in axes.images}
    assert shapes == {(200, 200, 3)}
    few = contact_sheet(folder, table, count=3, columns=3)
    assert sum(bool(axes.images) for axes in few.axes) == 3
    assert png(few).startswith(b"\x89PNG")


def test_a_contact_sheet_shows_the_lines_it_is_given(painter, folder, table):
    recognise_folder(painter, folder, table)
    rows = [row for row in read_table(table) if row.guesses][:3][::-1]
    alt = contact_sheet(folder, table, rows=rows).alt
    places = [alt.index(Path(row.file).stem.replace("_", " ") + ": ") for row in rows]
    assert alt.startswith("3 pictures") and places == sorted(places)


def test_no_contact_sheet_without_a_table_or_of_another_folder(painter, folder, table, tmp_path):
    with pytest.raises(AlbumError, match="There is no table album.csv: recognise a folder first"):
        contact_sheet(folder, table)
    recognise_folder(painter, folder, table)
    paint(tmp_path / "another" / "else.png", "red")
    with pytest.raises(AlbumError, match="album.csv has no picture of another"):
        contact_sheet(tmp_path / "another", table)
