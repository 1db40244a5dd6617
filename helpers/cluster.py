"""A folder of photos spread over many machines: the workers of a Dask scheduler.

Each worker has this course installed, sees the folder under the same path, and loads the weights once. What a
worker has in hand when it dies is given to another; the journal is written here, so that each photo comes
into it once.
"""

import contextlib
import functools
import itertools
import os
import threading
from pathlib import Path
from typing import NamedTuple

from helpers import albums
from helpers.errors import ReaderError
from helpers.journal import Row, printable
from helpers.recogniser import BATCH, load_recogniser
from helpers.weights import choose

LOCAL_WORKERS = 2
AHEAD = 3  # pieces of work for each worker at a time: it never waits, and Ctrl-C does not leave much behind
PATIENCE = 15  # seconds in which a scheduler has to answer

# A terminal sends Ctrl-C to the local workers as well: they leave it to us, who then stop them.
DEAF = "import signal\n\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"

_LOADING = threading.Lock()  # a worker may have several threads


class ClusterError(ReaderError):
    """The work cannot be spread; the message is one plain sentence for the reader."""


class _Crew(NamedTuple):
    """The workers, as `albums.recognise_folder` asks for a recogniser."""

    weights: str


def recognise_folder(address, folder, table, weights=None, top=5, progress=None):
    """Do what `albums.recognise_folder` does, with the same table, on the workers of a Dask scheduler.

    address: of a running scheduler, such as "tcp://10.0.0.5:8786"; "local" starts one here, with two workers.
    weights: as for `load_recogniser`; a file has to be where all workers can read it, at the same path.
    folder, table, top, progress: see there. Returns a Summary. Raises ClusterError and what that raises.
    """
    choice = choose(weights)
    named = choice.kind if choice.kind in ("pocket", "imagenet") else os.path.abspath(choice.path)
    folder = Path(os.path.abspath(Path(folder).expanduser()))
    with _client(address) as client:
        crew = _Crew(_outcome(client.submit(whose_answers, named, str(folder), pure=False)))
        work = functools.partial(_spread, client, named)
        return albums.recognise_folder(crew, folder, table, top, progress, work)


@contextlib.contextmanager
def _client(address):
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise ClusterError(
            "To spread the work, Dask is needed, which is not installed: "
            "pip install -r requirements-cluster.txt"
        ) from error
    dask.config.set(
        {"distributed.comm.timeouts.connect": PATIENCE, "distributed.logging.distributed": "error"}
    )
    with contextlib.ExitStack() as stack:
        if address == "local":
            share = max(1, (os.cpu_count() or 1) // LOCAL_WORKERS)
            address = stack.enter_context(
                LocalCluster(
                    n_workers=LOCAL_WORKERS,
                    threads_per_worker=1,
                    memory_limit=0,
                    dashboard_address="127.0.0.1:0",
                    silence_logs="CRITICAL",
                    preload=[DEAF],
                    env={"TF_NUM_INTRAOP_THREADS": str(share)},
                )
            )
        try:
            client = stack.enter_context(Client(address, timeout=PATIENCE, set_as_default=False))
        except (OSError, ValueError) as error:
            raise ClusterError(
                f"No Dask scheduler answers at {address}: check the address, and that it is running."
            ) from error
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError as error:
            raise ClusterError(
                f"The scheduler at {address} has no workers: start some, and try again."
            ) from error
        yield client


def _outcome(future):
    """What a worker found out; what kept it from that, in one sentence."""
    try:
        return future.result()
    except (ReaderError, KeyboardInterrupt):
        raise
    except Exception as error:
        raise ClusterError(
            f"A worker cannot work ({printable(str(error)):.150}): it needs this course and its requirements "
            "installed, in the same versions as here."
        ) from error


def _spread(client, weights, crew, pictures, top, progress, keep):
    """Have pictures recognised by the workers, a batch at a time; see `albums.in_turn`."""
    from distributed import as_completed
    from distributed.scheduler import KilledWorker

    names = list(pictures)
    waiting = iter([names[start : start + BATCH] for start in range(0, len(names), BATCH)])
    in_hand = {}

    def submit(batch):
        files = [(name, str(pictures[name])) for name in batch]
        future = client.submit(recognise, weights, files, int(top), pure=False)
        in_hand[future.key] = batch
        return future

    ticks = iter(progress(names) if progress else names)
    at_once = AHEAD * max(1, sum(client.nthreads().values()))
    futures = as_completed([submit(batch) for batch in itertools.islice(waiting, at_once)], loop=client.loop)
    try:
        for future in futures:
            batch = in_hand.pop(future.key)
            if isinstance(future.exception(), KilledWorker):
                reason = "was in hand when several workers died, one after the other: look at it alone."
                keep([Row(name, problem=f"{name} {reason}") for name in batch])
            else:
                keep(_outcome(future))
            for _ in batch:
                next(ticks)
            for more in itertools.islice(waiting, 1):
                futures.add(submit(more))
        next(ticks, None)  # so that the bar comes to its end
    finally:
        client.cancel(list(futures.futures), force=True)


# What runs on the workers


@functools.cache
def _loaded(weights):
    return load_recogniser(weights)


def _recogniser(weights):
    with _LOADING:
        return _loaded(weights)


def whose_answers(weights, folder):
    """Load the weights, and see whether the folder is there. Returns `Recogniser.weights`."""
    if not os.path.isdir(folder):
        raise ClusterError(
            f"A worker does not find the folder {folder}: it has to be at the same path on all machines."
        )
    return _recogniser(weights).weights


def recognise(weights, files, top):
    """A list of Row for files, a list of (name, path)."""
    rows = []
    pictures = {name: Path(path) for name, path in files}
    albums.in_turn(_recogniser(weights), pictures, top, None, rows.extend)
    return rows
