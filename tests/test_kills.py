"""What is killed or interrupted loses nothing: programs of their own, which are killed."""

import subprocess
import sys
import time

from servers import CONTENT, MD5, serving

from helpers.download import download


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
