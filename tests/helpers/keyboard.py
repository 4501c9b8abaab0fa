"""Walks through an open page by keyboard and compares it with what a mouse reaches."""

from typing import Any

import cv2
import numpy as np

from accessibility import show_in

MOST_STOPS = 1000
FOCUS_DOTS = 100  # that a focus changes at least
# What a mouse can click, by its kind or its cursor, and what a wheel scrolls.
FOR_A_MOUSE = """() => [...document.querySelectorAll('body *')].filter(element => {
  if (!element.checkVisibility() || element.closest('svg')) return false;
  const style = getComputedStyle(element);
  if (element.matches('a[href], button, input, select, textarea, summary, video[controls], [onclick]')) return true;
  if (style.cursor === 'pointer') return !element.closest('a[href], summary, label');
  const scrolls = ['auto', 'scroll'];
  return scrolls.includes(style.overflowX) && element.scrollWidth > element.clientWidth + 1
    || scrolls.includes(style.overflowY) && element.scrollHeight > element.clientHeight + 1;
})"""
NOTE_STOP = """() => {
  window.reached ??= new Set();
  const stop = document.activeElement;
  if (stop === document.body) return null;
  reached.add(stop);
  return stop.matches('details:not([open]) > summary') ? 'fold' : stop.type === 'radio' ? 'choice' : 'stop';
}"""
UNREACHED = f"""() => ({FOR_A_MOUSE})()
  .filter(element => !reached.has(element) && ![...reached].some(stop => element.contains(stop)))
  .concat([...document.querySelectorAll('[title]')])
  .map(element => element.outerHTML.slice(0, 120))"""
SCROLLED = """async element => {
  for (let waited = 0; waited < 5000 && !(element.scrollLeft + element.scrollTop); waited += 100)
    await new Promise(done => setTimeout(done, 100));
  return element.scrollLeft + element.scrollTop;
}"""


def unreachable(page: Any) -> list[str]:
    """What a mouse clicks, scrolls or hovers over and Tab, Enter and arrows do not reach. Opens all folds by Enter."""
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        kind = page.evaluate(NOTE_STOP)
        if kind is None:
            return page.evaluate(UNREACHED)
        if kind == "fold":
            page.keyboard.press("Enter")
            assert page.evaluate("() => document.activeElement.parentElement.open"), "Enter opens a fold"
        if kind == "choice":
            for _ in range(page.locator(":focus").evaluate("choice => document.getElementsByName(choice.name).length")):
                page.keyboard.press("ArrowRight")
                page.evaluate(NOTE_STOP)
    raise AssertionError(f"the page has no end after {MOST_STOPS} stops")


def dead_controls(page: Any) -> list[str]:
    """Controls that the keys of their kind do not move: sliders, boxes, choices, players and areas that scroll."""
    dead = []
    for control, key, state in (
        ("input[type=range]", "ArrowRight", "control => control.value"),
        ("input[type=checkbox]", "Space", "control => control.checked"),
        ("input[type=radio]:checked", "ArrowRight", "choice => choice.checked"),
        ("video", "Space", "video => video.paused"),
    ):
        for place in range(page.locator(control).count()):
            one = page.locator(control).nth(place).element_handle()
            before = one.evaluate(state)
            one.focus()
            page.keyboard.press(key)
            if one.evaluate(state) == before:
                dead.append(one.evaluate("control => control.outerHTML.slice(0, 120)"))
    return dead + _stuck(page)


def _stuck(page: Any) -> list[str]:
    """Areas with a focus of their own that arrows do not scroll."""
    stuck = []
    for area in page.evaluate_handle(FOR_A_MOUSE).get_properties().values():
        if (element := area.as_element()) and element.evaluate("area => area.matches('[tabindex], pre')"):
            element.evaluate("area => { area.scrollTo(0, 0); area.focus(); }")
            for key in ("ArrowRight", "ArrowDown"):
                page.keyboard.press(key)
            if not element.evaluate(SCROLLED):
                stuck.append("does not scroll: " + element.evaluate("area => area.outerHTML.slice(0, 120)"))
    return stuck


def without_visible_focus(page: Any) -> list[str]:
    """One stop of each kind whose picture is the same with and without the focus, in the light or the dark scheme."""
    page.evaluate("() => document.querySelectorAll('video').forEach(video => video.pause())")  # else pictures differ
    page.evaluate("() => scrollTo(0, 0)")
    stops = page.evaluate_handle(
        "() => [...new Map([...reached].map(stop => [stop.tagName + stop.type + stop.className, stop])).values()]"
    )
    unseen = []
    for stop in filter(None, (each.as_element() for each in stops.get_properties().values())):
        for scheme in ("light", "dark"):
            show_in(page, scheme)
            stop.focus()
            focused = _picture(page)
            stop.evaluate("stop => stop.blur()")
            changed = np.any(focused != _picture(page), axis=2).sum()
            if changed < FOCUS_DOTS:
                unseen.append(f"{scheme}: focus not seen: " + stop.evaluate("stop => stop.outerHTML.slice(0, 120)"))
    return unseen


def _picture(page: Any) -> np.ndarray:
    """What the window shows."""
    return cv2.imdecode(np.frombuffer(page.screenshot(), np.uint8), cv2.IMREAD_COLOR)
