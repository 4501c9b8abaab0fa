"""Invented inputs of a small report, as earlier steps would write them, on raw data and on phantoms."""

import json
from pathlib import Path
from typing import Any

import cv2
import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

RULES = {
    "make_phantom": "",
    "check": "make_phantom",
    "convert": "check make_phantom",
    "audit": "convert check",
    "normalise": "convert",
    "train_segmentation": "convert normalise",
    "score_segmentation": "convert train_segmentation",
    "train_ef": "convert normalise",
    "predict_ef": "convert train_ef",
    "score": "score_segmentation predict_ef convert",
    "plot_roc": "predict_ef convert",
    "describe": "score plot_roc audit",
    "scoreboard": "score",
    "rule_graph": "",
    "report": "describe scoreboard check rule_graph",
}
HYPERPARAMETERS = {
    "segmentation": {"width": 1, "weights": "imagenet_backbone", "epochs": 50},
    "ef": {"width": 1, "weights": "kinetics400", "frames": 32, "period": 2, "downsample": 1, "epochs": 45},
}


def settings(data: str = "raw", schedule: str = "published") -> dict[str, Any]:
    """The settings that the steps get for a run of the study `echonet`."""
    return {"data": {"echonet": data}, "schedule": schedule, "parameters": {"echonet": HYPERPARAMETERS}}


def write_metrics(path: Path) -> None:
    """Metrics that reproduce some figures, beat some and miss some; the others are missing."""
    rows = []
    for protocol, level, shift in (("published", 0.9, 0.0), ("sound", 0.95, 0.004)):
        for measure, value in (("dice_overall", 0.9212), ("dice_large", 0.9101), ("dice_small", 0.9402)):
            name = f"segmentation/deeplabv3_resnet50/test/{measure}"
            rows.append(
                (protocol, name, "1", value - shift, value - shift - 0.0014, value - shift + 0.0015, level, 2552)
            )
        for measure, unit, value, half in (
            ("mae", "EF points", 4.06, 0.16),
            ("rmse", "EF points", 5.61, 0.22),
            ("r2", "1", 0.812, 0.019),
            ("auc_50", "1", 0.957, 0.011),
        ):
            name = f"ef/r2plus1d_18/test/all/{measure}"
            rows.append((protocol, name, unit, value + shift, value + shift - half, value + shift + half, level, 1276))
    rows.append(("published", "segmentation/deeplabv3_resnet50/val/loss", "1", 0.0371, np.nan, np.nan, np.nan, 1288))
    columns = ["protocol", "quantity", "unit", "value", "ci_low", "ci_high", "ci_level", "n"]
    pd.DataFrame(rows, columns=columns).to_csv(path, index=False)


def write_figure(svg: Path, csv: Path, title: str) -> None:
    """A figure with text, clipping, a picture and markers, so that its SVG refers to identifiers in every way."""
    rng = np.random.default_rng(0)
    truth = rng.uniform(20, 75, 120)
    table = pd.DataFrame({"ef": truth, "prediction": truth + rng.normal(0, 5, 120)})
    with mpl.rc_context({"svg.hashsalt": "reprise"}):
        figure = Figure(figsize=(5.4, 3.4), layout="constrained")
        axes = figure.subplots()
        axes.scatter(table["ef"], table["prediction"], s=9, alpha=0.6)
        axes.axline((20, 20), slope=1, color="grey", ls="--")
        axes.imshow(rng.uniform(size=(4, 4)), extent=(60, 70, 20, 30), cmap="gray")
        axes.set(title=title, xlabel="Measured EF (%)", ylabel="Predicted EF (%)", xlim=(15, 85), ylim=(15, 85))
        figure.savefig(svg)
    table.to_csv(csv, index=False)


def write_video(path: Path) -> None:
    """A second of H.264 video, 112x112, of a disc that grows and shrinks."""
    import av

    row, column = np.mgrid[:112, :112]
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "30"})
        stream.width, stream.height, stream.pix_fmt = 112, 112, "yuv420p"
        for time in range(25):
            disc = np.hypot(row - 56, column - 56) < 25 + 10 * np.cos(2 * np.pi * time / 25)
            frame = av.VideoFrame.from_ndarray(np.repeat(disc[..., None] * np.uint8(180), 3, axis=2), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def write_quirks(path: Path, hostile: str) -> None:
    """Values of three quirks, in three units."""
    rows = [
        (f"percentile by exponent {hostile}", "beats/test/found", "beats", 210.0, 236.0, -26.0, "issue 27"),
        ("EF from one clip", "ef/r2plus1d_18/test/mae", "EF points", 4.25, 4.06, 0.19, ""),
        ("file order", "segmentation/deeplabv3_resnet50/test/dice_large", "1", 0.9101, 0.9283, -0.0182, ""),
    ]
    columns = ["quirk", "quantity", "unit", "published", "sound", "difference", "note"]
    pd.DataFrame(rows, columns=columns).to_csv(path, index=False)


def below(path: Path) -> str:
    """A file of a study's section as the section names it: relative to where the workflow runs."""
    return path.relative_to(path.parents[2]).as_posix()


def figure_block(folder: Path, name: str, hostile: str) -> dict[str, Any]:
    """A figure's files and its block."""
    svg, csv = folder / f"{name}.svg", folder / f"{name}.csv"
    write_figure(svg, csv, f"{name.title()} {hostile}")
    words = {"title": f"EF, {name} {hostile}", "caption": f"A point a video. {hostile}", "alt": f"Points. {hostile}"}
    return {"kind": "figure", "svg": below(svg), "csv": below(csv), **words}


def table_block(csv: Path, title: str, caption: str) -> dict[str, Any]:
    return {"kind": "table", "title": title, "csv": below(csv), "caption": caption}


def write_picture(path: Path) -> None:
    """A small picture in whatever format the file's ending says."""
    assert cv2.imwrite(str(path), np.full((8, 8), 90, np.uint8))


def gallery_block(folder: Path, hostile: str) -> dict[str, Any]:
    """A gallery of three classes in two groups; the last has no picture."""
    picture = {"image": below(folder / "case.webp"), "alt": f"Case {hostile}", "width": 8, "height": 8}
    classes = [{"name": f"{name} {hostile}", "pictures": [picture | {"caption": name}]} for name in ("First", "Second")]
    groups = [{"name": "Some", "classes": classes}, {"name": "Others", "classes": [{"name": "Third", "pictures": []}]}]
    block = table_block(folder / "quirks.csv", f"Classes {hostile}", "One at a time.")
    return block | {"kind": "gallery", "groups": groups}


def write_section(folder: Path, hostile: str = "") -> None:
    """A section with a block of each kind but slices in its own folder; `hostile` goes into its words."""
    folder.mkdir(parents=True, exist_ok=True)
    write_video(folder / "case.mp4")
    write_picture(folder / "case.webp")
    write_quirks(folder / "quirks.csv", hostile)
    write_metrics(folder / "metrics.csv")
    video = {"mp4": below(folder / "case.mp4"), "alt": f"The ventricle {hostile}", "caption": f"A case {hostile}"}
    blocks = [
        figure_block(folder, "scatter", hostile) | {"part": f"EF {hostile}"},
        figure_block(folder, "agreement", hostile) | {"part": f"EF {hostile}"},
        {"kind": "videos", "title": f"Overlay {hostile}", "caption": f"Area. {hostile}", "videos": [video, video]},
        gallery_block(folder, hostile),
        table_block(folder / "quirks.csv", "What each quirk is worth", f"Both. {hostile}"),
        table_block(folder / "metrics.csv", "All metrics", "Everything computed."),
        {"kind": "text", "title": f"Reading it {hostile}", "text": f"One. {hostile}\n\nTwo."},
    ]
    title = f"EchoNet-Dynamic: ejection fraction from echo videos {hostile}"
    picture = {"image": below(folder / "case.webp"), "alt": f"A ventricle {hostile}"}
    section = {"study": "echonet", "title": title, "picture": picture, "summary": [f"Apical views. {hostile}"]}
    (folder / "section.json").write_text(json.dumps(section | {"blocks": blocks}))


def write_inputs(folder: Path, hostile: str = "") -> None:
    """Everything that the report's step reads, but for the scoreboard."""
    write_section(folder / "echonet", hostile)
    manifest = pd.DataFrame(
        {"path": ["FileList.csv", "Videos/a.avi"], "bytes": [512, 734_003], "sha256": ["0" * 64, "1" * 64]}
    )
    manifest.to_csv(folder / "echonet" / "manifest.csv", index=False)
    pd.DataFrame(RULES.items(), columns=["rule", "needs"]).to_csv(folder / "rules.csv", index=False)
    jobs = []
    header = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"
    for place, rule in enumerate(RULES):
        (folder / "benchmarks" / rule).mkdir(parents=True, exist_ok=True)
        for run in ("a", "b")[: 1 + place % 2]:
            seconds = 3.1 + 17 * place
            row = f"{seconds}\t0:00:03\t{120 + 90 * place}\t1\t1\t1\t0\t0\t90\t{seconds * 0.9:.2f}\n"
            (folder / "benchmarks" / rule / f"{run}.tsv").write_text(header + row)
            jobs.append((rule, f"{folder.name}/benchmarks/{rule}/{run}.tsv"))
    pd.DataFrame(jobs, columns=["rule", "benchmark"]).to_csv(folder / "jobs.csv", index=False)
