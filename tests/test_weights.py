"""Finding, downloading, checking and loading weights.

The network is a narrow VGG16 (see networks.py): a file of exactly the official layout is then small.
"""

import hashlib
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from networks import NARROW_LAYERS, build_narrow
from servers import serving

from helpers import load_recogniser, weights
from helpers.architecture import VGG16_LAYERS
from helpers.explain import activations, class_activation_map, occlusion_map
from helpers.pictures import example
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
    @pytest.mark.parametrize("part", [4, 100, 0.1, 0.5, 0.9, 0.999])
    def test_a_truncated_file(self, file, part):
        content = file.read_bytes()
        file.write_bytes(content[: int(part * len(content)) if isinstance(part, float) else part])
        assert refused(file) == "mine.h5 is not a complete HDF5 weights file: get it again."

    @pytest.mark.parametrize(
        ("content", "what"),
        [
            (b"", "is empty"),
            (b"an elephant never forgets", "is not an HDF5 file"),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:12", "Git LFS .* git lfs pull"),
            (b"PK\3\4" + bytes(26) + b"archive/data.pklFB", "PyTorch"),  # since PyTorch 1.6
            (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", "PyTorch"),  # before
            (b"\x1a\1\0\0\0\0\0\0" + b'{"weight":{"dtype":"F32"', "safetensors"),
            (b"PK\3\4" + bytes(26) + b"metadata.json{}", r"\.keras .* ends in \.h5"),
            (b"\n <!DOCTYPE html><html>", "a web page: download the file itself"),
            (b"\x1f\x8b\x08\x08", "compressed"),
        ],
    )
    def test_a_file_of_another_kind_is_called_what_it_is(self, file, content, what):
        file.write_bytes(content)
        sentence = refused(file)
        assert re.search(what, sentence) and ("again" in sentence) == (not content)

    def test_a_whole_model_of_keras_is_refused_with_the_way_to_a_file_that_is_read(self, tmp_path, network):
        network.save(tmp_path / "mine.keras")
        assert "keras.saving.load_model" in refused(tmp_path / "mine.keras")
        network.save_weights(tmp_path / "mine.weights.h5")
        assert "Keras' newer layout" in refused(tmp_path / "mine.weights.h5")
        network.save(tmp_path / "mine.h5")
        ours = load_recogniser(tmp_path / "mine.h5").model.get_weights()
        assert all(np.array_equal(a, b) for a, b in zip(ours, network.get_weights(), strict=True))

    @pytest.mark.parametrize("layer", ["block1_conv1", "block3_conv2", "fc1", "predictions"])
    def test_a_missing_layer(self, tmp_path, values, layer):
        path = write(tmp_path / "mine.h5", values, leave_out=[layer])
        assert (
            refused(path) == f"mine.h5 is not a VGG16 weights file: it has no layer {layer} in Keras' layout."
        )

    def test_a_layer_without_its_bias(self, file):
        with h5py.File(file, "r+") as h5:
            del h5["fc2/fc2_b_1:0"]
        assert refused(file).startswith("mine.h5 is of another network: its layer fc2 has shapes [(4, 4)],")

    def test_an_array_in_place_of_a_layer(self, file):
        with h5py.File(file, "r+") as h5:
            del h5["fc2"]
            h5["fc2"] = np.zeros(4)
        assert refused(file) == "mine.h5 is damaged at layer fc2: get it again."

    @pytest.mark.parametrize("wrong", [["four", "little", "elephants", "here"], [1, 2, 3, 4], [1j, 2, 3, 4]])
    def test_something_else_where_numbers_should_be(self, file, wrong):
        with h5py.File(file, "r+") as h5:
            del h5["fc2/fc2_b_1:0"]
            h5["fc2/fc2_b_1:0"] = wrong
        assert "fc2_b_1:0 is not an array of floating-point numbers" in refused(file)

    def test_what_is_claimed_is_checked_before_anything_is_read(self, tmp_path, values):
        """Files of a few kilobytes: reading what they claim would take gigabytes."""
        claims = {
            "too large": {"shape": (512, 2**28)},
            "empty": {"shape": (4, 4)},  # of the right shape, but nothing is there
            "compressed": {"data": np.zeros((4, 4), "float32"), "compression": "gzip"},
            "pieces": {"data": np.zeros((4, 4), "float32"), "maxshape": (None, 4)},
            "elsewhere": {"shape": (4, 4), "external": [("/dev/zero", 0, 64)]},
        }
        for name, claim in claims.items():
            path = write(tmp_path / f"{name}.h5", values)
            with h5py.File(path, "r+") as h5:
                del h5["fc2/fc2_W_1:0"]
                h5["fc2"].create_dataset("fc2_W_1:0", dtype="float32", **claim)
            refused(path)

    def test_an_array_that_is_put_together_from_others(self, file):
        layout = h5py.VirtualLayout((4, 4), "float32")
        layout[:] = h5py.VirtualSource(".", "fc2/real", (4, 4))
        with h5py.File(file, "r+") as h5:
            h5["fc2"].move("fc2_W_1:0", "real")
            h5["fc2"].create_virtual_dataset("fc2_W_1:0", layout)
            h5["elsewhere"] = h5["fc2/real"]
            del h5["fc2/real"]
        assert "is not an array" in refused(file)

    @pytest.mark.parametrize("place", ["fc2", "fc2/fc2_W_1:0", "model_weights"])
    @pytest.mark.parametrize(
        "link", [h5py.SoftLink("{}"), h5py.SoftLink("/kept"), h5py.ExternalLink("{}", "/kept")]
    )
    def test_links_are_not_followed(self, file, place, link):
        with h5py.File(file, "r+") as h5:
            if place in h5:
                h5.move(place, "kept")
            if isinstance(link, h5py.SoftLink):
                link = h5py.SoftLink(link.path.format("/" + place))  # the first one leads to itself
            else:
                link = h5py.ExternalLink(file.name, link.path)
            h5[place] = link
        refused(file)

    @pytest.mark.parametrize("layer", ["block1_conv1", "fc1", "predictions"])
    def test_another_shape(self, tmp_path, values, layer):
        kernel, bias = values[layer]
        path = write(tmp_path / "mine.h5", {**values, layer: [kernel[..., :-1], bias]})
        sentence = refused(path)
        assert sentence.startswith(
            f"mine.h5 is of another network: its layer {layer} has shapes [{kernel[..., :-1].shape}"
        )
        assert str(kernel.shape) in sentence

    @pytest.mark.parametrize("change", [lambda pair: pair[:1], lambda pair: [*pair, pair[1]]])
    def test_another_number_of_arrays(self, tmp_path, values, change):
        def names(layer):
            return [f"{layer}_{letter}" for letter in "abc"]

        path = write(tmp_path / "mine.h5", {**values, "fc1": change(values["fc1"])}, names)
        assert refused(path).startswith("mine.h5 is of another network: its layer fc1 has shapes")

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    @pytest.mark.parametrize("layer", ["block1_conv1", "predictions"])
    def test_values_that_are_not_numbers(self, file, layer, value):
        with h5py.File(file, "r+") as h5:
            h5[f"{layer}/{layer}_b_1:0"][0] = value
        assert refused(file) == (
            f"mine.h5 is damaged: its /{layer}/{layer}_b_1:0 holds values that are not finite numbers."
        )

    def test_numbers_that_only_double_precision_can_hold(self, tmp_path, values):
        kernel, bias = values["fc1"]
        path = write(tmp_path / "mine.h5", {**values, "fc1": [kernel.astype("float64") * 1e200, bias]})
        assert "holds values that are not finite numbers" in refused(path)

    def test_finite_numbers_with_which_no_answer_is_a_number(self, tmp_path, values):
        huge = {layer: [np.full_like(kernel, 1e30), bias] for layer, (kernel, bias) in values.items()}
        recogniser = load_recogniser(write(tmp_path / "mine.h5", huge))
        for ask in (
            lambda: recogniser.guess(example("elephant.gif")),
            lambda: activations(recogniser, example("elephant.gif"), ["block3_conv1"]),
            lambda: class_activation_map(recogniser, example("elephant.gif"), "goldfish"),
            lambda: occlusion_map(recogniser, example("elephant.gif"), "goldfish"),
        ):
            with pytest.raises(WeightsError) as caught:
                ask()
            one_sentence(caught.value, "your file mine.h5", "are no numbers")

    def test_the_weights_of_another_model(self, tmp_path):
        from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group

        other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
        with h5py.File(tmp_path / "mine.h5", "w") as h5:
            save_weights_to_hdf5_group(h5, other)
        other.save_weights(tmp_path / "other.weights.h5")
        assert refused(tmp_path / "mine.h5").startswith(
            "mine.h5 is not a VGG16 weights file: it has no layer block1_conv1"
        )
        assert "Keras' newer layout" in refused(tmp_path / "other.weights.h5")

    def test_no_file_and_no_such_thing_as_a_file(self, tmp_path):
        (tmp_path / "pipe").mkdir() if os.name == "nt" else os.mkfifo(tmp_path / "pipe")
        (tmp_path / "loop.h5").symlink_to("loop.h5")
        say = 'say "pocket", "imagenet" or the path of a file.'
        for name, what in {
            "nothing.h5": "There is no weights file {}: ",
            "loop.h5/mine.h5": "{} cannot be read (",
            "loop.h5": "{} cannot be read (",
            "x" * 300: "{} cannot be read (",
            "pipe": "{} is a folder or a device, not a weights file: ",
            "": "{} is a folder or a device, not a weights file: ",
        }.items():
            sentence = refused(tmp_path / name)
            assert sentence.startswith(what.format(tmp_path / name)) and sentence.endswith(say)
            assert "damaged" not in sentence and "again" not in sentence

    @pytest.mark.parametrize("nothing", [5, ["pocket"], b"pocket", "~nosuchuser/mine.h5", "a\0b"])
    def test_what_can_be_no_path(self, nothing):
        with pytest.raises(WeightsError) as caught:
            load_recogniser(nothing)
        one_sentence(caught.value, 'say "pocket", "imagenet" or the path of a file.')

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs two users")
    def test_a_file_that_this_user_may_not_read(self, file):
        file.chmod(0)
        os.seteuid(65534)
        try:
            assert refused(file) == f"{file} may not be read: check its permissions."
        finally:
            os.seteuid(0)

    def test_a_file_that_is_being_written(self, file):
        code = f"import h5py; held = h5py.File({str(file)!r}, 'r+'); print('open', flush=True); input()"
        with subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as other:
            other.stdout.readline()
            sentence = refused(file)
            other.communicate("\n")
        assert sentence == "mine.h5 is in use: close it in the program that writes to it, and try again."

    def test_random_damage_is_refused_or_harmless(self, file):
        content, rng, model = file.read_bytes(), np.random.default_rng(5), build_narrow()
        outcomes = set()
        for _ in range(100):
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


# --- which network answers -------------------------------------------------------------------------


def test_the_pocket_answers_where_nothing_is_said(clean):
    assert weights.choose() == weights.Choice("pocket", weights.POCKET_HEAD)


def test_the_cached_file_answers_where_nothing_is_said(clean, file):
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
    one_sentence(
        caught.value, f"There is no weights file Pockets in {Path.cwd()}, ", '"pocket"', '"imagenet"'
    )


@pytest.mark.parametrize("named", ["pocket ", " 'pocket'", '"pocket"\n'])
def test_blanks_and_quotes_around_a_name_are_forgiven(clean, named, monkeypatch):
    assert weights.choose(named).kind == "pocket"
    monkeypatch.setenv("VGG16_WEIGHTS", named)
    assert weights.choose().kind == "pocket"


def test_blanks_and_quotes_around_a_path_are_forgiven(clean, file):
    assert weights.choose(f' "{file}" ') == weights.Choice("file", file)


def test_a_file_of_the_reader_is_called_his(narrow, clean, file, values):
    recogniser = load_recogniser(file)
    assert recogniser.weights == "your file mine.h5"
    assert recogniser.introduction.startswith("The network from your file mine.h5 answers, ")
    assert np.array_equal(recogniser.model.get_layer("fc1").get_weights()[0], values["fc1"][0])


def test_the_published_file_is_recognised_wherever_it_lies(narrow, clean, file, monkeypatch):
    published(monkeypatch, file)
    recogniser = load_recogniser(file)
    assert recogniser.weights == "imagenet"
    assert recogniser.introduction.startswith("VGG16 answers as Oxford published it, ")


def test_a_changed_file_in_the_cache_is_not_used(narrow, clean, file, monkeypatch):
    published(monkeypatch, file)
    cached = clean / weights.OFFICIAL_NAME
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    cached.write_bytes(content)
    with pytest.raises(WeightsError) as caught:
        load_recogniser("imagenet")
    one_sentence(caught.value, str(cached), "is not the published file", "delete it")


def test_one_changed_byte_makes_another_file(file, monkeypatch):
    published(monkeypatch, file)
    assert weights.is_official(file)
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    assert not weights.is_official(file)
    assert list(file.parent.iterdir()) == [file]  # nothing is noted beside the reader's file


# --- the download, see test_download.py ----------------------------------------------------------


def test_imagenet_is_downloaded_once_and_then_read_from_the_cache(narrow, clean, file, monkeypatch):
    published(monkeypatch, file)
    with serving() as server:
        server.content = file.read_bytes()
        monkeypatch.setattr(weights, "OFFICIAL_URL", server.url)
        for _ in range(2):
            assert load_recogniser("imagenet").weights == "imagenet"
        assert len(server.asked) == 1
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


def test_a_saved_head_answers_where_the_variable_names_it(clean, head_file, monkeypatch):
    monkeypatch.setenv("VGG16_WEIGHTS", str(head_file))
    recogniser = load_recogniser()
    assert [label.text for label in recogniser.labels] == ["African elephant", "my cup"]
    assert [guess.probability for guess in recogniser.guess(example("elephant.gif"))] == [0.5, 0.5]


@pytest.mark.parametrize("place", ["no folder/words.h5", "file/words.h5", "folder", "device", "x" * 300])
def test_where_a_head_cannot_be_saved_nothing_changes(tmp_path, place):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "device").symlink_to(os.devnull)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(WeightsError) as caught:
        save_head(tmp_path / place, HEAD)
    one_sentence(caught.value, f"{tmp_path / place} cannot be written: choose")
    assert sorted(tmp_path.iterdir()) == before and (tmp_path / "device").is_symlink()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs two users")
def test_a_head_is_not_saved_into_a_folder_that_may_only_be_read(head_file):
    content = head_file.read_bytes()
    os.seteuid(65534)
    try:
        with pytest.raises(WeightsError, match="cannot be written: choose a file in another folder.$"):
            save_head(head_file, HEAD)
    finally:
        os.seteuid(0)
    assert head_file.read_bytes() == content


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


def test_text_of_variable_length_is_not_read(head_file):
    """It lies elsewhere in the file, and one damaged byte there lets HDF5 search for ever."""
    with h5py.File(head_file, "r+") as h5:
        del h5["names"]
        h5.create_dataset("names", data=list(HEAD.names), dtype=h5py.string_dtype())
    assert "or it is damaged: make it again" in refused_head(head_file)


def make_huge(h5):
    """A head that claims a million labels, in a few kilobytes."""
    for part, shape, kind in [
        ("predictions/kernel", (512, 1_000_000), "float32"),
        ("predictions/bias", (1_000_000,), "float32"),
        ("wnids", (1_000_000,), "S9"),
        ("names", (1_000_000,), "S9"),
    ]:
        del h5[part]
        h5.create_dataset(part, shape, kind)


def test_a_head_with_more_labels_than_it_can_have(head_file):
    with h5py.File(head_file, "r+") as h5:
        make_huge(h5)
    assert (
        refused_head(head_file) == "words.h5 is damaged: it claims 1,000,000 labels, and 10,000 are the most."
    )


def test_a_head_without_labels(head_file):
    none = Head(np.zeros((512, 0)), np.zeros(0), (), ())
    save_head(head_file, none)
    refused_head(head_file)


@pytest.mark.parametrize("part", ["predictions/kernel", "wnids"])
def test_a_head_that_claims_more_than_is_in_it(head_file, part):
    with h5py.File(head_file, "r+") as h5:
        shape, kind = h5[part].shape, h5[part].dtype
        del h5[part]
        h5.create_dataset(part, shape, kind)
    refused_head(head_file)


@pytest.mark.parametrize("part", ["predictions", "predictions/bias", "names"])
def test_a_head_with_links(clean, head_file, part):
    for link in (h5py.SoftLink(f"/{part}"), h5py.SoftLink("/kept"), h5py.ExternalLink("words.h5", "/kept")):
        save_head(head_file, HEAD)
        with h5py.File(head_file, "r+") as h5:
            h5.move(part, "kept")
            h5[part] = link
        with pytest.raises(WeightsError, match="^words.h5 is no weights file of Keras: it has links in it.$"):
            load_recogniser(head_file)


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
        assert "holds values that are not finite numbers" in refused_head(head_file)


@pytest.mark.parametrize("part", [10, 0.3, 0.9])
def test_a_truncated_head(head_file, part):
    content = head_file.read_bytes()
    head_file.write_bytes(content[: int(part * len(content)) if isinstance(part, float) else part])
    assert refused_head(head_file) == "words.h5 is not a complete HDF5 weights file: get it again."


def test_random_damage_of_a_head_is_refused_or_harmless(head_file):
    content, rng = head_file.read_bytes(), np.random.default_rng(6)
    refusals = 0
    for _ in range(200):
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
