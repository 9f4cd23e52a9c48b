"""The report in a real browser: headless Chromium, driven by Selenium.

`make browser` installs both. Without them these tests are skipped; KGEN_REQUIRE_BROWSER=1 makes them
fail instead.
"""

import json
import os
import shutil

import pytest

from kgen.report import write_report

HOW = "install it: make browser, or apt-get install chromium chromium-driver and pip install selenium"
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)

# Every piece of text with its colour and the background behind it; SVG text has its fill.
TEXTS = """
const found = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node = walker.nextNode(); node; node = walker.nextNode()) {
  const element = node.parentElement;
  if (!node.data.trim() || !element.checkVisibility() || element.matches("script, title")) continue;
  const style = getComputedStyle(element);
  let behind = element;
  while (getComputedStyle(behind).backgroundColor === "rgba(0, 0, 0, 0)") behind = behind.parentElement;
  const colour = element instanceof SVGElement ? style.fill : style.color;
  found.push([node.data.trim(), colour, getComputedStyle(behind).backgroundColor]);
}
return found;
"""
LOAD = """
const done = arguments[0];
const images = [...document.images];
Promise.all(images.map((image) => image.decode())).finally(
  () => done(images.map((image) => image.naturalWidth)));
"""


def missing(what):
    reason = f"{what} not found; {HOW}"
    pytest.fail(reason) if os.environ.get("KGEN_REQUIRE_BROWSER") == "1" else pytest.skip(reason)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    try:
        from selenium import webdriver
    except ImportError:
        missing("selenium")
    binary = (
        shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    )
    driver = shutil.which("chromedriver")
    if not (binary and driver):
        missing("chromium or chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('browser')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(options, webdriver.ChromeService(driver))
    yield browser
    browser.quit()


@pytest.fixture
def show(browser):
    """Opens the report of runs; `width` in pixels, `scheme` light or dark."""

    def show(*runs, width=1200, scheme="light"):
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        wish = {"name": "prefers-color-scheme", "value": scheme}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [wish]})
        browser.get_log("browser"), browser.get_log("performance")  # those of the page before
        browser.get(write_report(runs, runs[0].parent / "page.html").as_uri())
        return browser

    return show


@pytest.fixture
def two(make_run):
    return make_run("first", epochs=4), make_run("second", epochs=2, beta=4.0)


def press(browser, *keys):
    browser.find_element("id", "epoch").send_keys(*keys)


def visible(browser):
    return [
        i.get_attribute("alt") for i in browser.find_elements("css selector", "img") if i.is_displayed()
    ]


def text(browser, selector):
    return [element.text for element in browser.find_elements("css selector", selector)]


def luminance(colour):
    """Relative luminance of "rgb(r, g, b)", as in the Web Content Accessibility Guidelines 2.1."""
    levels = [int(part) / 255 for part in colour[colour.index("(") + 1 : -1].split(",")[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in levels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_of_black_and_white_is_21():
    assert contrast("rgb(0, 0, 0)", "rgb(255, 255, 255)") == pytest.approx(21.0)


def test_the_slider_moves_by_the_keyboard_and_the_picture_changes(show, make_run):
    browser = show(make_run(epochs=3))
    assert visible(browser) == ["Samples of first after epoch 3"]
    press(browser, "\ue012")  # arrow to the left
    assert visible(browser) == ["Samples of first after epoch 2"]
    slider = browser.find_element("id", "epoch")
    assert (slider.accessible_name, slider.get_attribute("aria-valuetext")) == ("Epoch", "epoch 2")
    assert text(browser, "output, .at") == ["2", "epoch 2"]
    assert text(browser, ".value") == ["training 5", "validation 10", "8"]


def test_a_line_in_the_chart_follows_the_slider(show, make_run):
    browser = show(make_run(epochs=3))
    press(browser, "\ue011")  # home: the first epoch, at the left end of the axis
    line = browser.find_element("css selector", ".now")
    assert (line.get_attribute("x1"), line.get_attribute("x2")) == ("50", "50")


def test_one_slider_moves_all_runs_and_a_shorter_one_stays_at_its_end(show, two):
    browser = show(*two)
    press(browser, "\ue012")
    assert visible(browser) == ["Samples of A first after epoch 3", "Samples of B second after epoch 2"]
    assert text(browser, ".chart:first-child .value") == ["A 3.333", "B 5 (epoch 2)"]
    press(browser, "\ue011")
    assert visible(browser) == ["Samples of A first after epoch 1", "Samples of B second after epoch 1"]


def test_every_image_loads(show, two):
    widths = show(*two).execute_async_script(LOAD)
    assert len(widths) == 6 and min(widths) > 0


def test_the_console_stays_silent_and_the_network_unused(show, two):
    browser = show(*two)
    press(browser, "\ue012")
    assert browser.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [
        e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"
    ]
    assert len(asked) > 1 and all(url.startswith(("file:", "data:")) for url in asked)


def test_a_script_that_is_not_the_pages_own_does_not_run(show, make_run):
    browser = show(make_run())
    added = "const s = document.createElement('script'); s.textContent = 'window.foreign = 1'; "
    browser.execute_script(f"{added} document.body.append(s)")
    assert browser.execute_script("return window.foreign") is None


@pytest.mark.parametrize("n", [1, 3])
def test_a_phone_needs_no_scrolling_to_the_side(show, make_run, n):
    long = "a_very_long_name_of_a_run_that_somebody_chose_for_no_good_reason"
    browser = show(*[make_run(f"{long}-{i}", option=f"{long}{i}") for i in range(n)], width=360)
    assert browser.execute_script("return [innerWidth, document.documentElement.scrollWidth]") == [
        360,
        360,
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_has_contrast(show, make_run, scheme):
    runs = [make_run(name, epochs=2, beta=i) for i, name in enumerate("uvwxyz")]
    texts = show(*runs, scheme=scheme).execute_script(TEXTS)
    assert len(texts) > 100
    assert [(t, a, b) for t, a, b in texts if contrast(a, b) < 4.5] == []


def test_dark_mode_is_dark(show, make_run):
    run = make_run()
    paper = "return getComputedStyle(document.body).backgroundColor"
    light = show(run).execute_script(paper)
    dark = show(run, scheme="dark").execute_script(paper)
    assert luminance(light) > 0.9 and luminance(dark) < 0.05
