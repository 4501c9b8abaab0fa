"""Files of weights: they come back as written, damage gives one message, and downloads are checked."""

import hashlib
import json
import math
import os
import re
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import safetensors.torch
import torch

from acdc.learning.networks import ENCODER
from echonet.learning.segmentation_network import WEIGHTS, torchvision
from echonet.learning.video_network import NETWORKS, video_network
from reprise.data import web_file
from reprise.models.download import fetch_weights
from reprise.models.initial import read_state_dict
from reprise.models.known_weights import SHA256
from reprise.models.weights import load_model, read_info, save_model
from reprise.step.errors import InputError
from weights import fetch as step

CPU = torch.device("cpu")
INFO = {"kind": "ef", "network": "mc3_18", "width": 0.125, "frames": 32, "period": 2, "epoch": 7}
INFO |= {"normalisation": {"mean": [1.5], "std": [2.0]}, "settings": {"precision": "fp32"}}


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(1)
    model = video_network("mc3_18", 0.125)
    model(torch.randn(2, 3, 2, 32, 32))  # moves the running statistics
    return model.eval()


@pytest.fixture
def saved(tmp_path, model):
    save_model(tmp_path / "mc3.safetensors", model, INFO)
    return tmp_path / "mc3.safetensors"


def test_a_network_comes_back_with_its_info(saved, model):
    loaded, info = load_model(saved, CPU, "ef", video_network)
    clip = torch.randn(1, 3, 2, 32, 32)
    assert info == INFO
    assert not loaded.training
    assert torch.allclose(loaded(clip), model(clip), atol=1e-5)
    assert loaded.state_dict().keys() == model.state_dict().keys()
    header = saved.read_bytes()
    assert json.loads(json.loads(header[8 : 8 + int.from_bytes(header[:8], "little")])["__metadata__"]["model"]) == INFO


def test_same_weights_same_bytes_and_no_trace_of_wrappers(saved, model, tmp_path):
    save_model(tmp_path / "wrapped.safetensors", torch.nn.DataParallel(model), INFO)
    assert (tmp_path / "wrapped.safetensors").read_bytes() == saved.read_bytes()


def test_loading_leaves_the_random_numbers_alone(saved):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    load_model(saved, CPU, "ef", video_network)
    assert torch.rand(1) == expected


@pytest.mark.parametrize("keep", [0, 7, 200, 9000, -1])
def test_a_truncated_file_is_one_message(saved, keep):
    saved.write_bytes(saved.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"mc3\.safetensors: not a readable"):
        load_model(saved, CPU, "ef", video_network)


def test_wrong_weights_are_one_message(saved, model, tmp_path):
    with pytest.raises(InputError, match="expected weights of kind segmentation, found ef"):
        load_model(saved, CPU, "segmentation", video_network)
    save_model(saved, model, INFO | {"network": "r3d_18"})
    with pytest.raises(InputError, match="weights of another network than r3d_18"):
        load_model(saved, CPU, "ef", video_network)
    save_model(saved, model, INFO | {"width": 0.25})
    with pytest.raises(InputError, match="size mismatch"):
        load_model(saved, CPU, "ef", video_network)
    save_model(saved, model, {"kind": "ef"})
    with pytest.raises(InputError, match="no network, width, normalisation, settings in its header"):
        read_info(saved)
    with pytest.raises(InputError, match="not a readable safetensors file"):
        load_model(tmp_path / "absent.safetensors", CPU, "ef", video_network)


def test_values_that_are_not_finite_are_refused(saved, model):
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    state["fc.weight"][0, 3] = torch.inf
    safetensors.torch.save_file(state, saved, {"model": json.dumps(INFO)})
    with pytest.raises(InputError, match=r"not finite, such as fc\.weight"):
        load_model(saved, CPU, "ef", video_network)


@pytest.fixture
def server(model, tmp_path_factory, monkeypatch):
    """A server on this machine: a good file with several names, one that breaks off, one that is no file of weights.

    Its URL, the SHA-256 of the good file, and the path of that file.
    """
    monkeypatch.setattr(web_file, "PAUSE_S", 0)
    path = tmp_path_factory.mktemp("server") / "mc3.pth"
    torch.save(model.state_dict(), path)
    good = path.read_bytes()
    digest = hashlib.sha256(good).hexdigest()
    content = {"/mc3.pth": good, f"/mc3-{digest[:8]}.pth": good, "/mc3-00000000.pth": good, "/page.pth": b"<html>"}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            torn = self.path == "/torn.pth"
            body = good if torn else content.get(self.path.partition("?")[0])
            self.send_response(200 if body else 404)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write((body or b"")[: 3000 if torn else None])

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}", digest, path
        http.shutdown()


def test_good_downloads_and_copies_arrive(server, tmp_path, model):
    url, digest, path = server
    sources = [(f"{url}/mc3.pth#sha256={digest.upper()}", None), (f"{url}/mc3.pth?key=1#sha256={digest[:8]}", None)]
    sources += [(f"{url}/mc3.pth", digest), (f"{url}/mc3-{digest[:8]}.pth", None)]
    for source, sha256 in [*sources, (str(path), digest[:12])]:
        target = tmp_path / "weights" / "here.pth"
        fetch_weights(source, target, sha256)
        assert torch.equal(read_state_dict(target)["fc.weight"], model.state_dict()["fc.weight"])
        target.unlink()


@pytest.mark.parametrize(
    ("name", "sha256", "message"),
    [
        ("mc3-00000000.pth", None, "expected SHA-256 00000000, found"),
        ("mc3.pth", "beef", "expected SHA-256 beef, found"),
        ("absent.pth", "beef", "cannot be downloaded .*404"),
        ("torn.pth", "beef", "broke off after 3000 of"),
        ("page.pth", hashlib.sha256(b"<html>").hexdigest(), "not a readable file of weights"),
        ("mc3.pth", None, "expected its SHA-256 behind the URL, such as http://.*/mc3.pth#sha256=DIGITS; none is in"),
        ("mc3.pth#sha256=00000000", None, "expected SHA-256 00000000, found"),
        ("mc3.pth#sha256=beef", None, "expected 8 to 64 hexadecimal digits behind #sha256="),
        ("mc3.pth#sha256=", None, "expected 8 to 64 hexadecimal digits behind #sha256="),
        ("mc3.pth#key", None, "expected its SHA-256 behind the URL"),
    ],
)
def test_bad_downloads_leave_nothing(server, tmp_path, name, sha256, message):
    with pytest.raises(InputError, match=message) as caught:
        fetch_weights(f"{server[0]}/{name}", tmp_path / "weights.pth", sha256)
    assert str(caught.value).startswith(f"{server[0]}/{name.partition('#')[0]}: ")
    assert not list(tmp_path.iterdir())


def test_no_server_and_no_file_are_one_message(tmp_path):
    with pytest.raises(InputError, match="cannot be downloaded"):
        fetch_weights("http://127.0.0.1:9/weights.pth", tmp_path / "weights.pth", "beef")
    with pytest.raises(InputError, match=r"absent\.pth: no such file"):
        fetch_weights(str(tmp_path / "absent.pth"), tmp_path / "weights.pth")
    assert not list(tmp_path.iterdir())


def test_the_whole_digest_of_all_weights_by_name_is_known(tmp_path, model) -> None:
    networks = torchvision.models.list_models(module=torchvision.models.segmentation)
    names = [f"{weights}/{network}" for network in networks for weights in WEIGHTS[1:]]
    names += [f"kinetics400/{network}" for network in NETWORKS] + [f"imagenet/{ENCODER}"]
    files = {step.torchvision_url(name).rpartition("/")[2] for name in names}
    assert files == SHA256.keys()
    for file, sha256 in SHA256.items():
        assert re.fullmatch("[0-9a-f]{64}", sha256) and sha256.startswith(file.rpartition("-")[2].removesuffix(".pth"))
    torch.save(model.state_dict(), tmp_path / min(files))
    with pytest.raises(InputError, match=f"expected SHA-256 {SHA256[min(files)]}, found"):
        fetch_weights(str(tmp_path / min(files)), tmp_path / "got.pth")


def test_torchvision_is_asked_where_its_weights_are() -> None:
    for name, file in {
        "kinetics400/r2plus1d_18": "r2plus1d_18-91a641e6.pth",
        "coco/deeplabv3_resnet50": "deeplabv3_resnet50_coco-cd0a2569.pth",
        "imagenet_backbone/deeplabv3_resnet50": "resnet50-0676ba61.pth",
        "imagenet1k/densenet121": "densenet121-a639ec97.pth",
    }.items():
        assert step.torchvision_url(name).endswith(f"/{file}")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("coco/r3d_18", "coco/r3d_18: torchvision has no such weights; it has kinetics400_v1"),
        ("imagenet_backbone/r3d_18", "torchvision has no such weights; it has none"),
        ("/r3d_18", "torchvision has no such weights"),
        ("imagenet/timm_network", "timm_network: unknown to torchvision; config.yaml can name a file or URL"),
        ("coco", "expected <weights>/<network>, found coco"),
    ],
)
def test_the_step_names_what_it_does_not_know(tmp_path, name, message):
    args = step.arguments().parse_args(["--name", name, "--output", str(tmp_path / "weights.pth")])
    with pytest.raises(InputError, match=message):
        step.main(args)


def test_a_network_that_torchvision_lacks_comes_from_any_url(server, tmp_path):
    url, digest, path = server
    words = ["--name", "own/timm_network", "--source", f"{url}/mc3-{digest[:8]}.pth", "--output", f"{tmp_path}/w.pth"]
    step.main(step.arguments().parse_args(words))
    assert (tmp_path / "w.pth").read_bytes() == path.read_bytes()


HOSTILE = ["damaged_1-2", "damaged_1-273", "damaged_1-4", "intkey", "meta", "sparse", "stride0_3G"]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_weights_are_one_line_each(real_data, name):
    path = real_data / f"cases/hostile/{name}.pth"
    with pytest.raises(InputError, match=rf"{name}\.pth: ") as caught:
        read_state_dict(path)
    assert len(str(caught.value).splitlines()) == 1


def test_arrays_that_no_network_can_take_are_refused(tmp_path):
    quantised = torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8)
    arrays = [torch.ones(1).expand(2**40), quantised, torch.ones(2).to_sparse(), torch.ones(2, dtype=torch.complex64)]
    for array in [*arrays, torch.empty(2, device="meta")]:
        torch.save({"a": array}, tmp_path / "odd.pth")
        with pytest.raises(InputError, match=r"odd\.pth: 1 of its arrays .*, such as a$"):
            read_state_dict(tmp_path / "odd.pth")


def test_compressed_and_oversized_weights_are_refused_unread(tmp_path):
    torch.save({"a": torch.zeros(1000)}, tmp_path / "stored.pth")
    with zipfile.ZipFile(tmp_path / "stored.pth") as stored, zipfile.ZipFile(tmp_path / "packed.pth", "w", 8) as packed:
        for member in stored.namelist():
            packed.writestr(member, stored.read(member))
    with pytest.raises(InputError, match=r"packed\.pth: .*its content is compressed"):
        read_state_dict(tmp_path / "packed.pth")
    with (tmp_path / "endless.pth").open("wb") as stream:
        stream.truncate(2**40)
    with pytest.raises(InputError, match=r"endless\.pth: expected weights of at most 512 MB"):
        read_state_dict(tmp_path / "endless.pth")
    os.mkfifo(tmp_path / "pipe.pth")
    with pytest.raises(InputError, match=r"pipe\.pth: .*not a regular file"):
        read_state_dict(tmp_path / "pipe.pth")


@pytest.mark.parametrize(
    ("name", "value"),
    [("width", math.nan), ("width", 10**9), ("width", True), ("frames", 10**9), ("period", 0), ("frames", 32.0)]
    + [("normalisation", {"mean": [1.0], "std": math.inf}), ("normalisation", {"mean": "1", "std": 2.0})]
    + [("settings", {"precision": "fp1"}), ("settings", {"precision": "fp32", "downsample": -1}), ("size", [10**6, 5])]
    + [("settings", {"arguments": value}) for value in ({"depth": 10**6}, {"name": "x"}, {"depths": [2, [3]]}, 7)]
    + [("settings", {"resize": 0}), ("task", 5)],
)
def test_info_that_prediction_cannot_use_is_refused(saved, model, name, value):
    save_model(saved, model, INFO | {name: value})
    with pytest.raises(InputError, match=rf"not weights of this pipeline: no {name}[a-z.]* in its header"):
        load_model(saved, CPU, "ef", video_network)


def test_downloads_have_limits_and_show_no_secret(server, tmp_path, monkeypatch, capfd):
    url, digest, _ = server
    with pytest.raises(InputError) as caught:
        fetch_weights(url.replace("//", "//me:secret@") + "/mc3.pth", tmp_path / "weights.pth")
    with pytest.raises(InputError) as keyed:
        fetch_weights(f"{url}/absent.pth?key=secret", tmp_path / "weights.pth", digest)
    with pytest.raises(InputError) as unchecked:
        fetch_weights(f"{url}/mc3.pth?key=secret#secret", tmp_path / "weights.pth")
    fetch_weights(f"{url}/mc3.pth", tmp_path / "weights.pth", digest)
    assert "secret" not in f"{caught.value}{keyed.value}{unchecked.value}{capfd.readouterr()}"
    limits = {
        "models.download.LARGEST_BYTES": (1000, "at most 0 MB, found"),
        "data.web_file.LONGEST_S": (-1, "took more"),
    }
    for name, (limit, message) in limits.items():
        with monkeypatch.context() as patched, pytest.raises(InputError, match=message):
            patched.setattr(f"reprise.{name}", limit)
            fetch_weights(f"{url}/mc3.pth", tmp_path / "other.pth", digest)
    assert [path.name for path in tmp_path.iterdir()] == ["weights.pth"]
