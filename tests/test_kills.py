"""What is killed or interrupted loses nothing: programs of their own, which are killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from networks import pocket
from servers import CONTENT, MD5, serving
from test_albums import Painter, folder, journal_of, table  # noqa: F401, fixtures

from helpers import albums, cluster
from helpers.download import download
from helpers.pictures import IMAGES


def test_a_killed_download_is_taken_up_and_its_lock_does_no_harm(tmp_path):
    target = tmp_path / "weights.h5"
    program = "import sys\nfrom helpers.download import download\ndownload(*sys.argv[1:4], int(sys.argv[4]))"
    with serving() as server:
        server.faults = [{"drops_after": 150_000, "stalls": 2.0}]
        words = [server.url, target, MD5, str(len(CONTENT))]
        child = subprocess.Popen([sys.executable, "-c", program, *map(str, words)], stderr=subprocess.PIPE)
        while not (tmp_path / "weights.h5.part").exists():
            time.sleep(0.01)
        time.sleep(0.5)
        child.kill()
        child.communicate()
        names = sorted(path.name for path in tmp_path.iterdir())
        assert names == [f"weights.h5.{ending}" for ending in ("lock", "part", "part.version")]
        begun = (tmp_path / "weights.h5.part").stat().st_size
        assert download(server.url, target, MD5, len(CONTENT)).read_bytes() == CONTENT
        assert server.asked[1] == (f"bytes={begun}-" if begun else None)
        assert list(tmp_path.iterdir()) == [target]


def test_ctrl_c_while_tensorflow_is_imported_ends_it_quietly():
    child = subprocess.Popen([sys.executable, "-m", "helpers", "x.png"], stderr=subprocess.PIPE, text=True)
    time.sleep(1.0)
    child.send_signal(signal.SIGINT)
    assert child.communicate(timeout=30)[1] == ""
    assert child.returncode == -signal.SIGINT


@pytest.fixture
def photos(tmp_path):
    """A folder of 40 files: 39 small pictures, and one that is none."""
    place = tmp_path / "photos"
    place.mkdir()
    for number in range(39):
        shutil.copy(IMAGES / "elephant.gif", place / f"{number:02}.gif")
    (place / "notes.jpg").write_text("an elephant never forgets")
    return place


def test_a_killed_worker_loses_nothing(photos, tmp_path):
    """Two workers, one of which is killed after the first answers: the table is that of one process."""
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0", "memory_limit": 0}
    with distributed.LocalCluster(**options, silence_logs="CRITICAL") as workers:
        pids = [worker.pid for worker in workers.workers.values()]

        def kill_one(names):
            for number, name in enumerate(names):
                if number == 10:
                    os.kill(pids[0], signal.SIGKILL)
                yield name

        address = workers.scheduler_address
        summary = cluster.recognise_folder(address, photos, tmp_path / "two.csv", "pocket", 5, kill_one)
        assert pids[0] not in [worker.pid for worker in workers.workers.values()]
        again = cluster.recognise_folder(address, photos, tmp_path / "two.csv", "pocket")
    assert (summary.done, summary.left, len(summary.unreadable)) == (39, 0, 1)
    assert (again.done, again.skipped) == (0, 39)
    answered = [row.file for row in albums.read_journal(tmp_path / "two.csv") if row.guesses]
    assert len(answered) == len(set(answered)) == 39
    albums.recognise_folder(pocket(), photos, tmp_path / "one.csv")
    assert (tmp_path / "two.csv").read_bytes() == (tmp_path / "one.csv").read_bytes()


def test_a_cluster_that_cannot_work_gets_one_sentence(photos, tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed")

    def problem(address):
        with pytest.raises(cluster.ClusterError) as caught:
            cluster.recognise_folder(address, photos, tmp_path / "t.csv", "pocket")
        assert not list(tmp_path.glob("t.csv*"))  # nothing is begun
        return str(caught.value)

    monkeypatch.setattr(cluster, "PATIENCE", 1)
    nobody = "tcp://127.0.0.1:9"
    assert problem(nobody).startswith(f"No Dask scheduler answers at {nobody}: ")
    assert problem("not an address").startswith("No Dask scheduler answers at not an address: ")
    options = {"threads_per_worker": 1, "dashboard_address": "127.0.0.1:0", "memory_limit": 0}
    with distributed.LocalCluster(n_workers=0, **options, silence_logs="CRITICAL") as empty:
        address = empty.scheduler_address
        assert problem(address) == f"The scheduler at {address} has no workers: start some, and try again."
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert problem("local").startswith("To spread the work, Dask is needed, which is not installed: ")


@pytest.mark.parametrize("way", [[], ["--cluster", "local"]])
def test_ctrl_c_keeps_what_is_done(photos, tmp_path, way):
    if way:
        pytest.importorskip("distributed")
    words = [photos, "--table", tmp_path / "t.csv", "--weights", "pocket", *way]
    command = [sys.executable, "-m", "helpers", *map(str, words)]
    journal = tmp_path / "t.csv.journal"
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while not journal.exists() or b"guesses" not in journal.read_bytes():
        assert child.poll() is None, child.communicate()
        time.sleep(0.05)
    os.killpg(child.pid, signal.SIGINT)  # as a terminal does it, to all of them
    out, err = child.communicate(timeout=200)
    assert child.returncode == 130 and "run the same line again" in out
    assert "Traceback" not in out + err
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1  # for the sake of the file that is no picture
    answered = [row.file for row in albums.read_journal(tmp_path / "t.csv") if row.guesses]
    assert len(answered) == len(set(answered)) == 39


KILLED = """
import json, os, random, signal, sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_albums import Painter, journal_of
from helpers.albums import recognise_folder

folder, table, rounds = Path({folder!r}), Path({table!r}), []
generator = random.Random(9)
for _ in range(12):
    child = os.fork()
    if not child:
        recognise_folder(Painter(), folder, table)
        os._exit(0)
    time.sleep(generator.uniform(0, 0.25))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    rounds.append(journal_of(table).stat().st_size if journal_of(table).exists() else 0)
print(json.dumps(rounds))
"""


@pytest.mark.skipif(os.name == "nt", reason="a computer without fork and kill -9")
def test_killed_again_and_again_nothing_is_lost_and_nothing_twice(folder, table):  # noqa: F811
    whole = table.with_name("whole.csv")
    albums.recognise_folder(Painter(), folder, whole)
    script = KILLED.format(tests=str(Path(__file__).parent), folder=str(folder), table=str(table))
    killed = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert killed.returncode == 0, killed.stderr
    sizes = json.loads(killed.stdout)
    assert (
        sizes == sorted(sizes) and len(set(sizes)) > 2
    )  # it only grows, and several kills struck on the way
    kept = sum(bool(row.guesses) for row in albums.read_table(table))
    summary = albums.recognise_folder(Painter(), folder, table)
    assert (summary.skipped, summary.done) == (kept, 30 - kept)
    assert table.read_bytes() == whole.read_bytes()
