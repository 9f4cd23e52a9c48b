"""What is said where a run cannot be shown, or its page cannot be written."""

import pytest

from kgen.errors import UserError
from kgen.report import write_report

DAMAGES = {
    "config.json": [b"{", b"[]"],
    "env.json": [b"", b"3"],
    "metrics.csv": [
        b"\xff\xfe\x00",
        b"loss\n1\n",
        b"epoch,loss\n1,much\n",
        b"epoch,loss\n1\n",
        b"epoch\n1,2\n",
    ],
    "evaluation.json": [
        b"{",
        b"[]",
        b"{}",
        b'{"cards": [{"metric": "m"}]}',
        b'{"cards": [{"val": 1}]}',
    ],
    "doctor.json": [
        b"{",
        b"[]",
        b'{"findings": [3], "rewinds": []}',
        b'{"findings": [{"check": "NaN", "epoch": 1}], "rewinds": []}',
        b'{"findings": [], "rewinds": [{"epoch": 1, "to": 0, "factor": "half", "saw": "NaN"}]}',
    ],
    "samples/epoch_0002.png": [b"", b"no picture", b"\x89PNG\r\n\x1a\n"],
}


@pytest.mark.parametrize(
    ("file", "content"), [(f, c) for f, contents in DAMAGES.items() for c in contents]
)
def test_a_damaged_file_is_named_and_the_old_page_stays(make_run, file, content):
    run = make_run()
    page = run.parent / "page.html"
    page.write_text("old")
    (run / file).write_bytes(content)
    with pytest.raises(UserError, match=file):
        write_report([run], page)
    assert page.read_text() == "old" and not (run.parent / ".page.html").exists()


def test_a_truncated_picture_is_named(make_run):
    run = make_run()
    file = run / "samples" / "epoch_0003.png"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(UserError, match=r"epoch_0003\.png is no picture, or a damaged one"):
        write_report([run])


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(UserError, match="is not a run"):
        write_report([tmp_path])


def test_runs_of_different_data_sets_are_refused(make_run):
    runs = [make_run("first"), make_run("second", data="mnist")]
    with pytest.raises(
        UserError, match=r"first on fashion_mini, .*second on mnist; make a report for each"
    ):
        write_report(runs)


def test_a_run_given_twice_is_refused(make_run):
    run = make_run()
    with pytest.raises(UserError, match="given twice"):
        write_report([run, run / "."])


def test_too_many_runs_are_refused(make_run):
    with pytest.raises(UserError, match="1 to 6 runs side by side, got 7"):
        write_report([make_run(name) for name in "abcdefg"])


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("model.keras", "ends in .html"),
        ("none/page.html", "cannot write"),
        ("folder.html", "cannot write"),
    ],
)
def test_where_a_page_cannot_be_written(make_run, out, message):
    run = make_run()
    (run / "folder.html").mkdir()
    with pytest.raises(UserError, match=message):
        write_report([run], run / out)
