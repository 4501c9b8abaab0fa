"""Prints an open page to PDF and finds, on pictures of its sheets, what a sheet's edge cuts."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

WHOLE = "tr, figure, caption, summary, h2, h3, h4, .banner"
LEVELS = 31  # of a colour channel that a number may have; the 32nd is the white of paper
NUMBERS = LEVELS**3
# Only squares of a colour of their own are printed: in the first and in the last corner of each element.
MARK = """([selector, levels]) => {
  const style = document.createElement('style');
  style.textContent = `*, *::before, *::after { color: transparent !important; background: none !important;
    border-color: transparent !important; text-decoration: none !important; list-style: none !important;
    print-color-adjust: exact; } img, video, svg { visibility: hidden !important; }`;
  document.head.append(style);
  const digit = (number, place) => 8 * (Math.floor(number / levels ** place) % levels) + 4;
  const colour = number => `rgb(${digit(number, 2)} ${digit(number, 1)} ${digit(number, 0)})`;
  const square = (number, place) => `linear-gradient(${colour(number)} 0 0) ${place} / 6px 6px no-repeat`;
  return [...document.querySelectorAll(selector)].map((element, place) => {
    const name = element.outerHTML.slice(0, 100);
    const corners = `${square(2 * place, '0 0')}, ${square(2 * place + 1, '100% 100%')}`;
    element.style.setProperty('background', corners, 'important');
    return name;
  });
}"""
# What is wider than its place, in a window as wide as a sheet's text.
SHEET_PX = {"width": 672, "height": 900}
BEYOND = """() => [...document.querySelectorAll('th, td, pre, p, figure, .scroll, .film, .gallery')]
  .filter(element => element.checkVisibility() && getComputedStyle(element).position !== 'absolute')
  .filter(element => element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 1)
  .map(element => element.outerHTML.slice(0, 100))"""


def cut_on_paper(page: Any, folder: Path) -> list[str]:
    """What a sheet's edge splits or cuts off. The page must be open with `bypass_csp`; afterwards it is unreadable."""
    page.set_viewport_size(SHEET_PX)
    page.emulate_media(media="print")
    faults = [f"wider than its place: {name}" for name in page.evaluate(BEYOND)]
    shown = page.locator(WHOLE).evaluate_all("all => all.map(element => element.getBoundingClientRect().height > 9)")
    names = page.evaluate(MARK, [WHOLE, LEVELS])
    assert 2 * len(names) < NUMBERS, f"{len(names)} elements are more than there are colours"
    sheets: dict[int, set[int]] = {}
    for number, sheet in enumerate(_sheets(page, folder)):
        for mark in _marks(sheet):
            sheets.setdefault(mark, set()).add(number)
    for place, (name, visible) in enumerate(zip(names, shown, strict=True)):
        first, last = (sheets.get(2 * place + corner, set()) for corner in (0, 1))
        if visible and (first != last or not first):
            faults.append(f"starts on sheets {sorted(first)}, ends on {sorted(last)}: {name}")
    return faults


def _sheets(page: Any, folder: Path) -> Iterator[np.ndarray]:
    """A picture of each sheet, of which a dot is 1/96 inch, as a CSS pixel is."""
    if shutil.which("pdftoppm") is None:
        pytest.skip("no pdftoppm on this machine")
    page.pdf(path=folder / "page.pdf", prefer_css_page_size=True)
    subprocess.run(["pdftoppm", "-r", "96", "-png", folder / "page.pdf", folder / "sheet"], check=True)
    for picture in sorted(folder.glob("sheet-*.png")):
        yield cv2.imread(str(picture))


def _marks(sheet: np.ndarray) -> set[int]:
    """The numbers whose colour fills a square of 3 x 3 dots. Blends with paper, at edges, are thinner."""
    blue, green, red = np.moveaxis(sheet.astype(int) // 8, -1, 0)
    numbers = (red * LEVELS + green) * LEVELS + blue
    numbers[np.maximum(np.maximum(red, green), blue) >= LEVELS] = -1
    rows, columns = numbers.shape[0] - 2, numbers.shape[1] - 2
    shifted = [numbers[row : row + rows, column : column + columns] for row in range(3) for column in range(3)]
    solid = np.logical_and.reduce([each == shifted[0] for each in shifted])
    return set(np.unique(shifted[0][solid])) - {-1}
