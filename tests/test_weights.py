"""Finding, downloading, checking and loading weights.

The network is a narrow VGG16 (see networks.py): a file of exactly the official layout is then small.
"""

import hashlib
import http.server
import inspect
import threading

import h5py
import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from networks import NARROW_LAYERS, build_narrow

from helpers import load_recogniser, weights
from helpers.architecture import VGG16_LAYERS
from helpers.weights import Head, WeightsError, load_head, load_layers, save_head

ROWS = [row for row in NARROW_LAYERS if row.units]


@pytest.fixture
def narrow(monkeypatch):
    """The helpers build the narrow network where they would build VGG16."""
    monkeypatch.setattr(weights, "build_vgg16", build_narrow)
    monkeypatch.setattr(weights, "VGG16_LAYERS", NARROW_LAYERS)


@pytest.fixture(scope="module")
def network():
    return build_narrow()


@pytest.fixture(scope="module")
def values(network):
    """Random kernels and biases for each layer with weights."""
    rng = np.random.default_rng(16)
    return {
        row.name: [
            rng.normal(0, 0.5, v.shape).astype("float32") for v in network.get_layer(row.name).variables
        ]
        for row in ROWS
    }


def old_names(layer):
    return [f"{layer}_W_1:0", f"{layer}_b_1:0"]


def new_names(layer):
    return ["kernel", "bias"]


def write(path, values, names=old_names, leave_out=()):
    """A weights file in the published layout: a group for each of the 23 layers, pools and input too."""
    layers = ["input_1"] + [row.name for row in VGG16_LAYERS if row.name not in leave_out]
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.array(layers, "S")
        for layer in layers:
            group = file.create_group(layer)
            own = names(layer) if layer in values else []
            if names is new_names:
                own = [f"{layer}/{name}" for name in own]
            group.attrs["weight_names"] = np.array(own, "S")
            for name, value in zip(own, values.get(layer, [])):
                group[name] = value
    return path


@pytest.fixture
def file(tmp_path, values):
    return write(tmp_path / "mine.h5", values)


@pytest.fixture
def clean(monkeypatch, tmp_path):
    """A home without weights: Keras' cache is an empty folder, and nothing is chosen."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("VGG16_WEIGHTS", raising=False)
    (tmp_path / "keras" / "models").mkdir(parents=True)
    return tmp_path / "keras" / "models"


def published(monkeypatch, path):
    """From now on this small file is the published one."""
    monkeypatch.setattr(weights, "OFFICIAL_BYTES", path.stat().st_size)
    monkeypatch.setattr(weights, "OFFICIAL_MD5", hashlib.md5(path.read_bytes()).hexdigest())


def one_sentence(error, *parts):
    text = str(error)
    assert text.endswith(".") and "\n" not in text and "Traceback" not in text
    for part in parts:
        assert part in text
    return text


# --- the layout ----------------------------------------------------------------------------------


def test_the_constants_are_those_in_keras_source():
    from keras.src.applications import vgg16

    assert weights.OFFICIAL_URL == vgg16.WEIGHTS_PATH
    assert f'"{weights.OFFICIAL_MD5}"' in inspect.getsource(vgg16.VGG16)
    assert weights.OFFICIAL_URL.endswith("/" + weights.OFFICIAL_NAME)


@pytest.mark.parametrize("names", [old_names, new_names])
def test_our_imitation_of_the_layout_is_one_that_keras_reads(names, tmp_path, values, network):
    network.load_weights(write(tmp_path / "weights.h5", values, names))
    for layer, wanted in values.items():
        assert all(np.array_equal(a, b) for a, b in zip(network.get_layer(layer).get_weights(), wanted))


@pytest.mark.parametrize("names", [old_names, new_names])
def test_a_right_file_arrives_in_its_layers(names, tmp_path, values):
    model = build_narrow()
    load_layers(model, write(tmp_path / "weights.h5", values, names), ROWS)
    for layer, wanted in values.items():
        assert all(
            np.array_equal(a, b) for a, b in zip(model.get_layer(layer).get_weights(), wanted, strict=True)
        )


def test_a_file_that_keras_writes_in_this_layout_is_read(tmp_path, network, values):
    from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group

    for layer, value in values.items():
        network.get_layer(layer).set_weights(value)
    with h5py.File(tmp_path / "weights.h5", "w") as file:
        save_weights_to_hdf5_group(file, network)
    model = build_narrow()
    load_layers(model, tmp_path / "weights.h5", ROWS)
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), network.get_weights(), strict=True))


def test_half_precision_is_read_into_single(tmp_path, values):
    half = {layer: [value.astype("float16") for value in pair] for layer, pair in values.items()}
    model = build_narrow()
    load_layers(model, write(tmp_path / "weights.h5", half), ROWS)
    kernel = model.get_layer("fc1").get_weights()[0]
    assert kernel.dtype == np.float32 and np.array_equal(kernel, half["fc1"][0].astype("float32"))


def test_only_the_rows_asked_for_are_touched(file, values):
    model = build_narrow()
    load_layers(model, file, ROWS[:2])
    assert np.array_equal(model.get_layer("block1_conv2").get_weights()[0], values["block1_conv2"][0])
    assert not np.any(model.get_layer("block2_conv1").get_weights()[0])


# --- wrong files ---------------------------------------------------------------------------------


def refused(path):
    """The sentence with which a file is refused as the whole network's weights."""
    with pytest.raises(WeightsError) as caught:
        load_recogniser(path)
    return one_sentence(caught.value, path.name)


@pytest.mark.usefixtures("narrow", "clean")
class TestWrongFiles:
    @pytest.mark.parametrize("part", [0, 1, 100, 0.1, 0.5, 0.9, 0.999])
    def test_a_truncated_file(self, file, part):
        content = file.read_bytes()
        file.write_bytes(content[: int(part * len(content)) if isinstance(part, float) else part])
        assert refused(file) == "mine.h5 is not a complete HDF5 weights file: get it again."

    def test_text(self, file):
        file.write_text("an elephant never forgets")
        assert refused(file) == "mine.h5 is not a complete HDF5 weights file: get it again."

    @pytest.mark.parametrize("layer", ["block1_conv1", "block3_conv2", "fc1", "predictions"])
    def test_a_missing_layer(self, tmp_path, values, layer):
        path = write(tmp_path / "mine.h5", values, leave_out=[layer])
        assert (
            refused(path) == f"mine.h5 is not a VGG16 weights file: it has no layer {layer} in Keras' layout."
        )

    def test_a_layer_without_its_names(self, file):
        with h5py.File(file, "r+") as h5:
            del h5["fc2"].attrs["weight_names"]
        assert refused(file) == "mine.h5 is not a VGG16 weights file: it has no layer fc2 in Keras' layout."

    def test_a_name_that_leads_nowhere(self, file):
        with h5py.File(file, "r+") as h5:
            del h5["fc2/fc2_b_1:0"]
        assert refused(file) == "mine.h5 is not a VGG16 weights file: it has no layer fc2 in Keras' layout."

    def test_a_name_that_is_a_group(self, file):
        with h5py.File(file, "r+") as h5:
            del h5["fc2/fc2_b_1:0"]
            h5.create_group("fc2/fc2_b_1:0")
        assert refused(file) == "mine.h5 is damaged or incomplete at layer fc2: get it again."

    def test_text_where_numbers_should_be(self, file):
        with h5py.File(file, "r+") as h5:
            del h5["fc2/fc2_b_1:0"]
            h5["fc2/fc2_b_1:0"] = ["four", "little", "elephants", "here"]
        assert refused(file) == "mine.h5 is damaged or incomplete at layer fc2: get it again."

    @pytest.mark.parametrize("layer", ["block1_conv1", "fc1", "predictions"])
    def test_another_shape(self, tmp_path, values, layer):
        kernel, bias = values[layer]
        path = write(tmp_path / "mine.h5", {**values, layer: [kernel[..., :-1], bias]})
        sentence = refused(path)
        assert sentence.startswith(
            f"mine.h5 is of another network: its layer {layer} has shapes [{kernel[..., :-1].shape}"
        )
        assert str(kernel.shape) in sentence

    @pytest.mark.parametrize(
        "change", [lambda pair: pair[:1], lambda pair: pair[::-1], lambda pair: [*pair, pair[1]]]
    )
    def test_another_number_or_order_of_arrays(self, tmp_path, values, change):
        def names(layer):
            return [f"{layer}_{letter}" for letter in "abc"]

        path = write(tmp_path / "mine.h5", {**values, "fc1": change(values["fc1"])}, names)
        with h5py.File(path, "r+") as h5:
            for row in ROWS:
                h5[row.name].attrs["weight_names"] = np.array(sorted(h5[row.name]), "S")
        assert refused(path).startswith("mine.h5 is of another network: its layer fc1 has shapes")

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    @pytest.mark.parametrize("layer", ["block1_conv1", "predictions"])
    def test_values_that_are_not_numbers(self, file, layer, value):
        with h5py.File(file, "r+") as h5:
            h5[f"{layer}/{layer}_b_1:0"][0] = value
        assert refused(file) == f"mine.h5 is damaged: its layer {layer} holds values that are not numbers."

    def test_the_weights_of_another_model(self, tmp_path):
        from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group

        other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
        with h5py.File(tmp_path / "mine.h5", "w") as h5:
            save_weights_to_hdf5_group(h5, other)
        other.save_weights(tmp_path / "other.weights.h5")
        for name in ("mine.h5", "other.weights.h5"):
            assert refused(tmp_path / name).startswith(
                f"{name} is not a VGG16 weights file: it has no layer block1_conv1"
            )

    def test_no_file_and_a_folder(self, tmp_path):
        for path in (tmp_path / "nothing.h5", tmp_path):
            sentence = refused(path)
            assert (
                sentence
                == f'There is no weights file {path}: say "pocket", "imagenet" or the path of a file.'
            )

    def test_random_damage_is_refused_or_harmless(self, file):
        content, rng, model = file.read_bytes(), np.random.default_rng(5), build_narrow()
        outcomes = set()
        for _ in range(60):
            damaged = bytearray(content)
            for place in rng.integers(0, len(content), 30):
                damaged[place] = rng.integers(256)
            file.write_bytes(damaged)
            try:
                weights.choose(file)
                load_layers(model, file, ROWS)
                outcomes.add("read")
            except WeightsError as error:
                one_sentence(error, "mine.h5")
                outcomes.add("refused")
        assert "refused" in outcomes


# --- which weights speak -------------------------------------------------------------------------


def test_the_pocket_speaks_where_nothing_is_said(clean):
    assert weights.choose() == weights.Choice("pocket", weights.POCKET_HEAD)


def test_the_cached_file_speaks_where_nothing_is_said(clean, file):
    cached = clean / weights.OFFICIAL_NAME
    cached.write_bytes(file.read_bytes())
    assert weights.choose() == weights.Choice("imagenet", cached)
    assert weights.choose("pocket").kind == "pocket"


def test_the_variable_decides_and_the_argument_more(clean, file, monkeypatch):
    monkeypatch.setenv("VGG16_WEIGHTS", "imagenet")
    assert weights.choose() == weights.Choice("imagenet", clean / weights.OFFICIAL_NAME)
    monkeypatch.setenv("VGG16_WEIGHTS", str(file))
    assert weights.choose() == weights.Choice("file", file)
    assert weights.choose("pocket").kind == "pocket"
    monkeypatch.setenv("VGG16_WEIGHTS", "")
    assert weights.choose().kind == "pocket"


def test_nothing_is_downloaded_by_choosing(clean, monkeypatch):
    monkeypatch.setattr(weights, "download", lambda *_: pytest.fail("a download"))
    for choice in (None, "imagenet", "pocket"):
        weights.choose(choice)


def test_a_tilde_is_the_home_folder(clean, file, monkeypatch):
    monkeypatch.setenv("HOME", str(file.parent))
    assert weights.choose("~/mine.h5").path == file


def test_a_bad_path_in_the_variable(clean, monkeypatch):
    monkeypatch.setenv("VGG16_WEIGHTS", "Pockets")
    with pytest.raises(WeightsError) as caught:
        weights.choose()
    one_sentence(caught.value, "There is no weights file Pockets", '"pocket"', '"imagenet"')


def test_a_file_of_the_reader_is_called_his(narrow, clean, file, values):
    recogniser = load_recogniser(file)
    assert recogniser.weights == "your file mine.h5"
    assert "Oxford's weights" not in recogniser.introduction and recogniser.introduction.startswith(
        "Your file mine.h5"
    )
    assert np.array_equal(recogniser.model.get_layer("fc1").get_weights()[0], values["fc1"][0])


def test_the_published_file_is_recognised_wherever_it_lies(narrow, clean, file, monkeypatch):
    published(monkeypatch, file)
    recogniser = load_recogniser(file)
    assert recogniser.weights == "imagenet"
    assert recogniser.introduction.startswith("Oxford's weights speak")


def test_a_changed_file_in_the_cache_is_not_used(narrow, clean, file, monkeypatch):
    published(monkeypatch, file)
    cached = clean / weights.OFFICIAL_NAME
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    cached.write_bytes(content)
    with pytest.raises(WeightsError) as caught:
        load_recogniser("imagenet")
    one_sentence(caught.value, str(cached), "is not the published file", "delete it")


def test_the_md5_is_computed_once_and_again_when_the_file_changes(file, monkeypatch):
    published(monkeypatch, file)
    computed = []
    digest = hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", lambda *args: computed.append(1) or digest(*args))
    assert weights.is_official(file) and weights.is_official(file)
    assert len(computed) == 1
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    assert not weights.is_official(file)
    content[-1] ^= 1
    file.write_bytes(content)
    assert weights.is_official(file)
    assert len(computed) == 3


def test_a_file_of_another_size_is_not_read_to_be_refused(file, monkeypatch):
    monkeypatch.setattr(hashlib, "file_digest", lambda *_: pytest.fail("the MD5 was computed"))
    assert not weights.is_official(file)


# --- the download --------------------------------------------------------------------------------


class Server(http.server.ThreadingHTTPServer):
    """Serves one file from 127.0.0.1, well or badly, and counts how often."""

    def __init__(self, content):
        self.content, self.announced, self.status, self.asked = content, len(content), 200, 0
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/weights.h5"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked += 1
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(self.server.announced))
        self.end_headers()
        self.wfile.write(self.server.content)

    def log_message(self, *_):
        """Say nothing: what the tests read on stderr is the helpers' own."""


CONTENT = b"\x89HDF\r\n" + bytes(range(256)) * 400
CONTENT_MD5 = hashlib.md5(CONTENT).hexdigest()


@pytest.fixture
def server():
    with Server(CONTENT) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_right_file_arrives_and_is_kept(server, tmp_path, capfd):
    path = weights.download(server.url, CONTENT_MD5, tmp_path / "new" / "folder")
    assert path == tmp_path / "new" / "folder" / "weights.h5"
    assert path.read_bytes() == CONTENT
    assert list(path.parent.iterdir()) == [path]
    assert weights.download(server.url, CONTENT_MD5, path.parent) == path
    assert server.asked == 1
    out, err = capfd.readouterr()
    assert out == ""
    assert "100%" in err  # the progress bar ...
    assert "Downloading data" not in err and "SHA256" not in err  # ... and no log lines


def test_a_damaged_file_in_the_cache_is_fetched_again(server, tmp_path, capfd):
    (tmp_path / "weights.h5").write_bytes(CONTENT[:-1])
    assert weights.download(server.url, CONTENT_MD5, tmp_path).read_bytes() == CONTENT
    assert "Updating" not in capfd.readouterr().err


def refused_download(url, folder, capfd):
    with pytest.raises(WeightsError) as caught:
        weights.download(url, CONTENT_MD5, folder)
    assert list(folder.iterdir()) == []
    assert "hash" not in capfd.readouterr().err
    return one_sentence(caught.value, url)


def test_another_file_is_not_kept(server, tmp_path, capfd):
    server.content = CONTENT[:-1] + b"?"
    assert refused_download(server.url, tmp_path, capfd) == (
        f"What came from {server.url} is not the published file (its MD5 differs): try again later."
    )


def could_not(url, folder):
    return (
        f"{url} could not be downloaded to {folder}: check the connection and the free space, and try again."
    )


def test_an_address_without_a_file(server, tmp_path, capfd):
    server.status = 404
    assert refused_download(server.url, tmp_path, capfd) == could_not(server.url, tmp_path)


def test_a_connection_cut_in_the_middle(server, tmp_path, capfd):
    server.content = CONTENT[:50_000]
    assert refused_download(server.url, tmp_path, capfd) == could_not(server.url, tmp_path)


def test_no_connection(server, tmp_path, capfd):
    url = server.url
    server.server_close()
    assert refused_download(url, tmp_path, capfd) == could_not(url, tmp_path)


def test_a_stop_by_hand_leaves_nothing(server, tmp_path, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("requests.models.Response.iter_content", stop)
    with pytest.raises(KeyboardInterrupt):
        weights.download(server.url, CONTENT_MD5, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made(server, tmp_path):
    (tmp_path / "folder").write_text("a file is in its place")
    with pytest.raises(WeightsError) as caught:
        weights.download(server.url, CONTENT_MD5, tmp_path / "folder")
    assert str(caught.value) == could_not(server.url, tmp_path / "folder")


def test_imagenet_is_downloaded_once_and_then_read_from_the_cache(narrow, clean, file, server, monkeypatch):
    published(monkeypatch, file)
    server.content = file.read_bytes()
    server.announced = len(server.content)
    url = server.url.replace("weights.h5", weights.OFFICIAL_NAME)
    monkeypatch.setattr(weights.download, "__defaults__", (url, weights.OFFICIAL_MD5, None))
    for _ in range(2):
        assert load_recogniser("imagenet").weights == "imagenet"
    assert server.asked == 1
    assert weights.choose() == weights.Choice("imagenet", clean / weights.OFFICIAL_NAME)


# --- the pocket's last layer ---------------------------------------------------------------------

numbers = st.floats(-100, 100, width=32)
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.data())
def test_a_head_comes_back_as_it_was_saved(tmp_path, data):
    classes = data.draw(st.integers(1, 6))
    head = Head(
        data.draw(hnp.arrays("float32", (512, classes), elements=numbers, fill=numbers)),
        data.draw(hnp.arrays("float32", (classes,), elements=numbers)),
        tuple(data.draw(st.lists(words, min_size=classes, max_size=classes))),
        tuple(data.draw(st.lists(words, min_size=classes, max_size=classes))),
    )
    save_head(tmp_path / "head.h5", head)
    back = load_head(tmp_path / "head.h5")
    assert np.array_equal(back.kernel, head.kernel) and np.array_equal(back.bias, head.bias)
    assert back.kernel.dtype == back.bias.dtype == np.float32
    assert (back.wnids, back.names) == (head.wnids, head.names)
    assert [path.name for path in tmp_path.iterdir()] == ["head.h5"]


HEAD = Head(
    np.ones((512, 2), "float32"), np.zeros(2, "float32"), ("n02504458", ""), ("African_elephant", "my cup")
)


@pytest.fixture
def head_file(tmp_path):
    save_head(tmp_path / "words.h5", HEAD)
    return tmp_path / "words.h5"


def test_a_saved_head_is_chosen_by_its_path(clean, head_file):
    assert weights.choose(head_file) == weights.Choice("head", head_file)


def test_an_interruption_leaves_the_old_head_and_no_half_file(head_file, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("h5py.Group.create_dataset", stop)
    with pytest.raises(KeyboardInterrupt):
        save_head(head_file, HEAD._replace(names=("a", "b")))
    monkeypatch.undo()
    assert load_head(head_file).names == HEAD.names
    assert [path.name for path in head_file.parent.iterdir()] == ["words.h5"]


def refused_head(path):
    with pytest.raises(WeightsError) as caught:
        load_head(path)
    return one_sentence(caught.value, path.name)


@pytest.mark.parametrize("part", ["predictions", "predictions/kernel", "predictions/bias", "wnids", "names"])
def test_a_head_without_a_part(head_file, part):
    with h5py.File(head_file, "r+") as h5:
        del h5[part]
    assert refused_head(head_file) == (
        "words.h5 is not a last layer of the pocket network, or it is damaged: make it again."
    )


@pytest.mark.parametrize("part", ["predictions/kernel", "wnids", "names"])
def test_a_head_with_something_else_in_a_place(head_file, part):
    for wrong in (b"\xff\xfe", 7, np.zeros((2, 2)), "text"):
        with h5py.File(head_file, "r+") as h5:
            del h5[part]
            h5[part] = wrong
        refused_head(head_file)
    with h5py.File(head_file, "r+") as h5:
        del h5[part]
        h5.create_group(part)
    refused_head(head_file)


@pytest.mark.parametrize(
    "change",
    [
        {"kernel": np.ones((512, 3), "float32")},
        {"kernel": np.ones((2, 512), "float32")},
        {"bias": np.zeros(3, "float32")},
        {"names": ("one",)},
        {"wnids": ("n02504458",)},
    ],
)
def test_a_head_whose_parts_do_not_fit(head_file, change):
    save_head(head_file, HEAD._replace(**change))
    assert refused_head(head_file).startswith("words.h5 is not a last layer of the pocket network")


def test_a_head_with_values_that_are_not_numbers(head_file):
    for change in ({"bias": np.array([0, np.nan])}, {"kernel": np.full((512, 2), np.inf)}):
        save_head(head_file, HEAD._replace(**change))
        assert refused_head(head_file) == "words.h5 is damaged: it holds values that are not numbers."


@pytest.mark.parametrize("part", [0, 10, 0.3, 0.9])
def test_a_truncated_head(head_file, part):
    content = head_file.read_bytes()
    head_file.write_bytes(content[: int(part * len(content)) if isinstance(part, float) else part])
    assert refused_head(head_file) == "words.h5 is not a complete HDF5 weights file: get it again."


def test_random_damage_of_a_head_is_refused_or_harmless(head_file):
    content, rng = head_file.read_bytes(), np.random.default_rng(6)
    refusals = 0
    for _ in range(150):
        damaged = bytearray(content)
        # Leave most of the kernel alone: what can go wrong is in the structure around it.
        for place in rng.choice(np.flatnonzero(np.frombuffer(content, "uint8")), 4):
            damaged[place] = rng.integers(256)
        head_file.write_bytes(damaged)
        try:
            weights.choose(head_file)
            assert isinstance(load_head(head_file), Head)
        except WeightsError as error:
            one_sentence(error, "words.h5")
            refusals += 1
    assert refusals
