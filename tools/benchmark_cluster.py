"""What spreading a folder over two Dask workers costs and brings: python tools/benchmark_cluster.py"""

import os
import shutil
import tempfile
import time
from pathlib import Path

import distributed

from helpers import cluster, load_recogniser
from helpers.albums import recognise_folder
from helpers.pictures import example

WORKERS = 2


def measure(count=160):
    """Recognise a folder of small pictures by one process, and by two workers with half the cores each.

    count: pictures, a multiple of 8. All have loaded the network before.
    Returns seconds a photo: {"one process", "two workers", "overhead"}. The overhead is what Dask takes to
    send eight names to a worker and an answer back, without any work, divided by eight.
    """
    options = {"n_workers": WORKERS, "threads_per_worker": 1, "memory_limit": 0}
    options["dashboard_address"] = "127.0.0.1:0"
    share = {"TF_NUM_INTRAOP_THREADS": str(max(1, (os.cpu_count() or 1) // WORKERS))}
    recogniser = load_recogniser("pocket")
    with tempfile.TemporaryDirectory() as place, distributed.LocalCluster(**options, env=share) as workers:
        folder = Path(place, "photos")
        folder.mkdir()
        for number in range(count):
            shutil.copy(example("elephant.gif"), folder / f"{number:04}.gif")
        with distributed.Client(workers, set_as_default=False) as client:
            client.run(cluster.whose_answers, "pocket", str(folder))  # both have the weights now
            recogniser.guess([example("elephant.gif")] * 8)
            start = time.perf_counter()
            recognise_folder(recogniser, folder, Path(place, "one.csv"))
            one = time.perf_counter() - start
            start = time.perf_counter()
            cluster.recognise_folder(workers.scheduler_address, folder, Path(place, "two.csv"), "pocket")
            two = time.perf_counter() - start
            start = time.perf_counter()
            errands = [client.submit(_errand, number, pure=False) for number in range(count // 8)]
            client.gather(errands)
            errand = time.perf_counter() - start
    return {"one process": one / count, "two workers": two / count, "overhead": errand / count}


def _errand(number):
    return [number] * 8


if __name__ == "__main__":
    for what, seconds in measure().items():
        print(f"{what}: {1000 * seconds:.1f} ms a photo")
