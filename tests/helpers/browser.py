"""Opens a page in headless Chromium and lists its faults."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from accessibility import violations

PATIENCE_MS = 180_000  # other tests train networks at the same time
PHONE = {"width": 390, "height": 844}
PRIVATE = tuple(f"/{folder}/" for folder in ("home", "root", "Users", "tmp"))

FAULTS = """() => {
  const faults = [];
  const name = element => element.outerHTML.slice(0, 120);
  const all = selector => [...document.querySelectorAll(selector)];
  const ids = all('[id]').map(element => element.id);
  for (const id of new Set(ids.filter((id, place) => ids.indexOf(id) !== place))) faults.push('id given twice: ' + id);
  for (const link of all('a[href^="#"]'))
    if (!document.getElementById(link.getAttribute('href').slice(1))) faults.push('link to nowhere: ' + name(link));
  for (const use of all('svg [href^="#"]'))
    if (!document.getElementById(use.getAttribute('href').slice(1))) faults.push('missing glyph: ' + name(use));
  for (const image of all('img')) {
    if (!image.alt) faults.push('no alt: ' + name(image));
    if (!image.complete || !image.naturalWidth) faults.push('broken image: ' + name(image));
  }
  for (const drawing of all('svg:not([aria-hidden="true"])')) {
    const spoken = (drawing.getAttribute('aria-labelledby') || '').split(' ')
      .map(id => document.getElementById(id)?.textContent || '').join(' ').trim();
    if (drawing.getAttribute('role') !== 'img' || !spoken) faults.push('no alternative text: ' + name(drawing));
    const box = drawing.getBoundingClientRect();
    if (!box.width || !box.height || !drawing.querySelector('path,rect,use,text,image,circle,line'))
      faults.push('empty drawing: ' + name(drawing));
  }
  for (const video of all('video')) {
    if (!video.getAttribute('aria-label')) faults.push('no alternative text: ' + name(video));
    if (video.error || !video.videoWidth) faults.push('broken video: ' + name(video));
  }
  for (const figure of all('figure'))
    if (!figure.querySelector('svg,img,video,.placeholder')) faults.push('missing figure: ' + name(figure));
  for (const table of all('table')) if (!table.caption) faults.push('no caption: ' + name(table));
  for (const element of all('[style]')) faults.push('inline style: ' + name(element));
  if (all('h1').length !== 1) faults.push('not one h1 but ' + all('h1').length);
  let level = 1;
  for (const heading of all('h1, h2, h3, h4')) {
    if (+heading.tagName[1] > level + 1) faults.push('a heading skips a level: ' + name(heading));
    level = +heading.tagName[1];
  }
  if (!document.querySelector('meta[http-equiv="Content-Security-Policy"]')) faults.push('no policy');
  return faults;
}"""
VIDEOS_READY = "() => [...document.querySelectorAll('video')].every(video => video.error || video.readyState >= 2)"
UNFOLD = "() => document.querySelectorAll('details').forEach(fold => { fold.open = true; })"
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@contextmanager
def chromium() -> Iterator[Any]:
    """A headless browser."""
    executable = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if executable is None:
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"], timeout=PATIENCE_MS)
        yield browser
        browser.close()


@contextmanager
def opened(path: Path, **options: Any) -> Iterator[tuple[Any, list[str]]]:
    """A page in Chromium, and a list that collects its requests, console errors and exceptions."""
    with chromium() as browser:
        page = browser.new_context(**options).new_page()
        page.set_default_timeout(PATIENCE_MS)
        faults: list[str] = []
        address = path.resolve().as_uri()
        page.on("request", lambda request: _note_request(request.url, address, faults))
        page.on("requestfailed", lambda request: faults.append(f"failed request: {request.url[:120]}"))
        page.on(
            "console",
            lambda said: faults.append(f"console: {said.text}") if said.type in ("error", "warning") else None,
        )
        page.on("pageerror", lambda error: faults.append(f"exception: {error}"))
        page.on("dialog", lambda dialog: (faults.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.goto(address, wait_until="load")
        yield page, faults


def check_page(path: Path) -> None:
    """Fail with all faults of a page and its folds: requests, errors, broken figures, overflow, what axe-core finds."""
    with opened(path) as (page, faults):
        page.evaluate(UNFOLD)
        page.wait_for_function(VIDEOS_READY)
        faults.extend(page.evaluate(FAULTS))
        for width in (PHONE["width"], 1280):
            page.set_viewport_size({"width": width, "height": PHONE["height"]})
            if (beyond := page.evaluate(OVERFLOW)) > 0:
                faults.append(f"{beyond} px wider than a window of {width} px")
        text = page.evaluate("() => document.body.textContent")
        faults.extend(f"a path of this machine: {one}" for one in PRIVATE if one in text)
        if page.locator("a.skip[href='#main']").count() != 1:
            faults.append("no skip link")
        faults.extend(violations(page))
    assert not faults, "\n".join([f"{path.name}:", *faults])


def page_height(path: Path) -> int:
    """Height in px of a page that is 1,280 px wide, with closed folds."""
    with opened(path, viewport={"width": 1280, "height": 900}) as (page, _):
        return int(page.evaluate("() => document.documentElement.scrollHeight"))


def _note_request(url: str, own: str, faults: list[str]) -> None:
    if url.partition("#")[0] != own and not url.startswith(("data:", "blob:")):
        faults.append(f"request: {url[:120]}")
