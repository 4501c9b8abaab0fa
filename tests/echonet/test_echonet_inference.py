"""Inference: every clip as if it were alone, memory that does not grow, and predictions that a kill does not undo."""

import json
import resource
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from echonet import normalise, predict_ef, score_segmentation, segment_videos
from echonet.learning import ef_prediction
from echonet.learning.clips import n_starts
from echonet.learning.ef_prediction import predict_clips, predict_videos
from echonet.learning.segmentation_masks import segment_frames
from echonet.learning.segmentation_network import segmentation_network
from echonet.learning.video_network import video_network
from reprise.data.store import open_store, write_store
from reprise.inference import network
from reprise.inference.parts import resumed
from reprise.models.weights import load_model, save_model
from reprise.step.errors import InputError
from test_clips import MEAN, STD, plain_clip

CPU = torch.device("cpu")
INFO = {"network": "mc3_18", "width": 0.125, "frames": 4, "period": 2, "normalisation": {"mean": MEAN, "std": STD}}
INFO |= {"settings": {"precision": "bf16", "downsample": 1}}  # on a CPU bf16 is full precision
N_FRAMES = [9, 5, 30, 8]  # the second is padded
MEMORY_BOUND = 300 << 20


class Colour(nn.Module):
    """The mean of a clip, times a weight: a network that a test can follow."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, clips):
        return clips.mean(dim=(1, 2, 3, 4), keepdim=True) * self.weight


@pytest.fixture(scope="module")
def videos():
    random = np.random.default_rng(0)
    return [random.integers(0, 256, (count, 16, 16, 3), dtype=np.uint8) for count in N_FRAMES]


@pytest.fixture(scope="module")
def regression():
    torch.manual_seed(0)
    model = video_network("mc3_18", 0.125)
    nn.init.normal_(model.fc.weight, std=5)
    model(torch.randn(4, 3, 4, 16, 16))
    return model.eval()


@pytest.mark.parametrize("at_a_time", [1, 7, 64])
def test_a_clip_s_prediction_does_not_depend_on_its_batch(videos, regression, monkeypatch, at_a_time):
    monkeypatch.setattr(ef_prediction, "CLIPS_AT_A_TIME", at_a_time)
    starts = [np.arange(n_starts(count, 4, 2)) for count in N_FRAMES]
    offsets = np.cumsum([0, *N_FRAMES[:-1]])
    found = list(predict_videos(regression, INFO, np.concatenate(videos), offsets, N_FRAMES, starts, CPU))
    assert [len(of_video) for of_video in found] == [3, 2, 24, 2]
    for video, of_video, predictions in zip(videos, starts, found, strict=True):
        clips = torch.from_numpy(np.stack([plain_clip(video, start, 4, 2) for start in of_video]))
        with torch.inference_mode():
            assert np.allclose(predictions, regression(clips)[:, 0].numpy(), rtol=1e-4, atol=1e-4)
    assert np.ptp(found[2]) > 0.01  # the network tells clips apart


def test_some_starts_give_what_all_give_there(videos, regression):
    every = predict_clips(regression, INFO, videos[2], np.arange(24), CPU)
    some = predict_clips(regression, INFO, videos[2], np.array([0, 17, 5]), CPU)
    assert np.allclose(some, every[[0, 17, 5]], atol=1e-4)
    assert len(predict_clips(regression, INFO, videos[2], np.array([], int), CPU)) == 0


def test_all_clips_of_a_long_video_stay_within_the_memory_bound():
    frames = np.random.default_rng(0).integers(0, 256, (1000, 112, 112, 1), dtype=np.uint8)
    info = INFO | {"frames": 32, "normalisation": {"mean": [32.0], "std": [50.0]}}
    model = Colour().eval()
    predict_clips(model, info, frames[:64], np.arange(2), CPU)
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here on
    before = resident_bytes("VmRSS")
    found = predict_clips(model, info, frames, np.arange(938), CPU)
    assert resident_bytes("VmHWM") - before < MEMORY_BOUND
    expected = (frames[:63:2].mean() - 32) / 50
    assert found[0] == pytest.approx(expected, abs=1e-4)
    assert len(found) == 938


def resident_bytes(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def test_too_little_gpu_memory_halves_the_batch_and_ends_in_one_message(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (5 << 20, 0))
    sizes = []

    def compute(chunk, most=3):
        sizes.append(chunk.stop - chunk.start)
        if sizes[-1] > most:
            raise torch.cuda.OutOfMemoryError
        return torch.arange(chunk.start, chunk.stop)

    found = torch.cat(list(network.in_batches(8, 8, compute, CPU)))
    assert found.tolist() == list(range(8))
    assert sizes == [8, 4, 2, 2, 2, 2]
    with pytest.raises(InputError, match=r"5 MB free.*too small for one input"):
        list(network.in_batches(8, 8, lambda chunk: compute(chunk, most=0), CPU))


def test_masks_are_the_network_s():
    torch.manual_seed(0)
    model = segmentation_network("lraspp_mobilenet_v3_large", 0.125)
    model(torch.randn(4, 3, 32, 32))
    frames = np.random.default_rng(0).integers(0, 256, (70, 32, 32, 3), dtype=np.uint8)
    masks = segment_frames(model.eval(), INFO, frames, CPU)
    images = (torch.from_numpy(frames).float() - torch.tensor(MEAN)) / torch.tensor(STD)
    with torch.inference_mode():
        logits = model(images.movedim(-1, 1))["out"][:, 0]
    assert masks.shape == (70, 32, 32)
    assert 0 < masks.mean() < 1
    assert ((logits.numpy() > 0) == masks)[np.abs(logits.numpy()) > 1e-4].all()


def test_a_killed_prediction_goes_on_where_it_stopped(tmp_path):
    cases = ["a", "b", "c", "d"]
    results = {case: {"x": np.arange(k, dtype=np.float64) / 3} for k, case in enumerate(cases)}
    asked = []

    def compute(todo, stop_at=None):
        for case in todo:
            if case == stop_at:
                raise KeyboardInterrupt
            asked.append(case)
            yield results[case]

    with pytest.raises(KeyboardInterrupt):
        resumed(tmp_path, ["weights"], cases, lambda todo: compute(todo, "c"))
    (file,) = tmp_path.glob("*.jsonl")
    whole = file.read_bytes()
    torn = [whole[:-1], whole[: len(whole) - 30], whole + b'["c", "UEs', whole + b"\0" * 50, whole + b"[3]\n"]
    for content, todo in zip(torn, ["bcd", "bcd", "cd", "cd", "cd"], strict=True):
        file.write_bytes(content)
        asked.clear()
        parts = resumed(tmp_path, ["weights"], cases, compute)
        assert "".join(asked) == todo
        for case, part in zip(cases, parts, strict=True):
            assert np.array_equal(part["x"], results[case]["x"])
        asked.clear()
        resumed(tmp_path, ["weights"], cases, compute)
        assert not asked
    resumed(tmp_path, ["other weights"], cases, compute)
    assert asked == cases
    assert not file.exists()


def test_a_checkpoint_with_a_changed_character_is_made_anew(tmp_path, real_data, capfd):
    """Of a line from outside, and of each character of a line of our own."""
    expected = {"x": np.arange(3.0)}
    kept = resumed(tmp_path, ["weights"], ["a"], lambda todo: [expected for _ in todo])
    (file,) = tmp_path.glob("*.jsonl")
    whole = file.read_bytes()
    changed = [(real_data / "cases/hostile/checkpoint_one_character_changed.jsonl").read_bytes()]
    changed += [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in range(0, len(whole), 7)]
    for content in changed:
        file.write_bytes(content)
        kept = resumed(tmp_path, ["weights"], ["a"], lambda todo: [expected for _ in todo])
        assert np.array_equal(kept[0]["x"], expected["x"])
        assert file.read_bytes() == whole
    assert capfd.readouterr().err.count(f"{file}: line 1 is damaged") == len(changed)


@pytest.fixture
def study(tmp_path):
    """A store of four videos of 112x112, weights of both networks, and what the steps need besides."""
    count = 8
    random = np.random.default_rng(1)
    splits = ["train", "val", "test", "test"]
    cases = pd.DataFrame({"case": list("abcd"), "patient": list("abcd"), "split": splits, "frames": count})
    cases = cases.assign(offset=np.arange(4) * count, traced=range(4), tracing_ok=True, order_ok=[True, False] * 2)
    arrays = {
        "frames": random.integers(0, 256, (4 * count, 112, 112, 1), dtype=np.uint8),
        "traced_frames": random.integers(0, 256, (4, 2, 112, 112, 1), dtype=np.uint8),
        "traced_masks": random.integers(0, 2, (4, 2, 112, 112), dtype=np.uint8),
    }
    write_store(tmp_path / "store", cases, arrays)
    torch.manual_seed(0)
    info = INFO | {"normalisation": {"mean": [127.0], "std": [70.0]}}
    for kind, build, name in (
        ("ef", video_network, "mc3_18"),
        ("segmentation", segmentation_network, "lraspp_mobilenet_v3_large"),
    ):
        model = build(name, 0.125)
        model(torch.randn(2, 3, 4, 112, 112) if kind == "ef" else torch.randn(2, 3, 112, 112))
        save_model(tmp_path / f"{kind}.safetensors", model, info | {"kind": kind, "network": name})
    return tmp_path, cases, arrays


def call(step, folder, *options, **paths):
    files = [part for name, file in paths.items() for part in (f"--{name.replace('_', '-')}", str(folder / file))]
    step.main(step.arguments().parse_args(["--store", str(folder / "store"), *options, *files]))


def test_a_full_disk_is_told_and_what_is_there_is_kept(tmp_path: Path) -> None:
    def compute(todo: list[str]) -> list[dict[str, np.ndarray]]:
        return [{"x": np.random.default_rng(0).integers(0, 9, 10 if case == "a" else 9000)} for case in todo]

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
    try:
        with pytest.raises(InputError, match=f"^{tmp_path}: File too large; the results before are kept"):
            resumed(tmp_path, 1, ["a", "b"], compute)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    asked: list[str] = []
    resumed(tmp_path, 1, ["a", "b"], lambda todo: compute([asked.append(case) or case for case in todo]))
    assert asked == ["b"]


def test_segmentation_steps_write_tables_that_agree(study):
    folder, *_ = study
    outputs = {"overlap": "overlap.csv", "val_dice": "val.csv", "test_dice": "test.csv"}
    call(score_segmentation, folder, weights="segmentation.safetensors", **outputs)
    overlaps = pd.read_csv(folder / "overlap.csv")
    assert overlaps.columns.tolist() == ["case", "split", "image", "intersection", "union", "tracing_ok", "order_ok"]
    assert overlaps["case"].tolist() == list("bbccdd")
    assert overlaps["image"].tolist() == ["large", "small"] * 3
    store = open_store(folder / "store")
    traced = [store.arrays[name][store.cases["traced"].iloc[-1]] for name in ("traced_frames", "traced_masks")]
    model, info = load_model(folder / "segmentation.safetensors", CPU, "segmentation", segmentation_network)
    found, true = segment_frames(model, info, traced[0], CPU), traced[1] > 0
    pixels = [[int((mask & truth).sum()), int((mask | truth).sum())] for mask, truth in zip(found, true, strict=True)]
    assert overlaps.loc[4:5, ["intersection", "union"]].to_numpy().tolist() == pixels
    lines = (folder / "test.csv").read_text().splitlines()
    assert lines[0] == "Filename, Overall, Large, Small"
    name, overall, large, _ = lines[1].split(",")
    inner, outer = overlaps.loc[2:3, "intersection"], overlaps.loc[2:3, "union"]
    assert name == "c.avi"
    assert float(large) == pytest.approx(2 * inner[2] / (inner[2] + outer[2]))
    assert float(overall) == pytest.approx(2 * inner.sum() / (inner.sum() + outer.sum()))

    call(segment_videos, folder, weights="segmentation.safetensors", checkpoints="parts", areas="a.csv", masks="m.npy")
    areas, masks = pd.read_csv(folder / "a.csv"), np.load(folder / "m.npy")
    assert areas["case"].tolist() == ["c"] * 8 + ["d"] * 8
    assert areas["frame"].tolist() == [*range(8)] * 2
    assert masks.shape == (16, 112, 14)
    assert np.unpackbits(masks, axis=-1).sum(axis=(1, 2)).tolist() == areas["area"].tolist()


def test_beats_mode_predicts_the_clips_that_beats_need_as_all_clips_does(study):
    folder, *_ = study
    size = pd.DataFrame({"Filename": ["c.avi"] * 8 + ["d.avi"] * 8, "Frame": [*range(8)] * 2, "ComputerSmall": 0})
    size.loc[[3, 15], "ComputerSmall"] = 1
    size.to_csv(folder / "size.csv", index=False)
    options = ["--split", "test", "--settings", '{"lead_frames": 2}', "--clips"]
    files = {"weights": "ef.safetensors", "checkpoints": "parts"}
    call(predict_ef, folder, *options, "all", "--size", "--size-sound", predictions="all.csv", **files)
    sizes = {"size": "size.csv", "size_sound": "size.csv"}
    call(predict_ef, folder, *options, "beats", predictions="beats.csv", **sizes, **files)
    every, beats = ((folder / name).read_text().splitlines() for name in ("all.csv", "beats.csv"))
    assert [line.rsplit(",", 1)[0] for line in every] == ["c.avi,0", "c.avi,1", "d.avi,0", "d.avi,1"]
    assert [line.rsplit(",", 1)[0] for line in beats] == ["c.avi,0", "c.avi,1", "d.avi,0", "d.avi,1"]
    assert [float(line.split(",")[2]) for line in beats] == pytest.approx(
        [float(x.split(",")[2]) for x in every], abs=2e-4
    )
    size.iloc[:-1].to_csv(folder / "size.csv", index=False)
    with pytest.raises(InputError, match="expected a row for each of d's 8 frames, found 7"):
        call(predict_ef, folder, *options, "beats", predictions="beats.csv", **sizes, **files)
    with pytest.raises(InputError, match="expected --size and --size-sound"):
        call(predict_ef, folder, *options, "beats", predictions="beats.csv", **files)


def test_normalisation_is_that_of_the_training_videos(study):
    folder, _, arrays = study
    settings = ["--settings", json.dumps({"videos": 128, "frames": 4, "period": 2, "seed": 0})]
    call(normalise, folder, *settings, output="n.json")
    found = json.loads((folder / "n.json").read_text())
    clips = [arrays["frames"][start : start + 7 : 2].astype(float) for start in (0, 1)]
    assert [found["mean"][0], found["std"][0]] in [pytest.approx([clip.mean(), clip.std()]) for clip in clips]
    assert found["videos"] == 1
