"""The report in a real browser."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from edgedistill.report import watching
from edgedistill.report.page import page
from tests.chromium import Chromium, needs_chromium

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def report(tiny_run, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(watching, "MOST_DECISIONS", 300)
        content = page([tiny_run.path])
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_bytes(content)
    return file


@pytest.mark.parametrize("width", [390, 1280])
def test_it_is_whole_at_two_widths_without_a_network(report, width):
    with Chromium() as chromium:
        tab = chromium.open(report.as_uri(), width=width, height=2_000)
        tab.wait_for("document.readyState === 'complete'")
        pictures = tab.evaluate("[...document.images].map(each => each.complete && each.naturalWidth)")
        assert len(pictures) >= 3 and all(pictures)
        assert tab.evaluate("document.querySelectorAll('svg').length") >= 4
        # Wide tables are moved, not the page.
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        shot = np.asarray(Image.open(BytesIO(tab.screenshot())).convert("RGB"))
        assert shot.shape[1] == width
        assert len(np.unique(shot.reshape(-1, 3), axis=0)) > 100
        assert 0.02 < (shot != 255).any(axis=2).mean() < 0.9
        assert tab.problems == []
        assert {url for url in tab.requests if not url.startswith("data:")} == {report.as_uri()}
