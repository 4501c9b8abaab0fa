"""The page itself, by Gradio: for each study a tab, in it an upload, and below it a tab for each of its networks."""

import base64
import html
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
import pandas as pd
from uploads import files_of, forget, take

from reprise.report.tab import Answer, Tab, View
from reprise.step.command import say
from reprise.step.errors import InputError

RESEARCH_ONLY = "**Research only.** This is no medical device. Its numbers must not be used for diagnosis or treatment."
KEPT_SECONDS = 900  # answers, which are in memory, and uploads that nobody asked about
FONTS = {"font": ["system-ui", "sans-serif"], "font_mono": ["ui-monospace", "monospace"]}  # none from elsewhere
TYPES = {".png": "image/png", ".gz": "application/gzip"}


def build_page(tabs: Sequence[Tab], folder: Path) -> gr.Blocks:
    """The page. Uploads lie in private folders below `folder` until they are answered; answers are only in memory."""
    with gr.Blocks(analytics_enabled=False, title="Reprise: try the networks", delete_cache=(60, KEPT_SECONDS)) as page:
        gr.Markdown(f"# Try the networks\n\n{RESEARCH_ONLY}")
        for tab in tabs:
            with gr.Tab(tab.title):
                _draw(tab, folder)
    return page


def _draw(tab: Tab, folder: Path) -> None:
    gr.Markdown(tab.text)
    files = gr.File(file_count="multiple", label="Files to segment")
    files.preprocess = _paths  # type: ignore[method-assign]  # Gradio's own leaves an empty file for each upload
    button = gr.Button("Segment", variant="primary", interactive=False)
    said = gr.HTML()
    upload = gr.State(None, time_to_live=KEPT_SECONDS, delete_callback=forget)
    answer = gr.State(None, time_to_live=KEPT_SECONDS)
    frame = gr.Slider(1, 2, 1, step=1, label="Frame", visible=False)
    at = gr.Slider(1, 2, 1, step=1, label="Slice", visible=False)
    gr.HTML(_legend(tab))
    pictures, others = [], []
    for name in tab.views:
        with gr.Tab(name), gr.Row():
            pictures.append(gr.HTML(elem_id=f"{tab.title}-picture-{name}"))
            others.append(gr.HTML(elem_id=f"{tab.title}-values-{name}"))
    gr.HTML(_table(tab.networks, "Networks"))
    files.upload(partial(_receive, folder), [files, upload], [upload, said, button])
    moved, show = [at, frame], partial(_show, len(tab.views))
    button.click(partial(_respond, tab), upload, [answer, upload, files, said, button, frame, at, *others]).then(
        show, [answer, *moved], pictures, show_progress="hidden"
    )
    for slider in moved:
        slider.change(show, [answer, *moved], pictures, show_progress="hidden", trigger_mode="always_last")


def _paths(payload: Any) -> list[str]:
    """The paths of uploaded files."""
    return [file.path for file in payload.root]


def _receive(folder: Path, paths: list[str], before: Path | None) -> tuple[Any, ...]:
    """Take what was uploaded in the place of what was uploaded before."""
    forget(before)
    try:
        private = take(paths, folder)
    except InputError as error:
        return None, _line(str(error)), gr.Button(interactive=False)
    count = f"{len(paths)} files are" if len(paths) > 1 else "1 file is"
    return private, f"<p>{count} here, and will be deleted after the answer.</p>", gr.Button(interactive=True)


def _respond(tab: Tab, upload: Path | None) -> tuple[Any, ...]:
    """Answer to what was uploaded, and delete it."""
    hidden = gr.Slider(visible=False)
    rest = (gr.Button(interactive=False), hidden, hidden, *["" for _ in tab.views])
    if upload is None or not upload.is_dir():
        return None, None, None, _line("upload a file first"), *rest
    try:
        answer = tab.answer(files_of(upload))
    except InputError as error:
        line = " ".join(str(error).split()).replace(f"{upload}/", "")
        say(f"{tab.title}: {line}")
        return None, None, None, _line(line), *rest
    finally:
        forget(upload)
    notes = "".join(f"<li>{html.escape(note)}</li>" for note in answer.notes)
    done = f"<p>Done; the upload is deleted. Research only.</p><ul>{notes}</ul>"
    sliders = (_slider(answer.frames, 1), _slider(answer.slices, answer.first + 1))
    views = [_values(answer.views[name]) for name in tab.views]
    return answer, None, None, done, gr.Button(interactive=False), *sliders, *views


def _show(views: int, answer: Answer | None, at: int, frame: int) -> list[str]:
    """The pictures of all views, as many as `views`."""
    if answer is None:
        return [""] * views
    return [_picture(name, view, int(frame), int(at)) for name, view in answer.views.items()]


def _picture(name: str, view: View, frame: int, at: int) -> str:
    place = f"frame {frame}, slice {at}"
    picture, mask = view.picture(frame - 1, at - 1), view.mask(frame - 1, at - 1)
    alt = html.escape(f"{place}, with what {name} found in colour")
    return f'<img alt="{alt}" src="{_uri(".png", picture)}"><p>{_link("mask.png", mask)} ({place})</p>'


def _values(view: View) -> str:
    links = "".join(f"<p>{_link(name, content)}</p>" for name, content in view.files.items())
    return _table(view.table, "What was found") + links


def _slider(count: int, value: int) -> Any:
    return gr.Slider(minimum=1, maximum=max(count, 2), value=value, visible=count > 1)


def _link(name: str, content: bytes) -> str:
    """A download whose content is in the page itself, so that no file is written for it."""
    return f'<a download="{name}" href="{_uri(Path(name).suffix, content)}">Download {name}</a>'


def _uri(ending: str, content: bytes) -> str:
    return f"data:{TYPES[ending]};base64,{base64.b64encode(content).decode()}"


def _line(text: str) -> str:
    return f'<p role="alert">{html.escape(text)}</p>'


def _table(table: pd.DataFrame, caption: str) -> str:
    body = table.to_html(index=False, border=0)
    return body.replace("<thead>", f"<caption>{html.escape(caption)}</caption><thead>", 1)


def _legend(tab: Tab) -> str:
    marks = [
        f'<span style="border-left: 1em solid {colour}; padding: 0 1.5em 0 0.4em">{html.escape(what)}</span>'
        for what, colour in tab.legend.items()
    ]
    return f"<p>{''.join(marks)}</p>"
