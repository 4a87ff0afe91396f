import io

import numpy as np
import pytest
from PIL import Image

from edgedistill.report.comparison import compare_runs
from edgedistill.report.drawing import COLOURS, to_png
from edgedistill.report.plot import plot
from edgedistill.runs.folder import RunFolder
from edgedistill.runs.metrics import EvaluationRecord


def pixels(comparison):
    image = Image.open(io.BytesIO(to_png(plot(comparison))))
    assert image.format == "PNG"
    return np.asarray(image.convert("RGB"))


def where_colour(image, colour):
    """Rows and columns of the pixels of that colour."""
    rgb = [int(colour[start : start + 2], 16) for start in (1, 3, 5)]
    return np.nonzero((image == rgb).all(axis=-1))


def has_colour(image, colour):
    return where_colour(image, colour)[0].size > 0


def panels(image):
    """What surely belongs to the first panel alone, and to the second one."""
    height, width, _ = image.shape
    above_the_legend = image[: height * 3 // 4]
    margin = width // 40
    return above_the_legend[:, : width // 3 - margin], above_the_legend[
        :, width // 3 + margin : width * 2 // 3 - margin
    ]


def test_each_student_has_a_line_of_its_own_in_both_panels(evaluated_run):
    image = pixels(compare_runs([evaluated_run("a", teacher=[9.0] * 3, micro=[3.0, 5.0, 7.0], nano=[2.0, 3.0, 4.0])]))
    assert all(has_colour(panel, colour) for panel in panels(image) for colour in COLOURS[:2])
    assert not has_colour(image, COLOURS[2])


def test_the_panels_are_over_steps_and_over_minutes(evaluated_run):
    """The student is at its best from the second of three evaluations on: halfway in steps, early in minutes."""
    path = evaluated_run("a", teacher=[9.0, 9.0], micro=[1.7, 9.0])
    RunFolder.open(path).log(EvaluationRecord(3000, 1260.0, 0.0, {"teacher": 9.0, "micro": 9.0}))
    reached = []
    for panel in panels(pixels(compare_runs([path]))):
        rows, columns = where_colour(panel, COLOURS[0])
        top = columns[rows <= rows.min() + 8]
        reached.append((top.min() - columns.min()) / (columns.max() - columns.min()))
    assert reached == pytest.approx([0.5, 0.05], abs=0.07)


def test_settings_of_one_student_differ_in_colour(evaluated_run):
    runs = [evaluated_run(f"{gamma}", gamma=gamma, teacher=[9.0] * 2, micro=[3.0, 9 * gamma]) for gamma in (0.5, 0.9)]
    assert all(has_colour(pixels(compare_runs(runs)), colour) for colour in COLOURS[:2])


def pale_blue(comparison):
    """How many pixels have the first colour's hue, but paler."""
    red, _, blue = np.moveaxis(pixels(comparison).astype(int), -1, 0)
    return int(((blue > red + 20) & (red > 180)).sum())


def test_several_seeds_have_a_band(evaluated_run):
    runs = [evaluated_run(f"{seed}", seed=seed, teacher=[9.0] * 2, micro=[2.0, 3.0 + seed]) for seed in range(3)]
    assert pale_blue(compare_runs(runs)) > 10 * pale_blue(compare_runs(runs[:1]))


def test_one_seed_has_bands_for_its_games(evaluated_run):
    run = RunFolder.open(evaluated_run("a", teacher=[], micro=[]))
    for number, score in enumerate((2.0, 4.0), start=1):
        returns = {"teacher": (8.0, 10.0), "micro": (score - 1, score + 1)}
        scores = {"teacher": 9.0, "micro": score}
        run.log(EvaluationRecord(1000 * number, 60.0 * number, 30.0 * number, scores, returns))
    # The student's, and in the last panel the teacher's, too.
    assert [len(axes.collections) for axes in plot(compare_runs([run.path])).axes] == [1, 1, 2]
    plain = plot(compare_runs([evaluated_run("b", teacher=[9.0, 9.0], micro=[2.0, 4.0])]))
    assert [len(axes.collections) for axes in plain.axes] == [0, 0, 0]


def test_scores_stand_beside_retention_of_one_game_alone(evaluated_run):
    runs = [evaluated_run(game, game=game, teacher=[15.0, 16.0], micro=[12.0, 9.0]) for game in ("breakout", "pong")]
    retained, _, scores = plot(compare_runs(runs[:1])).axes
    assert [list(line.get_ydata()) for line in scores.get_lines()] == [[12.0, 9.0], [15.0, 16.0]]
    assert list(retained.get_lines()[0].get_xdata()) == [1000, 2000]
    assert len(plot(compare_runs(runs, over_games=True)).axes) == 2


def test_every_axis_and_the_teachers_line_are_named(evaluated_run):
    by_step, by_minute, scores = plot(compare_runs([evaluated_run("a", teacher=[9.0], micro=[3.0])])).axes
    assert [axes.get_xlabel() for axes in (by_step, by_minute, scores)] == [
        "agent steps (4 emulator frames each)",
        "minutes of training, without evaluations",
        "agent steps (4 emulator frames each)",
    ]
    assert (by_step.get_ylabel(), scores.get_ylabel()) == ("retention of the best teacher", "score (teachers in grey)")
    for axes in (by_step, by_minute):
        assert [text.get_text() for text in axes.texts] == ["best teacher"]


def test_a_folders_name_is_not_mathematics(evaluated_run):
    runs = [evaluated_run(f"$\\{index}$", gamma=0.9 + index / 1e9, teacher=[9.0], micro=[3.0]) for index in range(2)]
    assert pixels(compare_runs(runs)).size


@pytest.mark.parametrize("teacher", [1.0, 1.7])
def test_runs_without_retention_make_an_empty_plot(evaluated_run, teacher):
    assert pixels(compare_runs([evaluated_run("a", teacher=[teacher], micro=[1.0])])).size


@pytest.mark.parametrize("name", ["run-", "gamma=0.9 ", "a-run-with-quite-a-", "a-run-with-quite-a-long-name-"])
def test_the_legend_fits_into_the_picture(evaluated_run, name):
    """Nothing of a long legend touches the edges."""
    names = [f"{name}{number}" for number in range(5)]
    runs = [
        evaluated_run(name, gamma=0.9 + number / 1e9, teacher=[9.0], micro=[3.0], nano=[3.0])
        for number, name in enumerate(names)
    ]
    image = pixels(compare_runs(runs))
    for edge in (image[:3], image[-3:], image[:, :3], image[:, -3:]):
        assert (edge == 255).all()


def test_the_wide_band_of_two_seeds_leaves_the_lines_their_room(evaluated_run):
    runs = [
        evaluated_run(str(seed), seed=seed, teacher=[11.7] * 2, micro=[1.7 + 10 * kept] * 2)
        for seed, kept in enumerate((0.2, 0.9))
    ]
    low, high = compare_runs(runs).by_game[0].final_retention.interval
    assert (low, high) == pytest.approx((-3.9, 5.0), abs=0.1)
    bottom, top = plot(compare_runs(runs)).axes[0].get_ylim()
    assert (bottom, top) == pytest.approx((-0.05, 1.5), abs=0.01)
