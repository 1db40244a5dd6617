"""The figures that only one notebook needs: what they show, and what their alt texts say."""

import io

import numpy as np
import pytest
from PIL import Image

from helpers import lesson_figures
from helpers.errors import ReaderError
from helpers.pictures import example, open_picture
from helpers.recogniser import Guess
from helpers.style import png


def pixels(figure):
    """A figure as it is drawn: uint8 (height, width, 3)."""
    return np.asarray(Image.open(io.BytesIO(png(figure))).convert("RGB"))


# 01


def test_a_row_of_maps_says_what_is_in_each():
    ramp = np.arange(12.0).reshape(3, 4)
    figure = lesson_figures.map_row(
        {"the cup": open_picture(example("coffee.jpg")), "a": ramp - 8, "b": ramp}
    )
    assert '"A cup of espresso"' in figure.alt
    assert "a, 3 × 4 numbers from −8 to 3, 25% of them above zero" in figure.alt
    assert len(figure.credits) == 1


@pytest.mark.parametrize(
    ("values", "coloured"), [([[-3.0, 0], [1, 2]], True), ([[0.0, 0], [1, 2]], True), ([[1.0, 2]], False)]
)
def test_only_a_map_wholly_above_zero_is_grey(values, coloured):
    shown = pixels(lesson_figures.map_row({"a map": np.array(values)})).astype(int)
    assert (np.ptp(shown, axis=2).max() > 60) is np.bool_(coloured)


def test_a_map_of_zeros_is_drawn():
    assert "0% of them above zero" in lesson_figures.map_row({"nothing": np.zeros((3, 4))}).alt


def test_kernels_stand_above_their_maps():
    kernels, maps = np.zeros((3, 3, 3, 4)), np.zeros((8, 8, 4))
    maps[2:4, 2:4, 3] = 5
    alt = lesson_figures.kernels_and_maps(kernels, maps, [0, 3]).alt
    assert "kernel 0, 8 × 8 numbers from 0 to 0" in alt
    assert "kernel 3, 8 × 8 numbers from 0 to 5, 6% of them above zero" in alt


def test_maps_can_keep_the_scales_of_an_earlier_figure():
    kernels, maps = np.zeros((3, 3, 3, 1)), np.ones((8, 8, 1))
    own = lesson_figures.kernels_and_maps(kernels, maps, [0]).axes[-1].images[0]
    kept = lesson_figures.kernels_and_maps(kernels, maps, [0], scales=10 * maps).axes[-1].images[0]
    assert own.get_clim()[1] == 1 and kept.get_clim()[1] == 10


def test_a_picture_stands_beside_its_maps_cut_as_they_are():
    kernels, maps, cup = np.zeros((3, 3, 3, 1)), np.zeros((8, 8, 1)), open_picture(example("coffee.jpg"))
    figure = lesson_figures.kernels_and_maps(kernels, maps, [0], cup)
    assert '"A cup of espresso"; kernel 0' in figure.alt
    assert len(figure.credits) == 1
    shown = figure.axes[0]
    assert sorted(shown.get_ylim()) == [0, cup.height]
    assert sorted(shown.get_xlim()) == [(cup.width - cup.height) / 2, (cup.width + cup.height) / 2]


@pytest.mark.parametrize(("count", "sides"), [(1, "3 × 3 pixels, then layers of 1 × 1"), (3, "7 × 7 pixels")])
def test_stacked_kernels_reach_further_with_each_layer(count, sides):
    assert sides in lesson_figures.stacked_kernels(count).alt


def test_a_forecast_and_its_truth_are_told_for_every_group():
    groups = {"hottest": ([2.0, 4.0], [3.0, 6.0]), "coldest": ([-1.0, 0.0], [0.5, 0.1])}
    figure = lesson_figures.forecast_chart(groups, "forecast", "truth")
    assert "hottest, 2 trials: forecast 3.0 on average, came true 4.5" in figure.alt
    assert "coldest, 2 trials: forecast -0.5 on average, came true 0.3" in figure.alt
    dots = [each.get_offsets().tolist() for each in figure.axes[0].collections]
    assert dots == [[[2, 3], [4, 6]], [[-1, 0.5], [0, 0.1]]]
    low, high = figure.axes[0].get_xlim()
    assert low < -1 and 4 < high < 5 and figure.axes[0].get_ylim()[1] > 6
    (line,) = [each for each in figure.axes[0].lines if each.get_linestyle() == "--"]
    assert list(line.get_xdata()) == list(line.get_ydata())


def test_the_alt_text_of_a_forecast_has_its_correlation():
    groups = {"all": ([1.0, 2.0, 3.0], [2.0, 4.0, 6.0])}
    assert "came true 4.0, r = 1.00" in lesson_figures.forecast_chart(groups, "forecast", "truth").alt


def test_a_map_and_a_difference_say_where_they_are_strongest():
    heat, difference = np.zeros((2, 5, 5))
    heat[0, 0] = difference[4, 4] = 1
    difference[0, 4] = -1
    figure = lesson_figures.map_and_difference(
        Image.new("RGB", (50, 50), "grey"), heat, difference, ("elephant", "ox")
    )
    assert "under the map for elephant, strongest in the upper left" in figure.alt
    assert "for elephant strongest in the lower right, for ox strongest in the upper right" in figure.alt
    texts = {text.get_text() for text in figure.texts}
    assert {"for elephant", "for elephant, less ox", "0 or less", "much", "for ox"} <= texts


def test_a_forecast_without_its_truth_is_one_sentence():
    with pytest.raises(ReaderError, match="^Every forecast of 'hottest' needs its own truth.*[.]$"):
        lesson_figures.forecast_chart({"hottest": ([1.0], [])}, "forecast", "truth")


# 02


def test_bars_to_both_sides_say_where_most_is():
    parameters, work = {"block1_conv1": 1.0, "fc1": 3.0}, {"block1_conv1": 9.0, "fc1": 1.0}
    alt = lesson_figures.two_sided_bars(parameters, work, ("parameters", "work")).alt
    assert "parameters, most in fc1, 75.0 %" in alt
    assert "work, most in block1_conv1, 90.0 %" in alt


@pytest.mark.parametrize("right", [{}, {"a": 1}, {"b": 1, "a": 1}])
def test_bars_to_both_sides_need_the_same_names(right):
    with pytest.raises(ReaderError, match="same names"):
        lesson_figures.two_sided_bars({"a": 1, "b": 2}, right, ("left", "right"))


def test_bars_to_both_sides_give_every_block_its_share():
    parameters, work = (
        {"block1_conv1": 1.0, "block1_conv2": 2.0, "fc1": 997.0},
        dict.fromkeys(("block1_conv1", "block1_conv2", "fc1"), 1.0),
    )
    alt = lesson_figures.two_sided_bars(parameters, work, ("parameters", "work"), shares=True).alt
    assert "1,000 in all: block1_conv1 to block1_conv2 <1 %, fc1 to fc1 100 %" in alt
    assert "3.00 in all: block1_conv1 to block1_conv2 67 %, fc1 to fc1 33 %" in alt


@pytest.mark.parametrize(
    ("bias", "told"), [(-0.4, "1 − 1 − 0.4 = −0.4, and after ReLU 0"), (1, "= 1, and after ReLU 1")]
)
def test_a_neuron_is_drawn_with_its_numbers(bias, told):
    alt = lesson_figures.dense_figure([2, 5], [0.5, -0.2], bias).alt
    assert "the numbers 2, 5 come in" in alt and told in alt


# 03


def test_a_walk_through_a_valley_tells_the_losses():
    figure = lesson_figures.valley(lambda place: place**2, {"short": [2, 1, 0.5], "long": [1, -2]})
    assert "short: the loss goes 4, 1, 0.25; long: the loss goes 1, 4." in figure.alt
    assert all(axes.get_xlim()[0] < axes.get_xlim()[1] for axes in figure.axes)


# 04


def test_the_mean_subtraction_of_a_pixel_is_computed():
    picture = np.zeros((4, 4, 3))
    picture[1, 2] = 200, 30, 104
    figure = lesson_figures.mean_subtraction(picture, (1, 2), [123.68, 116.779, 103.939], "A pixel")
    assert (
        "red 200 minus 124 leaves 76; green 30 minus 117 leaves −87; blue 104 minus 104 leaves 0"
        in figure.alt
    )


# 07


def test_answers_are_silenced_by_the_lines_above_them():
    known, unknown = [Guess("banana", "n07753592", 0.72)], [Guess("torch", "n04456115", 0.8)]
    alt = lesson_figures.lines_and_answers(np.linspace(0, 1, 101), known, unknown).alt
    assert "101 lines lie: median 50.0 %, nine of ten from 5.0 % to 95.0 %" in alt
    assert "banana, 72.0 %: silenced by 27.7 % of the lines; torch, 80.0 %: silenced by 19.8 %" in alt


@pytest.mark.parametrize(("lines", "known"), [([], [Guess("banana", "n07753592", 0.72)]), ([0.5], [])])
def test_lines_need_an_answer_and_answers_a_line(lines, known):
    with pytest.raises(ReaderError, match="a line and an answer"):
        lesson_figures.lines_and_answers(lines, known, [])


# 10


@pytest.mark.parametrize(("size", "outside"), [((300, 200), "17%"), ((200, 400), "25%"), ((200, 200), "0%")])
def test_the_middle_square_is_framed(size, outside):
    figure = lesson_figures.middle_square(Image.new("RGB", size, "teal"))
    assert f"{outside} of it lies outside" in figure.alt
    frame = figure.axes[0].patches[-1]
    assert frame.get_width() == frame.get_height() == min(size)
