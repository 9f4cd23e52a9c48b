"""What the page of a report holds."""

import json
import subprocess
import sys
import time
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from kgen.pictures import save_grid
from kgen.report import write_report
from kgen.report.curves import Curve, chart, ticks
from kgen.runs.doctor_file import write_doctor

SCRIPT = "<script>alert('x')</script>"


class Page(HTMLParser):
    """The elements of a page, their text, and the cells of its tables."""

    def __init__(self, path):
        super().__init__()
        self.elements, self.rows, self.words, self.in_cell = [], [], [], False
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, name, attributes):
        self.elements.append((name, dict(attributes)))
        if name == "tr":
            self.rows.append([])
        if name in ("th", "td"):
            self.rows[-1].append("")
            self.in_cell = True

    def handle_endtag(self, name):
        self.in_cell = self.in_cell and name not in ("th", "td")

    def handle_data(self, data):
        self.words.append(data)
        if self.in_cell:
            self.rows[-1][-1] += data

    @property
    def text(self):
        return " ".join(self.words)

    def all(self, name, **attributes):
        return [a for n, a in self.elements if n == name and attributes.items() <= a.items()]

    def row(self, head):
        return next(row for row in self.rows if row and row[0].startswith(head))


def report(*runs, out=None):
    return Page(write_report(runs, out or runs[0].parent / "page.html"))


def test_a_page_needs_nothing_else(make_run):
    page = report(make_run())
    addresses = [a[key] for _, a in page.elements for key in ("src", "href") if key in a]
    assert len(addresses) == 4 and all(address.startswith("data:") for address in addresses)
    assert "default-src 'none'" in page.all("meta")[1]["content"]


def test_every_epoch_has_its_picture_and_the_last_is_shown(make_run):
    images = report(make_run()).all("img")
    assert [image["data-epoch"] for image in images] == ["1", "2", "3"]
    assert ["hidden" in image for image in images] == [True, True, False]
    assert images[1]["alt"] == "Samples of first after epoch 2"


def test_fifty_epochs_make_a_small_page_quickly(make_run):
    run = make_run(epochs=50, images=64)
    for name in ("reconstructions", "interpolation", "neighbours"):
        (run / "pictures").mkdir(exist_ok=True)
        save_grid(
            np.random.default_rng(0).uniform(-1, 1, (80, 28, 28, 1)), run / f"pictures/{name}.png"
        )
    start = time.perf_counter()
    path = write_report([run])
    assert time.perf_counter() - start < 3.0
    assert path == run / "report.html" and path.stat().st_size < 10e6
    assert len(Page(path).all("img")) == 53


def test_a_tenth_of_fifty_epochs_of_large_pictures_takes_a_tenth_of_the_bytes(make_run):
    run = make_run(epochs=5)
    noise = np.random.default_rng(0).integers(0, 255, (150, 150, 3), dtype=np.uint8)
    large = Image.fromarray(noise).resize((1200, 1200))
    for file in (run / "samples").iterdir():
        large.save(file, compress_level=1)
    assert write_report([run]).stat().st_size < 1e6


def test_a_long_run_shows_fifty_epochs_from_the_first_to_the_last(make_run):
    images = report(make_run(epochs=120, images=1)).all("img")
    epochs = [int(image["data-epoch"]) for image in images]
    assert len(epochs) == 50 and (epochs[0], epochs[-1]) == (1, 120)


@pytest.mark.parametrize(("epochs", "said"), [(51, True), (50, False)])
def test_a_caption_says_when_pictures_are_left_out(make_run, epochs, said):
    text = report(make_run(epochs=epochs, images=1)).text
    assert ("pictures of 50 of 51 epochs" in text) == said and ("pictures of" in text) == said


FINDING = {
    "check": "posterior collapse",
    "epoch": 3,
    "saw": "0 of 16 latents depend on the example",
    "means": "the decoder has learned to ignore the latents",
    "advice": "a smaller beta",
    "severity": 1.0,
}
REWIND = {"epoch": 2, "to": 1, "factor": 0.5, "saw": "training diverged in epoch 2: loss NaN"}


def test_what_the_doctor_found_is_shown_by_epoch(make_run):
    run = make_run()
    write_doctor(run, findings=[FINDING], rewinds=[REWIND])
    text = report(run).text
    for fact in ("0 of 16 latents depend on the example", "Try: a smaller beta"):
        assert fact in text
    assert "back to the end of epoch 1, with 0.5 times the learning rate" in text
    assert text.index("Epoch 2, rewind") < text.index("Epoch 3, posterior collapse")


def test_of_several_runs_the_doctor_says_whose_findings_they_are(make_run):
    first, second = make_run("first"), make_run("second")
    write_doctor(second, rewinds=[REWIND | {"to": 0}])
    section = report(first, second).text.partition("Training doctor")[2]
    assert "back to the start" in section
    assert section.index("B second") < section.index("Epoch 2, rewind")
    assert "A first" not in section.partition("Epoch 2")[0]


def test_a_run_without_findings_has_no_doctor_on_its_page(make_run):
    assert "Training doctor" not in report(make_run()).text


def test_a_chart_shows_training_and_validation_together(make_run):
    page = report(make_run(epochs=2))
    values = [json.loads(a["data-values"]) for a in page.all("span") if "data-values" in a]
    assert values == [{"1": "10", "2": "5"}, {"1": "20", "2": "10"}, {"1": "8", "2": "8"}]
    assert len(page.all("svg", role="img")) == 2
    assert "training" in page.words and "validation" in page.words


def test_a_chart_says_its_content_in_words():
    words = 'aria-label="loss, A, epochs 2 to 4: from 3 to 1.5, lowest 1, highest 3"'
    assert words in chart("loss", [Curve("A", {4: 1.5, 2: 3.0, 3: 1.0})])


def test_a_line_goes_through_its_points_and_has_a_gap_at_nan():
    values = {1: 0.0, 2: 10.0, 3: float("nan"), 4: 10.0, 5: 0.0}
    # 50 to 346 across; from 180 up to 10 with a margin of a twentieth, 0 at 172.3 and 10 at 17.7
    assert "M50.0 172.3L124.0 17.7M272.0 17.7L346.0 172.3" in chart("loss", [Curve("", values)])


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 5, [0, 1, 2, 3, 4, 5]),
        (1, 50, [10, 20, 30, 40, 50]),
        (-0.03, 0.11, [0, 0.05, 0.1]),
        (240.2, 241.9, [240.5, 241, 241.5]),
    ],
)
def test_ticks_are_round_numbers(low, high, expected):
    assert ticks(low, high) == expected


def test_curves_of_runs_differ_in_more_than_colour(make_run):
    page = report(*[make_run(name) for name in "uvwxyz"])
    swatches = [i for i, (_, a) in enumerate(page.elements) if "swatch" in a.get("class", "")]
    drawn = [
        (page.elements[i + 1][1].get("stroke-dasharray"), page.elements[i + 2][1]["d"])
        for i in swatches
    ]
    dashes, markers = zip(*drawn, strict=True)
    assert len(set(dashes)) == len(set(markers)) == 6


def test_a_card_says_how_it_was_measured(make_run):
    head, cell = report(make_run()).row("frechet_distance")
    for fact in ("lower is better", "5000 against 10000", "fashion_classifier feedc0ffee12"):
        assert fact in head
    assert "fashion_mini/test dadacafe3456" in head
    for fact in ("17.62 ± 0.31", "95 %: 17.02 to 18.21", "bootstrap (100)", "seed 3", "kgen 0.1.0"):
        assert fact in cell
    for fact in ("floor 1.25", "ceiling 912", "a note for the reader"):
        assert fact in cell


def test_numbers_share_a_row_only_where_measured_alike(make_run, card):
    first = make_run("first", cards=[card, card.with_(metric="precision")])
    second = make_run(
        "second", cards=[card.with_(value=20.0), card.with_(metric="precision", samples=100)]
    )
    rows = [
        row for row in report(first, second).rows if row and row[0].startswith(("frechet", "precision"))
    ]
    shown = [[cell.split(" ")[0] for cell in row[1:]] for row in rows]
    assert shown == [["17.62", "20.00"], ["17.62", "–"], ["–", "17.62"]]


def test_runs_side_by_side_show_where_they_differ(make_run):
    page = report(make_run("first"), make_run("second", beta=4.0, width=8))
    assert page.row("beta") == ["betadiffers", "1.0", "4.0"]
    assert page.row("width") == ["widthdiffers", "–", "8"]
    assert page.row("recipe") == ["recipe", "vae_fashion", "vae_fashion"]
    assert "A first" in page.words and "B second" in page.words


def test_text_of_a_run_is_never_html(make_run, card):
    card = card.with_(metric=SCRIPT, notes=(SCRIPT,), features=SCRIPT)
    run = make_run(cards=[card], recipe=SCRIPT, note=f'"{SCRIPT}')
    (run / "metrics.csv").write_text(f"epoch,{SCRIPT}\n1,2.0\n")
    page = report(run)
    assert len(page.all("script")) == 1 and page.text.count(SCRIPT) >= 6


@pytest.mark.parametrize("missing", ["metrics.csv", "evaluation.json", "samples"])
def test_a_page_without(make_run, missing):
    run = make_run()
    (run / missing).rename(run / "elsewhere")
    assert "vae_fashion on fashion_mini" in report(run).text


def test_a_run_without_an_epoch(make_run):
    run = make_run(epochs=1)
    for file in (run / "metrics.csv", run / "samples" / "epoch_0001.png"):
        file.unlink()
    assert "No epoch is finished yet." in report(run).text


def test_a_single_epoch_has_no_slider(make_run):
    page = report(make_run(epochs=1))
    assert not page.all("input") and len(page.all("img")) == len(page.all("svg", role="img")) - 1 == 1


def test_numbers_that_an_epoch_did_not_measure_are_left_out(make_run):
    run = make_run()
    (run / "metrics.csv").write_text("epoch,loss,frechet\n1,3.0,\n2,nan,5.5\n")
    values = [json.loads(a["data-values"]) for a in report(run).all("span") if "data-values" in a]
    assert values == [{"1": "3"}, {"2": "5.5"}]


def test_importing_it_loads_nothing_heavy():
    code = (
        "import sys, kgen.report; heavy = {'keras', 'PIL', 'matplotlib', 'scipy'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
