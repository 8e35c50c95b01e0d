"""The page in a real browser: it opens alone from a file, and everything on it works by mouse, finger and key."""

import io
import shutil
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest

from quietmr.data import Image, NoiseMap
from quietmr.report.page import report_page, save_page

pytestmark = pytest.mark.browser

LAPTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
EVIL = "</script><script>document.title='broken'</script><img src=x onerror=\"document.title='broken'\">.nii"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium, skipped where there is none."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on the PATH")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from playwright.sync_api import sync_playwright

        with sync_playwright() as playwright:
            started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            yield started
            started.close()


@dataclass
class Opened:
    """A page, and what went wrong on it."""

    page: Any
    troubles: list[str] = field(default_factory=list)

    def pixels(self, view: int = 0) -> np.ndarray:
        """What a canvas shows now, grey or colour, (rows, columns, 3)."""
        self.page.wait_for_timeout(80)
        self.page.evaluate("document.activeElement.blur()")
        shot = self.page.locator(".frame canvas").nth(view).screenshot()
        return np.asarray(PIL.Image.open(io.BytesIO(shot)).convert("RGB")).astype(float)

    def box(self, locator: str) -> dict[str, float]:
        """Place of an element, which is scrolled to the middle of the screen first."""
        found = self.page.locator(locator).first
        found.evaluate("(element) => element.scrollIntoView({ block: 'center' })")
        return found.bounding_box()

    def value(self, locator: str, name: str) -> str | None:
        self.page.wait_for_timeout(80)
        return self.page.locator(locator).first.get_attribute(name)

    def says(self, locator: str) -> str:
        self.page.wait_for_timeout(80)
        return " ".join(self.page.locator(locator).first.inner_text().split())


@pytest.fixture
def show(browser: Any, make_contents: Callable[..., Any], tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    """Open the page of some contents from a file, in a browser that has no network."""
    contexts = []

    def open_page(*, shape=(1, 12, 40, 36), viewport=LAPTOP, options=None, ready=True, **changes) -> Opened:
        path = tmp_path / "page <1> & 'more'.html"
        save_page(report_page(make_contents(shape, **changes)), path, force=True)
        context = browser.new_context(viewport=viewport, offline=True, **(options or {}))
        contexts.append(context)
        opened = Opened(context.new_page())
        opened.page.on("console", lambda said: opened.troubles.append(said.text))
        opened.page.on("pageerror", lambda error: opened.troubles.append(str(error)))
        opened.page.on("requestfailed", lambda request: opened.troubles.append(request.url[:80]))
        opened.page.goto(path.as_uri())
        if ready:
            opened.page.wait_for_selector("#stage:not([hidden])")
        return opened

    yield open_page
    for context in contexts:
        context.close()


def test_it_opens_from_a_file_without_a_word_on_the_console(show):
    opened = show(name=EVIL)
    assert opened.troubles == []
    assert opened.page.title().startswith("</script>")
    assert opened.page.locator(".frame canvas").count() == 3
    assert opened.pixels().std() > 20


def test_pixels_are_those_of_the_scan(show, rng):
    """A picture of left half 50, right half 150; noise was removed from the left: before the wipe it is 90 there."""
    after = np.full((1, 1, 40, 40), 150, np.float32)
    after[..., :20] = 50
    before = after + np.where(after == 50, 40, 0).astype(np.float32)
    noise = NoiseMap(np.array(20, np.float32))
    opened = show(shape=after.shape, before=Image(before), after=Image(after), noise=noise)
    handle = opened.page.locator(".wipe").first
    grey = {}
    for key, where in (("Home", "after"), ("End", "before")):
        handle.press(key)
        picture = opened.pixels()
        rows, columns = picture.shape[:2]
        left = picture[rows // 2, columns // 2 - rows // 4]
        right = picture[rows // 2, columns // 2 + rows // 4]
        grey[where] = (left.mean(), right.mean())
    white = 255 / 150
    assert grey["after"] == pytest.approx((50 * white, 150 * white), abs=3)
    assert grey["before"] == pytest.approx((90 * white, 150 * white), abs=3)


def test_wipe_moves_by_mouse_and_keys_and_tells_where_it_is(show):
    opened = show()
    handle = opened.page.locator(".wipe").first
    assert handle.get_attribute("role") == "slider"
    first = opened.pixels()
    handle.focus()
    for _ in range(5):
        handle.press("ArrowRight")
    assert opened.value(".wipe", "aria-valuenow") == "60"
    assert opened.value(".wipe", "aria-valuetext") == "60 % before"
    assert np.abs(opened.pixels() - first).mean() > 0.5
    box, frame = opened.box(".wipe"), opened.box(".frame")
    opened.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.82)
    opened.page.mouse.down()
    opened.page.mouse.move(frame["x"] + 2, box["y"] + 50, steps=4)
    opened.page.mouse.up()
    assert opened.value(".wipe", "aria-valuenow") == "0"
    opened.page.locator(".frame canvas").first.press("b")
    assert opened.value(".wipe", "aria-valuenow") == "100"


def test_slices_move_by_slider_and_keys(show):
    opened = show()
    picture = opened.pixels()
    canvas, output = opened.page.locator(".frame canvas").first, ".view output"
    assert opened.says(output) == "7 / 12"
    canvas.press("ArrowUp")
    assert opened.says(output) == "8 / 12"
    assert np.abs(opened.pixels() - picture).mean() > 1
    for _ in range(3):
        canvas.press("PageUp")
    assert opened.says(output) == "12 / 12"
    opened.page.locator(".slice").first.fill("2")
    assert opened.says(output) == "3 / 12"
    assert opened.value(".slice", "aria-valuetext") == "3 / 12"


def test_crosshair_links_the_views_and_values_are_read_out(show):
    opened = show()
    readout = opened.says("#readout")
    box = opened.box(".frame canvas")
    opened.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 4)
    assert opened.value("#cross", "aria-pressed") == "true"
    assert int(opened.says(".view:nth-child(2) output").split()[0]) > 21
    assert opened.says("#readout") != readout
    assert opened.says("#readout").startswith("before ")


def test_zoom_is_linked_and_goes_back(show):
    opened = show()
    whole = [opened.pixels(view) for view in range(3)]
    opened.page.click("#zoom-in")
    assert opened.says("#zoom-value") == "150 %"
    assert all(np.abs(opened.pixels(view) - whole[view]).mean() > 1 for view in range(3))
    opened.page.locator(".frame canvas").first.press("0")
    assert opened.says("#zoom-value") == "100 %"
    np.testing.assert_array_equal(opened.pixels(1), whole[1])


def test_page_wheel_scrolls_and_control_wheel_zooms(show):
    opened = show()
    box = opened.box(".frame canvas")
    opened.page.mouse.move(box["x"] + 20, box["y"] + 20)
    before = opened.page.evaluate("scrollY")
    opened.page.mouse.wheel(0, 100)
    opened.page.wait_for_timeout(150)
    assert opened.page.evaluate("scrollY") > before
    assert opened.says("#zoom-value") == "100 %"
    opened.page.keyboard.down("Control")
    opened.page.mouse.wheel(0, -200)
    opened.page.keyboard.up("Control")
    assert opened.says("#zoom-value") != "100 %"


def test_layers_and_windows(show):
    structure = np.zeros((1, 12, 40, 36), np.float32)
    structure[0, 4:9, 10:20, 10:20] = 8
    sigma = np.linspace(4, 6, 36, dtype=np.float32)
    opened = show(structure=structure, noise=NoiseMap(sigma, "gaussian"))
    seen = {}
    for layer in ("compare", "removed", "sigma", "structure"):
        opened.page.check(f"[name=layer][value={layer}]", force=True)
        seen[layer] = opened.pixels()
    grey = np.abs(seen["removed"][..., 0] - seen["removed"][..., 2])
    assert np.percentile(grey, 90) < 2
    assert seen["removed"].mean() == pytest.approx(127 * (seen["removed"] > 0).mean(), rel=0.1)
    amber = seen["structure"][..., 0] - seen["structure"][..., 2]
    assert (amber > 30).mean() > 0.01
    assert opened.page.locator(".wipe").first.is_hidden()
    opened.page.check("[name=layer][value=compare]", force=True)
    opened.page.locator("#window").fill("50")
    assert np.abs(opened.pixels() - seen["compare"]).mean() > 10
    opened.page.click("#window-reset")
    inside = slice(4, -4)
    np.testing.assert_allclose(opened.pixels()[inside], seen["compare"][inside], atol=1)


def test_another_view_can_be_enlarged_and_frames_have_a_slider(show):
    opened = show(shape=(4, 12, 40, 36))
    opened.page.locator(".enlarge").nth(1).click()
    assert opened.page.locator(".view.main canvas").get_attribute("aria-label") == "Coronal view"
    assert opened.page.locator(".view.main .wipe").is_visible()
    picture = opened.pixels(1)
    opened.page.locator("#frame").fill("0")
    assert np.abs(opened.pixels(1) - picture).mean() > 1
    assert opened.troubles == []


@pytest.mark.parametrize("system", ["light", "dark"])
def test_light_and_dark_follow_the_system_and_the_button(show, system):
    opened = show(shape=(1, 1, 20, 20), options={"color_scheme": system})
    ground = "Number(getComputedStyle(document.body).backgroundColor.match(/[0-9]+/)[0])"
    dark = opened.page.evaluate(ground) < 60
    assert dark == (system == "dark")
    opened.page.click("#theme")
    assert (opened.page.evaluate(ground) < 60) != dark
    assert opened.page.evaluate("getComputedStyle(document.querySelector('.stage')).backgroundColor") == "rgb(0, 0, 0)"


@pytest.mark.parametrize("shape", [(1, 12, 40, 36), (3, 1, 30, 90)])
def test_a_phone_has_no_sideways_scroll_and_fingers_work(show, shape):
    opened = show(
        shape=shape,
        viewport=PHONE,
        name="a" * 120,
        options={"has_touch": True, "is_mobile": True},
        command_line="b" * 300,
    )
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    box = opened.box(".frame canvas")
    assert box["width"] > 300
    assert box["height"] > 200
    opened.page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert opened.value("#cross", "aria-pressed") == "true"
    assert opened.troubles == []


def test_every_control_can_be_reached_by_tab_and_shows_it(show):
    opened = show()
    reached = []
    for _ in range(40):
        opened.page.keyboard.press("Tab")
        reached.append(
            opened.page.evaluate(
                "document.activeElement.id || document.activeElement.className || document.activeElement.tagName"
            )
        )
    for wanted in ("theme", "wipe", "slice", "CANVAS", "level", "window", "zoom-in", "cross", "SUMMARY"):
        assert wanted in reached, (wanted, reached)
    opened.page.locator("#zoom-in").focus()
    opened.page.keyboard.press("Tab")
    assert opened.page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_on_paper_there_are_still_pictures_and_open_details_and_no_controls(show):
    opened = show()
    opened.page.emulate_media(media="print")
    assert opened.page.locator("#stage").is_hidden()
    assert opened.page.locator("#theme").is_hidden()
    assert opened.page.locator(".stills img").first.is_visible()
    opened.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert opened.page.get_by_text("trained on").is_visible()
    pdf = opened.page.pdf()
    assert pdf.startswith(b"%PDF")


def test_without_javascript_there_are_still_pictures_and_all_words(show):
    opened = show(options={"java_script_enabled": False}, ready=False)
    assert opened.page.locator(".stills img").count() == 9
    assert opened.page.locator(".stills img").first.is_visible()
    assert opened.page.locator("#stage").is_hidden()
    assert opened.page.get_by_text("open this page with JavaScript").is_visible()


def test_nothing_moves_for_those_who_want_no_motion(show):
    opened = show(options={"reduced_motion": "reduce"})
    durations = "[...document.querySelectorAll('*')].map((e) => parseFloat(getComputedStyle(e).transitionDuration))"
    assert max(opened.page.evaluate(durations)) == 0
