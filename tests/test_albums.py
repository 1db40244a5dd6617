"""A folder of photos into a table: to the end, stopped and gone on with, damaged, and uploaded."""

import csv
import os
import tracemalloc
import weakref
from datetime import UTC, datetime
from types import SimpleNamespace

import ipywidgets
import numpy as np
import pytest
from PIL import Image

from helpers import Guess, albums
from helpers.albums import AlbumError, contact_sheet, read_table, recognise_folder, uploaded
from helpers.pictures import prepare
from helpers.plots import png
from helpers.recogniser import BATCH

LABELS = ["blue", "green", "red", "rose", "grey", "=cmd", "ninth"]


class Painter:
    """In place of the network: answers with the colour that a picture has most of."""

    weights = "pocket"

    def __init__(self):
        self.looks = 0

    def probabilities(self, batch):
        assert batch.shape[1:] == (224, 224, 3) and len(batch) <= BATCH
        self.looks += len(batch)
        means = batch.mean(axis=(1, 2)) - batch.mean(axis=(1, 2)).min(axis=1, keepdims=True) + 1
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
    """60 pictures in three folders, and four files that look like pictures and are none."""
    rng = np.random.default_rng(60)
    for number in range(60):
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
    assert len(seen) == 64 and painter.looks == 60
    assert (summary.done, summary.skipped, summary.others, summary.left) == (60, 0, 0, 0)
    assert [row.file for row in rows[60:]] == BAD and not any(row.guesses for row in rows[60:])
    assert [(row.file, row.problem) for row in rows[60:]] == summary.unreadable
    names = [row.file for row in rows[:60]]
    assert sorted(names) == sorted(p.relative_to(folder).as_posix() for p in folder.rglob("[0-9]*.png"))
    assert names == sorted(names, key=str.casefold)
    for row in rows[:60]:
        expected = painter.best(painter.probabilities(prepare(folder / row.file)[None])[0])
        assert [guess.label for guess in row.guesses] == [guess.label for guess in expected]
        assert [guess.probability for guess in row.guesses] == pytest.approx(
            [guess.probability for guess in expected], abs=6e-5
        )
        assert row.problem == ""


def test_the_unreadable_are_told_with_their_reasons(painter, folder, table):
    told = str(recognise_folder(painter, folder, table)).splitlines()
    assert told == [
        "Answered now: 60. In the table already: 0. Unreadable: 4. Other files, left aside: 0.",
        "  07.jpg is not a picture that we can open: save it as JPEG or PNG first.",
        "  half.png is damaged and cannot be opened: try another copy of it.",
        "  holiday/08.jpeg is empty: try another copy of it.",
        "  phone.HEIC is a HEIC or AVIF photo or a film, which we cannot open: save it as JPEG first.",
    ]


def test_many_unreadable_files_do_not_fill_the_page(painter, tmp_path, table):
    for number in range(50):
        (tmp_path / f"{number:02}.heic").write_bytes(b"\0\0\0\x18ftypheic")
    told = str(recognise_folder(painter, tmp_path, table))
    assert "19.heic" in told and "20.heic" not in told
    assert told.endswith("and 30 more: the table names them all.")
    assert len(read_table(table)) == 50 and painter.looks == 0


@pytest.mark.parametrize("count", [0, 8, 17, 63])
def test_stopped_and_gone_on_with_is_the_same_as_without_a_stop(folder, table, count):
    whole = table.with_name("whole.csv")
    recognise_folder(Painter(), folder, whole)
    first, second, third = Painter(), Painter(), Painter()
    stopped = recognise_folder(first, folder, table, progress=stop_after(count))
    assert stopped.left > 0 and stopped.done == first.looks <= count
    assert first.looks > count - BATCH - len(BAD)  # hardly anything was thrown away
    assert f"Stopped with {stopped.left} to go" in str(stopped) and "run the same line again" in str(stopped)
    assert stopped.done + stopped.left + len(stopped.unreadable) == 64
    assert sum(bool(row.guesses) for row in read_table(table)) == stopped.done
    finished = recognise_folder(second, folder, table)
    assert (finished.skipped, finished.done, finished.left) == (stopped.done, 60 - stopped.done, 0)
    assert second.looks == 60 - first.looks
    assert table.read_bytes() == whole.read_bytes()
    again = recognise_folder(third, folder, table)
    assert (again.skipped, again.done, third.looks) == (60, 0, 0) and again.unreadable == finished.unreadable
    assert table.read_bytes() == whole.read_bytes()


def test_lines_are_in_the_file_before_the_next_pictures_are_opened(painter, folder, table):
    found = []

    def progress(paths):
        for path in paths:
            found.append(sum(bool(row.guesses) for row in read_table(table)))
            yield path

    recognise_folder(painter, folder, table, progress=progress)
    assert found[-1] >= 60 - BATCH and all(done >= n - BATCH - len(BAD) for n, done in enumerate(found))


@pytest.mark.parametrize("lost", [1, 2, 30, 5000, -40])
def test_a_crash_in_the_middle_of_writing_is_repaired(folder, table, lost):
    """However many bytes of the end are lost (negative: all but so many are)."""
    whole = table.with_name("whole.csv")
    recognise_folder(Painter(), folder, whole)
    lines = whole.read_bytes().splitlines(keepends=True)
    recognised = b"".join(line for line in lines if b"pocket,," not in line)
    table.write_bytes(recognised[:-lost])
    summary = recognise_folder(Painter(), folder, table)
    assert summary.done >= 1 and summary.done + summary.skipped == 60
    assert table.read_bytes() == whole.read_bytes()
    assert list(table.parent.glob("*.unfinished")) == []


def test_a_changed_picture_is_looked_at_again_and_a_deleted_one_stays_in_the_table(folder, table):
    recognise_folder(Painter(), folder, table)
    paint(folder / "03.png", "red")
    os.utime(folder / "03.png", (1e9, 1e9))
    (folder / "06.png").unlink()
    painter = Painter()
    summary = recognise_folder(painter, folder, table)
    assert (summary.done, summary.skipped, painter.looks) == (1, 58, 1)
    files = {row.file: row for row in read_table(table)}
    assert len(files) == len(read_table(table)) == 64 and files["03.png"].guesses[0].label == "red"
    assert files["06.png"].guesses


def test_an_unreadable_file_is_tried_again(folder, table):
    recognise_folder(Painter(), folder, table)
    paint(folder / "half.png", "red")
    summary = recognise_folder(Painter(), folder, table)
    assert summary.done == 1 and len(summary.unreadable) == 3
    assert [row.problem for row in read_table(table) if row.file == "half.png"] == [""]


def test_a_picture_that_vanishes_meanwhile_is_listed_and_the_rest_done(painter, folder, table):
    def progress(paths):
        (folder / "30.png").unlink()
        return paths

    summary = recognise_folder(painter, folder, table, progress=progress)
    assert summary.done == 59
    assert ("30.png", "There is no file 30.png: check its name and folder.") in summary.unreadable


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
        names += ['quote".png', "line\nbreak.png", "tab\t.png", os.fsdecode(b"\xff.png")]
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
    rows = read_table(table)
    assert {"=1+1.png", "'=5.png", "''six.png", "Élan λ.png"} <= {row.file for row in rows}
    assert "=cmd" in {guess.label for guess in rows[0].guesses}
    assert rows[-1].problem.startswith("=bad.png is not a picture")
    assert recognise_folder(painter, tmp_path / "photos", table, top=7).skipped == count
    contact_sheet(tmp_path / "photos", table)


def test_memory_does_not_grow_with_the_folder(painter, folder, table):
    def peak(progress):
        table.unlink(missing_ok=True)
        tracemalloc.start()
        try:
            recognise_folder(painter, folder, table, progress=progress)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(None)  # what is loaded once
    few, many = peak(stop_after(2 * BATCH)), peak(None)
    assert painter.looks > 100
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
    assert len(most) == 60 and max(most) <= BATCH + 1


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
    assert table.read_bytes() == content


@pytest.mark.parametrize(
    "change",
    [
        (b",0.", b",a.", "a number"),
        (b",pocket,", b",", "a cell less"),
        (b",pocket,", b",pocket,,", "a cell more"),
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
    assert summary.done == 60
    assert summary.unreadable[0] == (
        "holiday/secret",
        "secret is a folder that may not be read: check its permissions.",
    )


def test_tables_are_not_mixed(painter, folder, table, tmp_path):
    recognise_folder(painter, folder, table)
    before = table.read_bytes()
    assert "not a table that we made" in complaint(painter, folder, table, top=3)
    painter.weights = "imagenet"
    assert "holds answers of other weights (pocket)" in complaint(painter, folder, table)
    painter.weights = "pocket"
    paint(tmp_path / "another" / "00.png", "red")
    os.utime(tmp_path / "another" / "00.png", (1e9, 1e9))
    assert "the table of another folder" in complaint(painter, tmp_path / "another", table)
    assert table.read_bytes() == before


def test_a_table_that_cannot_be_written_gets_one_sentence(painter, folder, tmp_path):
    assert "album.csv cannot be written" in complaint(painter, folder, tmp_path / "nowhere" / "album.csv")
    (tmp_path / "a.csv").mkdir()
    assert "a.csv cannot be written" in complaint(painter, folder, tmp_path / "a.csv")


def test_a_table_saved_by_a_spreadsheet_is_still_ours(folder, table):
    recognise_folder(Painter(), folder, table)
    with open(table, newline="", encoding="utf-8-sig") as file:
        rows = list(csv.reader(file))
    with open(table, "w", newline="", encoding="utf-8") as file:  # no mark, other line ends and quotes
        csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows([*rows, []])
    assert recognise_folder(Painter(), folder, table).skipped == 60


def test_the_contact_sheet_shows_the_first_pictures(painter, folder, table):
    recognise_folder(painter, folder, table)
    rows = [row for row in read_table(table) if row.guesses]
    (folder / rows[0].file).unlink()
    figure = contact_sheet(folder, table)
    assert sum(bool(axes.images) for axes in figure.axes) == 20
    written = [text.get_text() for axes in figure.axes for text in axes.texts] + [
        text.get_text() for text in figure.texts
    ]
    assert rows[0].file not in written
    assert rows[1].guesses[0].label in written
    assert any(rows[1].file.split("/")[-1] in text for text in written)
    shapes = {image.get_array().shape for axes in figure.axes for image in axes.images}
    assert shapes == {(200, 200, 3)}
    few = contact_sheet(folder, table, count=3, columns=3)
    assert sum(bool(axes.images) for axes in few.axes) == 3
    assert png(few).startswith(b"\x89PNG")


def test_no_contact_sheet_without_a_table_or_of_another_folder(painter, folder, table, tmp_path):
    with pytest.raises(AlbumError, match="There is no table album.csv: recognise a folder first"):
        contact_sheet(folder, table)
    recognise_folder(painter, folder, table)
    paint(tmp_path / "another" / "else.png", "red")
    with pytest.raises(AlbumError, match="album.csv has no picture of another"):
        contact_sheet(tmp_path / "another", table)


# --- photos from a browser -----------------------------------------------------------------------


class Button7:
    """The upload button of ipywidgets 7, as far as the kernel sees it: its value is made from two lists."""

    def __init__(self):
        self.metadata, self.data, self._counter = [], [], 0

    @property
    def _counter(self):
        return self._count

    @_counter.setter
    def _counter(self, count):
        self._count = count
        self.value = {
            about["name"]: {"metadata": about, "content": content}
            for about, content in zip(self.metadata, self.data, strict=True)
        }


def test_uploaded_in_ipywidgets_7():
    button = Button7()
    assert uploaded(button) == []
    button.metadata, button.data = [{"name": "a.png"}, {"name": "b.jpg"}], [b"first", b"second"]
    button._counter = 2
    assert uploaded(button) == [("a.png", b"first"), ("b.jpg", b"second")]
    assert uploaded(button) == [] and button.data == []


def file(name, content):
    return {
        "name": name,
        "type": "image/png",
        "size": len(content),
        "content": memoryview(content),
        "last_modified": datetime.now(UTC),
    }


def test_uploaded_in_ipywidgets_8():
    button = SimpleNamespace(value=())
    assert uploaded(button) == []
    button.value = (file("a.png", b"first"), file("b.jpg", b"second"))
    photos = uploaded(button)
    assert photos == [("a.png", b"first"), ("b.jpg", b"second")]
    assert all(type(content) is bytes for _, content in photos)
    assert uploaded(button) == [] and button.value == ()


@pytest.mark.skipif(ipywidgets.__version__ < "8", reason="the button of ipywidgets 8")
def test_the_real_button_is_emptied_as_soon_as_it_is_filled():
    button, photos = ipywidgets.FileUpload(accept="image/*", multiple=True), []
    button.observe(lambda change: photos.extend(uploaded(button)), "value")
    button.value = (file("a.png", b"first"),)
    button.value = (file("b.png", b"second"),)
    assert photos == [("a.png", b"first"), ("b.png", b"second")]
    assert button.value == () and b"first" not in repr(button.get_state()).encode()
