"""Tests of the pages of audits as a browser shows them: nothing sticks out, text can be read, in both schemes."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.core.audit_task import Sharp, made_audit, renamed

from augrad.auditing import AuditReport
from augrad.auditing.page.render import render_audit, render_comparison

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: looked for chromium, chromium-browser, google-chrome"),
]

SIZES = {"desktop": (1280, 900), "tablet": (700, 900), "telephone": (390, 844), "small": (360, 740)}
SCHEMES = {"dark": 0, "light": 1}

LEAST_CONTRAST = 4.5
"""Of WCAG 2.2, level AA."""

LONG = "audit_page." + "a_name_that_nobody_would_type_" * 4

LOOK = """
const leastContrast = CONTRAST;
document.querySelectorAll("details").forEach(each => each.open = true);
const wide = document.documentElement.clientWidth;
const shown = each => each.getClientRects().length > 0;
const name = each => each.tagName + "." + each.getAttribute("class") + ": " + each.textContent.trim().slice(0, 40);
const scrolls = [], out = [], faint = [], cramped = [];
function luminance(text) {
  const parts = text.match(/[\\d.]+/g).map(Number);
  const linear = parts.slice(0, 3).map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return {value: 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2], alpha: parts.length > 3 ? parts[3] : 1};
}
function ground(each) {
  for (let at = each; at; at = at.parentElement) {
    const found = luminance(getComputedStyle(at).backgroundColor);
    if (found.alpha > 0.99) return found.value;
  }
  return 1;
}
for (const each of document.body.querySelectorAll("*")) {
  const style = getComputedStyle(each), box = each.getBoundingClientRect();
  if (!shown(each)) continue;
  const over = each.scrollWidth - each.clientWidth;
  if (/auto|scroll/.test(style.overflowX + style.overflowY) && over > 0) scrolls.push(name(each));
  if (!each.closest("svg") && (box.right > wide + 0.5 || box.left < -0.5)) out.push(name(each));
  const own = [...each.childNodes].filter(node => node.nodeType === 3 && node.textContent.trim());
  if (!own.length || each.closest("style, script")) continue;
  const drawn = each.closest("svg") !== null;
  const [one, other] = [luminance(drawn ? style.fill : style.color).value, ground(each)].sort((a, b) => b - a);
  if ((one + 0.05) / (other + 0.05) < leastContrast) faint.push(name(each));
  if (each.closest("td, th, li, figcaption, dd") && !drawn && over > 1 && style.display !== "inline") {
    cramped.push(name(each));
  }
}
parent.document.documentElement.setAttribute("data-found", JSON.stringify({
  width: window.innerWidth, whole: document.documentElement.scrollWidth, scrolls, out, faint, cramped,
  dark: matchMedia("(prefers-color-scheme: dark)").matches, ground: getComputedStyle(document.body).backgroundColor,
  texts: document.querySelectorAll("svg text").length,
}));
""".replace("CONTRAST", str(LEAST_CONTRAST))


def browser(page: Path, size: str, scheme: str, *arguments: str) -> str:
    assert CHROMIUM is not None
    width, height = SIZES[size]
    told = subprocess.run(
        [
            CHROMIUM,
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            f"--user-data-dir={page.parent / 'profile'}",
            f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}",
            f"--window-size={width},{height}",
            *arguments,
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return told.stdout


def looked_at(text: str, folder: Path, size: str, scheme: str) -> dict[str, Any]:
    """What a script that is put into the page finds out about it.

    In a frame of the size, because windows are at least 500 pixels wide.
    """
    page, (width, height) = folder / "page.html", SIZES[size]
    framed = html.escape(text.replace("</body>", f"<script>{LOOK}</script></body>"))
    page.write_text(
        '<!doctype html><html lang="en" style="color-scheme: light dark"><meta charset="utf-8"><title>Frame</title>'
        f'<iframe style="border:0" width="{width}" height="{height}" srcdoc="{framed}"></iframe></html>',
        encoding="utf-8",
    )
    found = re.search(r'data-found="([^"]*)"', browser(page, size, scheme, "--dump-dom"))
    assert found is not None
    read: dict[str, Any] = json.loads(html.unescape(found[1]))
    return read


@pytest.fixture(scope="module")
def report() -> AuditReport:
    return made_audit(layers=["layer"])


@pytest.fixture(scope="module")
def pages(report: AuditReport) -> dict[str, str]:
    other = made_audit(Sharp)
    return {
        "audit": render_audit(report),
        "long names": render_audit(renamed(report, "audit_page.turn", LONG)),
        "comparison": render_comparison(report.compare(other)),
    }


@pytest.mark.parametrize(
    ("kind", "size", "scheme"),
    [
        ("audit", "desktop", "light"),
        ("audit", "tablet", "light"),
        ("audit", "telephone", "dark"),
        ("audit", "small", "light"),
        ("long names", "desktop", "light"),
        ("long names", "small", "dark"),
        ("comparison", "desktop", "dark"),
        ("comparison", "small", "light"),
    ],
)
def test_fits_and_can_be_read(pages: dict[str, str], tmp_path: Path, kind: str, size: str, scheme: str) -> None:
    found = looked_at(pages[kind], tmp_path, size, scheme)
    assert found["width"] == SIZES[size][0]
    assert found["dark"] == (scheme == "dark")
    assert found["texts"] > 20
    assert found["whole"] <= found["width"]
    assert {name: found[name] for name in ("scrolls", "out", "cramped", "faint")} == {
        "scrolls": [],
        "out": [],
        "cramped": [],
        "faint": [],
    }


def test_the_script_finds_what_is_wrong(pages: dict[str, str], tmp_path: Path) -> None:
    bad = (
        '<div style="width:900px">wide</div>'
        '<div style="overflow:auto;width:50px"><p style="width:90px">scrolls</p></div>'
        '<p style="color:#999;background:#fff">faint</p></main>'
    )
    found = looked_at(pages["audit"].replace("</main>", bad), tmp_path, "telephone", "light")
    assert found["whole"] > found["width"]
    assert [text.split(": ")[1] for text in found["scrolls"]] == ["scrolls"]
    assert "faint" in found["faint"][0]
    assert any("wide" in text for text in found["out"])


@pytest.mark.parametrize(("size", "scheme"), [("desktop", "light"), ("telephone", "dark")])
def test_can_be_pictured(pages: dict[str, str], tmp_path: Path, size: str, scheme: str) -> None:
    page, picture = tmp_path / "page.html", tmp_path / "page.png"
    page.write_text(pages["audit"], encoding="utf-8")
    browser(page, size, scheme, f"--screenshot={picture}")
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size > 20_000


def test_prints_all_of_it_in_light(pages: dict[str, str], tmp_path: Path) -> None:
    page, paper = tmp_path / "page.html", tmp_path / "page.pdf"
    page.write_text(pages["audit"], encoding="utf-8")
    browser(page, "desktop", "dark", f"--print-to-pdf={paper}", "--no-pdf-header-footer")
    assert paper.read_bytes().startswith(b"%PDF")
    closed = tmp_path / "closed.pdf"
    page.write_text(pages["audit"].replace("details::details-content", "none"), encoding="utf-8")
    browser(page, "desktop", "dark", f"--print-to-pdf={closed}", "--no-pdf-header-footer")
    assert n_pages(paper) > n_pages(closed)  # the numbers are folded away on the screen, and there on paper


def n_pages(path: Path) -> int:
    return len(re.findall(rb"/Type\s*/Page\b", path.read_bytes()))
