"""Every notebook as committed, and executed once from a clean kernel with the pocket weights."""

import itertools
import re
import statistics
import textwrap

import nbformat
import pytest

import notebooks

PATHS = notebooks.find([])
NUMBER = re.compile(r"(?<![\w.])[-+−]?\d(?:[\d,]*\d)?(?:\.\d+)?(?:e[-+]?\d+)?")
LOG_LINE = re.compile(
    r"^(WARNING|INFO|ERROR)\b|^[IWEF]\d{4} |^\d{4}-\d\d-\d\d \d\d:\d\d.*: [IWEF] |Warning:", re.MULTILINE
)
LINK = re.compile(r"\]\(([^)#\s]+)")

DISPLAYS = re.compile(r"\b(alt|caption)\s*=|credit|Markdown\(|json\.|^\s*f?\"\|")
PERSON = re.compile(
    r"\b(?:network|it|layers?|kernels?|machine|computer)\b (?:\w+ )?"
    r"(?:sees?|thinks?|knows?|believes?|wants?|understands?|decides?|imagines?)\b",
    re.IGNORECASE,
)
ROOT = notebooks.NOTEBOOKS.parent
CLAIMS = ROOT / "tests" / "claims"

each_notebook = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def markdown(notebook):
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def folded(cell):
    return cell.metadata.get("jupyter", {}).get("source_hidden", False)


def texts(cell):
    """What a cell shows as text: a list of strings, one an output and kind; pictures as their count."""
    found = [output.text for output in cell.outputs if output.output_type == "stream"]
    pictures = 0
    for output in cell.outputs:
        data = output.get("data", {})
        found += [text for kind, text in sorted(data.items()) if kind.startswith("text/")]
        pictures += sum(kind.startswith("image/") for kind in data)
    return [*found, f"pictures: {pictures}"]


def same_number(first, second):
    """Equal to two digits; or, where digits after the point are printed, to one unit of the last of them."""
    decimals = max(len(text.partition(".")[2]) if "e" not in text else 0 for text in (first, second))
    first, second = (float(text.replace(",", "").replace("−", "-")) for text in (first, second))
    unit = 1.001 * 10**-decimals if decimals else 0
    return abs(first - second) <= max(unit, 0.01 * max(abs(first), abs(second)))


def same_text(first, second):
    """Equal in every word, and to two digits in every number; white space does not count."""
    words = [" ".join(NUMBER.sub(" # ", text).split()) for text in (first, second)]
    return words[0] == words[1] and all(map(same_number, NUMBER.findall(first), NUMBER.findall(second)))


def differences(committed, executed, same=same_text):
    """Sentences on the outputs that an execution changed, cells tagged `measured` left out."""
    found = []
    for number, (old, new) in enumerate(zip(committed.cells, executed.cells, strict=True), 1):
        if old.cell_type != "code" or "measured" in notebooks.tags(old):
            continue
        for before, now in itertools.zip_longest(texts(old), texts(new), fillvalue=""):
            if not same(before, now):
                found.append(f"cell {number} shows\n{now}\nand not, as committed,\n{before}")
    return found


@pytest.fixture
def committed(path):
    return notebooks.read(path)


@each_notebook
def test_outputs_belong_to_these_sources(path, committed):
    assert committed.metadata.get("course", {}).get("sources") == notebooks.fingerprint(committed), (
        f"{path.name} was changed after its outputs were made: run `make notebooks`."
    )


@each_notebook
def test_executed_from_top_to_bottom(committed):
    counts = [cell.execution_count for cell in code_cells(committed)]
    assert counts == list(range(1, len(counts) + 1))


def lines_of_code(cell):
    return len(re.findall(r"^\s*[^#\s]", cell.source, re.MULTILINE))


@each_notebook
def test_code_cells_are_short(committed):
    cells = [cell for cell in code_cells(committed) if "setup" not in notebooks.tags(cell)]
    lengths = sorted(filter(None, map(lines_of_code, cells)))
    assert lengths[-1] <= 15
    assert lengths[int(0.9 * len(lengths)) - 1] <= 10
    assert statistics.median(lengths) <= 4


@each_notebook
def test_no_line_of_code_is_cut_off(committed):
    sources = [cell.source for cell in code_cells(committed)] + notebooks.solutions(committed)
    assert [line for source in sources for line in source.splitlines() if len(line) > 88] == []


@each_notebook
def test_shows_something_at_once(committed):
    outputs = [output for cell in committed.cells[:5] for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for output in outputs)


@each_notebook
def test_the_code_is_the_lesson(committed):
    """Captions, alt texts, credits, Markdown and JSON are no lesson: under 5 % of the code."""
    sources = [cell.source for cell in code_cells(committed) if not folded(cell)]
    lines = [line for source in sources for line in source.splitlines()]
    shows = [line for line in lines if DISPLAYS.search(line)]
    assert sum(map(len, shows)) < 0.05 * sum(map(len, lines)), shows


@each_notebook
def test_asks_before_it_shows(committed):
    asked = [cell for cell in committed.cells if "predict" in notebooks.tags(cell)]
    assert len(asked) >= 3
    assert all("?" in cell.source for cell in asked)


@each_notebook
def test_asks_at_the_end_what_was_understood(committed):
    questions = markdown(committed).partition("## Three questions")[2].partition("\n## ")[0]
    assert len(re.findall(r"<details[^>]*>\s*<summary>Answer</summary>", questions)) == 3


@each_notebook
def test_the_readme_gives_the_same_minutes(path, committed):
    row = re.search(rf"notebooks/{path.name}\).*\| (\d+) \|$", (ROOT / "README.md").read_text("utf-8"), re.M)
    assert f"*{row[1]} minutes" in committed.cells[0].source


@each_notebook
def test_takes_the_minutes_it_says(committed):
    """200 words a minute, and up to three minutes for running and guessing."""
    stated = int(re.search(r"(\d+) minutes", committed.cells[0].source)[1])
    reading = len(markdown(committed).split()) / 200
    assert 5 <= stated <= 15
    assert reading - 1 <= stated <= reading + 4, f"{reading:.1f} minutes of words"


@each_notebook
def test_the_machine_is_no_person(committed):
    found = [hit[0] for hit in PERSON.finditer(markdown(committed))]
    assert len(found) <= 5, found


@each_notebook
def test_bold_terms_are_in_the_glossary(committed):
    glossary = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8").casefold()
    prose = re.sub(r"<details.*?</details>", "", markdown(committed), flags=re.DOTALL)
    prose = re.sub(r"^\|.*$", "", prose, flags=re.MULTILINE)
    terms = re.findall(r"(?<!\*)\*\*([a-z][^*.:?!\d]*?)\*\*(?!\*)", prose)
    assert [term for term in terms if f"**{' '.join(term.split())}**".casefold() not in glossary] == []


@each_notebook
def test_outputs_are_clean(committed):
    assert "widgets" not in committed.metadata
    for cell in code_cells(committed):
        for output in cell.outputs:
            assert output.output_type != "error"
            assert output.get("name") != "stderr", output.text
            assert notebooks.WIDGET_VIEW not in output.get("data", {})
            assert "interactive(children=" not in output.get("data", {}).get("text/plain", "")
            assert not LOG_LINE.search(output.get("text", "")), output.text


@each_notebook
def test_every_figure_has_alt_text(committed):
    for cell in code_cells(committed):
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                assert output.metadata.get("image/png", {}).get("alt", "").strip(), cell.source


@each_notebook
def test_file_is_not_too_large(path):
    assert path.stat().st_size < notebooks.FILE_LIMIT


@each_notebook
def test_links_lead_somewhere(path, committed):
    for link in LINK.findall(markdown(committed)):
        if not re.match(r"https?:|mailto:", link):
            assert (path.parent / link).exists(), link


@each_notebook
def test_leads_to_its_neighbours(path, committed):
    first, place = committed.cells[0].source, PATHS.index(path)
    for neighbour in PATHS[max(place - 1, 0) : place] + PATHS[place + 1 : place + 2]:
        assert f"({neighbour.name})" in first, f"the first cell has no link to {neighbour.name}"
    for following in PATHS[place + 1 : place + 2]:
        assert f"({following.name})" in committed.cells[-1].source, "the last cell does not lead on"


@each_notebook
def test_has_the_parts_of_every_notebook(path, committed):
    assert committed.cells[0].source.startswith(f"# {int(path.name[:2])} · ")
    assert "setup" in notebooks.tags(code_cells(committed)[0])
    assert "## Try it yourself" in markdown(committed)
    remember = markdown(committed).partition("## What to remember")[2].partition("\n## ")[0]
    assert len(re.findall(r"^[-*] ", remember, re.MULTILINE)) == 3


@each_notebook
def test_exercises_have_solutions(path, committed):
    solutions = notebooks.solutions(committed)
    turns = [cell for cell in code_cells(committed) if "# Your turn" in cell.source]
    assert len(solutions) == len(turns) >= 2
    for solution in solutions:
        assert solution.strip()
        compile(solution, path.name, "exec")


def said(notebook):
    """All text of a notebook's outputs: what is printed, and the alt texts of its figures."""
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    alts = [output.get("metadata", {}).get("image/png", {}).get("alt", "") for output in outputs]
    shown = [text for output in outputs for kind, text in output.get("data", {}).items() if "text/" in kind]
    return "\n".join([*(output.get("text", "") for output in outputs), *alts, *shown])


@each_notebook
def test_what_the_prose_claims_is_what_the_outputs_show(path, committed):
    """Each line of tests/claims/NN.txt: words of the prose => an expression that the outputs must match."""
    prose, shown = " ".join(markdown(committed).split()), said(committed)
    lines = (CLAIMS / f"{path.name[:2]}.txt").read_text(encoding="utf-8").splitlines()
    for line in filter(None, lines):
        words, _, expression = line.partition(" => ")
        assert words in prose, f"the page no longer says: {words}"
        assert re.search(expression, shown), f"the page says {words!r}, but no output matches {expression!r}"


@each_notebook
def test_runs_as_committed(path, committed, monkeypatch):
    """Runs without error or log line, its solutions too; says what the committed one says; fits in memory."""
    monkeypatch.setenv("VGG16_WEIGHTS", "pocket")
    execution = notebooks.execute(path, with_solutions=True)
    faults = differences(committed, execution.notebook)
    if execution.peak_mb and execution.peak_mb > notebooks.peak_budget_mb(path):
        faults.append(f"used {execution.peak_mb:.0f} MB, more than {notebooks.peak_budget_mb(path)} MB")
    print(f"{path.stem}: {execution.seconds:.1f} s, {execution.peak_mb or 0:.0f} MB")
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize(
    "first, second, same",
    [
        ("elephant  93.0 %", "elephant 93.1 %", True),
        ("elephant  93.0 %", "elephant 95.1 %", False),
        ("elephant  93.0 %", "tusker    93.0 %", False),
        ("6 of 9", "7 of 9", False),
        ("138,357,544 weights", "138,357,545 weights", True),
        ("n02504458", "n02504459", False),
        ("-1.50e-05", "-1.51e-05", True),
        ("1.50e-05", "2.50e-05", False),
        ("0.1, 0.2", "0.1", False),
    ],
)
def test_comparison_of_texts(first, second, same):
    assert same_text(first, second) is same


def written(folder, *cells):
    """A small notebook file made from the sources of its cells."""
    path = folder / "90_sample.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=list(cells)), path)
    return path


def test_saves_without_widgets_and_progress_bars(tmp_path):
    widget = nbformat.v4.new_code_cell(
        "from ipywidgets import interact\ninteract(lambda x: x, x=3)\nprint('beside')",
        metadata={"tags": ["widget"]},
    )
    bar = nbformat.v4.new_code_cell("from tqdm import tqdm\nfor _ in tqdm(range(3)): pass\nprint('done')")
    path = written(tmp_path, widget, bar)
    notebooks.save(path, notebooks.execute(path))
    saved = notebooks.read(path)
    assert [cell.outputs for cell in saved.cells] == [
        [],
        [{"output_type": "stream", "name": "stdout", "text": "done\n"}],
    ]
    assert saved.metadata.course.sources == notebooks.fingerprint(saved)
    saved.cells[1].source += "\n"
    assert saved.metadata.course.sources != notebooks.fingerprint(saved)


def test_of_a_form_the_text_for_readers_without_a_kernel_is_kept():
    data = {notebooks.WIDGET_VIEW: {"model_id": "1"}, "text/markdown": "**1.** Why?"}
    saved = notebooks._clean(nbformat.v4.new_output("display_data", data), ["widget"])
    assert saved.data == {"text/markdown": "**1.** Why?"}


@pytest.mark.parametrize(
    "source, complaint",
    [
        ("1 / 0", "90_sample.ipynb, cell 1 failed.*line 1.*ZeroDivisionError: division by zero"),
        (
            "import warnings; warnings.warn('mind the gap')",
            "cell 1 wrote a warning or log line.*mind the gap",
        ),
        (
            "import os, time; os.write(2, b'E0000 from a library'); time.sleep(1)",
            "cell 1 wrote.*from a library",
        ),
    ],
)
def test_a_failing_notebook_is_reported_and_not_saved(tmp_path, capsys, source, complaint):
    path = written(tmp_path, nbformat.v4.new_code_cell(source))
    before = path.read_bytes()
    assert notebooks.main(["save", str(path)]) == 1
    assert re.search(complaint, capsys.readouterr().err, re.DOTALL)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_solutions_run_after_the_last_cell(tmp_path):
    cells = [
        nbformat.v4.new_code_cell("number = 1"),
        nbformat.v4.new_markdown_cell(
            "<details><summary>Solution</summary>\n\n```python\nnumber + x\n```\n</details>"
        ),
        nbformat.v4.new_code_cell("x = 41"),
    ]
    execution = notebooks.execute(written(tmp_path, *cells), with_solutions=True)
    assert execution.solutions[0].outputs[0].data["text/plain"] == "42"
    assert len(execution.notebook.cells) == 3


def test_a_notebook_too_large_is_not_saved(tmp_path):
    path = written(tmp_path, nbformat.v4.new_code_cell("print(('x' * 79 + chr(10)) * 50_000)"))
    with pytest.raises(notebooks.NotebookError, match=r"would be 4\.\d MB"):
        notebooks.save(path, notebooks.execute(path))


def test_answers_become_rows_and_no_reader_sees_them(tmp_path):
    code = """
        from types import SimpleNamespace
        from helpers.record import record
        record(SimpleNamespace(weights="pocket"), the_elephant="tusker, 40 %")
    """
    cell = nbformat.v4.new_code_cell(textwrap.dedent(code), metadata={"tags": ["answers"]})
    sample = notebooks.execute(written(tmp_path, cell)).notebook
    assert notebooks.answers(sample) == [("the elephant", "tusker, 40 %", "pocket")]
    assert list(sample.cells[0].outputs[0].data) == ["application/x-course-answers"]


def test_unknown_notebook_is_one_sentence():
    with pytest.raises(notebooks.NotebookError, match="There is no notebook 99 in notebooks/."):
        notebooks.find(["99"])
