"""The page in a real browser: what it shows, and that its controls work."""

import shutil
from collections.abc import Iterator

import numpy as np
import pytest

from quietmr.data import MissingExtraError
from quietmr.report.viewer.fetch import niivue_module

pytestmark = pytest.mark.browser

# WebGL without a graphics card
ARGUMENTS = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
SHAPE = (20, 24, 16)
SIGMA = 8.0
# What a canvas shows: its pixels are there only while it is drawn, so it is drawn once more.
PIXELS = """async () => {
  const {stage} = await import('./viewer.js');
  return stage.panes.map((pane) => {
    if (!pane.volumes.length) return null;
    pane.drawScene();
    const gl = pane.gl, [w, h] = [gl.drawingBufferWidth, gl.drawingBufferHeight];
    const all = new Uint8Array(4 * w * h);
    gl.readPixels(0, 0, w, h, gl.RGBA, gl.UNSIGNED_BYTE, all);
    let [red, green, blue, lit, hash] = [0, 0, 0, 0, 0];
    for (let i = 0; i < all.length; i += 4) {
      red += all[i]; green += all[i + 1]; blue += all[i + 2]; lit += all[i + 1] > 60;
      hash = (hash * 31 + all[i] + 7 * all[i + 1] + 13 * all[i + 2]) | 0;
    }
    return {red, green, blue, lit: 4 * lit / all.length, hash};
  });
}"""
STATE = """async () => {
  const {stage} = await import('./viewer.js');
  return stage.panes.map((pane) => ({
    place: [...pane.frac2mm(pane.scene.crosshairPos)].slice(0, 3).map((mm) => Math.round(mm * 10) / 10),
    zoom: pane.scene.pan2Dxyzmm[3], turn: pane.scene.renderAzimuth, view: pane.opts.sliceType,
    window: pane.volumes.length ? [pane.volumes[0].cal_min, pane.volumes[0].cal_max] : null,
    frame: pane.volumes.length ? pane.volumes[0].frame4D : null, layers: pane.volumes.length,
  }));
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator:
    """A Chromium that can draw, or a skip that says what is missing."""
    sync_api = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no Chromium on the PATH")
    try:
        niivue_module()
    except MissingExtraError as error:
        pytest.skip(str(error))
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        page = browser.new_page()
        has_webgl = page.evaluate("!!document.createElement('canvas').getContext('webgl2')")
        page.close()
        if not has_webgl:
            browser.close()
            pytest.skip("this Chromium has no WebGL2")
        yield browser
        browser.close()


@pytest.fixture
def folder(save, tmp_path, rng):
    """A bright ellipsoid with noise, its copy without, and the maps; and a series of three frames."""
    axes = np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij")
    clean = 100.0 * (sum((axis / 0.8) ** 2 for axis in axes) < 1)
    noisy = (clean + SIGMA * rng.standard_normal(SHAPE)).astype(np.float32)
    save("head.nii.gz", values=noisy)
    save("head_desc-denoised.nii.gz", values=clean.astype(np.float32), NoiseSigma=SIGMA, ModelName="quiet")
    save("head_desc-removed.nii.gz", values=(noisy - clean).astype(np.float32))
    save("head_desc-noise.nii.gz", values=np.full(SHAPE, SIGMA, dtype=np.float32))
    frames = np.stack([clean * part for part in (1.0, 0.7, 0.4)], axis=-1).astype(np.float32)
    save("series.nii.gz", values=frames)
    (tmp_path / "broken.nii.gz").write_bytes(b"x")
    return tmp_path


@pytest.fixture
def page(browser, serve, folder):
    """The page, opened on the first scan; the test fails if the console has a word of warning."""
    server = serve(folder, niivue=niivue_module())
    page = browser.new_page(viewport={"width": 1010, "height": 500})
    page.set_default_timeout(30_000)
    said, asked = [], []
    page.on("console", lambda message: said.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(server.url + "#axial")
    page.wait_for_selector("body[data-ready='0']")
    yield page
    page.close()
    assert said == []
    assert [url for url in asked if not url.startswith((server.url, "data:"))] == []


def press(page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)
    settle(page)


def settle(page) -> None:
    """Wait until what was asked for is loaded and drawn."""
    page.wait_for_selector("#message:empty", state="attached")
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def test_both_sides_show_their_volume(page):
    before, after = page.evaluate(PIXELS)
    assert before["lit"] > 0.2
    assert after["lit"] > 0.2
    assert before["hash"] != after["hash"]
    assert page.locator("#facts").inner_text() == "20 × 24 × 16 · model quiet · noise σ = 8"
    assert page.locator("#scans button").count() == 2
    assert "broken.nii.gz is not shown" in page.locator("#notes li").text_content()


def test_sides_move_together(page):
    start = page.evaluate(STATE)
    assert start[0] == start[1]
    assert start[0]["view"] == 0
    box = page.locator("#right canvas").bounding_box()
    page.mouse.click(box["x"] + 0.3 * box["width"], box["y"] + 0.6 * box["height"])
    page.mouse.wheel(0, 100)
    settle(page)
    clicked = page.evaluate(STATE)
    assert clicked[0] == clicked[1]
    assert clicked[0]["place"] != start[0]["place"]
    press(page, "PageUp", "ArrowLeft", "+")
    keyed = page.evaluate(STATE)
    assert keyed[0] == keyed[1]
    assert keyed[0]["zoom"] == 1.25
    # radiological convention: the left of the picture is the patient's right, where x (RAS+) is larger
    assert clicked[0]["place"][0] > start[0]["place"][0]
    assert keyed[0]["place"][0] == pytest.approx(clicked[0]["place"][0] + 2, abs=0.2)
    assert keyed[0]["place"][2] == pytest.approx(clicked[0]["place"][2] + 3, abs=0.2)
    press(page, "r")
    reset = page.evaluate(STATE)
    assert reset[0] == reset[1] == start[0]


def test_window_is_one_for_both_sides(page):
    page.locator("#width").fill("200")
    settle(page)
    narrow = page.evaluate(STATE)
    assert narrow[0]["window"] == narrow[1]["window"]
    box = page.locator("#left canvas").bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down(button="right")
    page.mouse.move(box["x"] + 160, box["y"] + 130, steps=3)
    page.mouse.up(button="right")
    settle(page)
    pulled = page.evaluate(STATE)
    assert pulled[0]["window"] == pulled[1]["window"]
    (low, high), (narrow_low, narrow_high) = pulled[0]["window"], narrow[0]["window"]
    assert high - low > narrow_high - narrow_low
    assert low + high > narrow_low + narrow_high


def test_every_view_shows_something_else(page):
    shown = []
    for name in ("Axial", "Coronal", "Sagittal", "3-D", "All planes"):
        page.get_by_role("button", name=name, exact=True).click()
        settle(page)
        before, after = page.evaluate(PIXELS)
        assert min(before["lit"], after["lit"]) > 0.05
        shown.append(after["hash"])
        assert page.locator("#view [aria-pressed=true]").inner_text() == name
    assert len(set(shown)) == 5
    press(page, "5", "ArrowLeft")
    left, right = page.evaluate(STATE)
    assert left["turn"] == right["turn"] == 115


def test_maps_in_colour_alone_and_on_top(page):
    press(page, "m")
    before, removed = page.evaluate(PIXELS)
    assert before["red"] == pytest.approx(before["blue"], rel=0.05)
    assert removed["hash"] != before["hash"]
    assert page.locator(".legend .high").inner_text() == "+24"
    press(page, "o")
    nothing, (full) = page.evaluate(PIXELS)
    assert nothing is None
    page.locator("#opacity").fill("0")
    settle(page)
    bare = page.evaluate(PIXELS)[1]
    # grey where the map is clear, coloured by it where it is not
    assert bare["red"] == pytest.approx(bare["blue"], rel=0.05)
    assert full["hash"] != bare["hash"]
    page.locator("#opacity").fill("100")
    press(page, "m")
    noise = page.evaluate(PIXELS)[1]
    # a noise map with one value has the colour of its upper end, yellow
    assert noise["red"] > 2 * noise["blue"]
    assert page.locator(".legend .high").inner_text() == "8"
    press(page, "o")
    left, right = page.evaluate(STATE)
    assert left["layers"] == right["layers"] == 1


def test_flip_puts_after_where_before_was(page):
    before, after = (pane["hash"] for pane in page.evaluate(PIXELS))
    press(page, "f")
    assert [pane["hash"] for pane in page.evaluate(PIXELS)] == [after, before]
    press(page, "f")
    assert [pane["hash"] for pane in page.evaluate(PIXELS)] == [before, after]


def test_frames_of_a_series(page):
    press(page, "j")
    page.wait_for_selector("body[data-ready='1']")
    assert page.locator("#name").inner_text() == "series.nii.gz"
    assert page.locator("#frame-row output").inner_text() == "1 / 3"
    first = page.evaluate(PIXELS)
    press(page, ".", ".")
    last = page.evaluate(PIXELS)
    assert page.evaluate(STATE)[0]["frame"] == 2
    assert 0.3 < last[0]["green"] / first[0]["green"] < 0.5
    assert last[1] is None


def test_file_that_went_away_is_said_on_the_page(browser, serve, folder):
    server = serve(folder, niivue=niivue_module())
    (folder / "head.nii.gz").unlink()
    page = browser.new_page(viewport={"width": 500, "height": 400})
    page.goto(server.url + "#axial")
    page.wait_for_selector("#message.failed")
    assert "head.nii.gz is no longer there" in page.locator("#message").inner_text()
    page.locator("#scans button").nth(1).click()
    page.wait_for_selector("body[data-ready='1']")
    assert page.locator("#message").text_content() == ""
    page.close()


@pytest.mark.parametrize(("scale", "word"), [(1e-9, "5.0e-8"), (1e9, "5.0e+10")])
def test_tiny_and_huge_values(browser, serve, save, scale, word):
    x = np.linspace(0, 100, SHAPE[0])[:, None, None]
    values = (scale * np.broadcast_to(x, SHAPE)).astype(np.float32)
    path, copy = save("x.nii", values=values), save("x_desc-denoised.nii", values=0.5 * values)
    server = serve(path, copy, niivue=niivue_module())
    page = browser.new_page(viewport={"width": 500, "height": 400})
    page.goto(server.url + "#axial")
    page.wait_for_selector("body[data-ready='0']")
    before, after = page.evaluate(PIXELS)
    # a ramp from black to white, and one from black to grey
    assert before["lit"] > 0.2
    assert 0.4 < after["green"] / before["green"] < 0.6
    assert page.locator("#level + output").inner_text() == word
    page.close()
