"""The FC-DenseNets: published sizes, every block and the whole against plain functions, fresh weights."""

import copy

import pytest
import torch

import fc_densenet_reference as reference
from fc_densenet_reference import settled
from mslesion.learning.conv_lstm import ConvLSTM
from mslesion.learning.dense_blocks import DenseBlock, DenseLayer, TransitionDown, TransitionUp
from mslesion.learning.fc_densenet import NAMES, NETWORKS, VARIANTS, fc_densenet
from mslesion.learning.squeeze_attention import SqueezeAttention
from reprise.step.errors import InputError

PARAMETERS = {
    "fc_densenet67": 13_501_982,
    "fc_densenet67_plain": 2_054_702,
    "fc_densenet67_no_attention": 2_313_902,
    "fc_densenet67_no_lstm": 13_242_782,
    "fc_densenet67_bidirectional": 13_437_182,
}


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def evaluated(module):
    """A module in evaluation mode whose normalisations have statistics and scales of their own."""
    for layer in module.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            for values, low, high in ((layer.running_mean, -1, 1), (layer.running_var, 0.5, 2), (layer.weight, 0.5, 2)):
                torch.nn.init.uniform_(values, low, high)
            torch.nn.init.uniform_(layer.bias, -0.5, 0.5)
    return module.eval().requires_grad_(False)


def same(found, expected, tolerance=1e-5):
    return found.shape == expected.shape and torch.allclose(found, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", PARAMETERS)
def test_published_numbers_of_parameters(name):
    with torch.device("meta"):
        assert sum(parameter.numel() for parameter in fc_densenet(name).parameters()) == PARAMETERS[name]


@pytest.mark.parametrize("name", NETWORKS)
def test_plain_networks_have_the_parameters_of_their_layer_tables(name):
    layers, growth, classes = NETWORKS[name], 12, 2

    def dense(width, count):
        return sum(2 * c + 9 * c * growth + growth for c in range(width, width + count * growth, growth))

    width, total, skips = layers.first, 28 * layers.first, []
    for count in layers.down:
        total += dense(width, count)
        width += count * growth
        skips.append(width)
        total += 2 * width + width * width + width
    total, below = total + dense(width, layers.bottleneck), layers.bottleneck * growth
    for count in layers.up:
        total += 9 * below * below + below
        width = below + skips.pop()
        total, below = total + dense(width, count), count * growth
    total += (width + below) * classes + classes
    with torch.device("meta"):
        assert sum(parameter.numel() for parameter in fc_densenet(f"{name}_plain").parameters()) == total


def test_dense_layer_and_blocks_are_those_of_the_definition():
    x = torch.randn(2, 5, 6, 8)
    layer, keeping, new = (
        evaluated(m) for m in (DenseLayer(5, 3), DenseBlock(5, 3, 4, True), DenseBlock(5, 3, 4, False))
    )
    assert same(layer(x.clone()), reference.dense_layer(x, layer.state_dict()))
    assert same(keeping(x), reference.dense_block(x, keeping.state_dict(), keep_input=True))
    assert same(new(x), reference.dense_block(x, new.state_dict(), keep_input=False))
    assert torch.equal(keeping(x)[:, :5], x) and (keeping.channels, new.channels) == (17, 12)


def test_transitions_are_those_of_the_definition():
    x, skip = torch.randn(2, 5, 6, 4), torch.randn(2, 3, 12, 8)
    down, up = evaluated(TransitionDown(5)), evaluated(TransitionUp(5))
    assert same(down(x.clone()), reference.transition_down(x, down.state_dict()))
    assert same(up(x, skip), reference.transition_up(x, skip, up.state_dict()))


def test_squeeze_attention_is_that_of_the_definition():
    x, block = torch.randn(2, 4, 6, 10), evaluated(SqueezeAttention(4))
    found = block(x)
    assert same(found, reference.squeeze_attention(x, block.state_dict()))
    assert found.min() >= 0


def test_attention_alone_passes_where_the_main_path_is_zero():
    block = SqueezeAttention(1).eval().requires_grad_(False)
    for layer in block.modules():
        if isinstance(layer, torch.nn.Conv2d):
            torch.nn.init.dirac_(layer.weight)
            layer.bias.zero_()
    block.main[3].weight.zero_()
    found = block(torch.tensor([[[[1.0, 3, -8, 0], [5, 7, 0, 0]]]]))
    assert torch.allclose(found, torch.tensor([[[[4.0, 4, 0, 0], [4, 4, 0, 0]]]]), atol=1e-4)


def test_conv_lstm_is_that_of_the_definition_in_both_directions():
    steps = torch.randn(2, 3, 5, 4, 6)
    one, two = ConvLSTM(5, bidirectional=False), ConvLSTM(5, bidirectional=True)
    assert [gates.weight.shape for gates in two.gates] == [(12, 8, 3, 3), (8, 7, 3, 3)]
    forwards = torch.stack(reference.conv_lstm(list(steps.unbind(1)), one.gates[0].weight), dim=1)
    assert same(one(steps), forwards)
    first = torch.stack(reference.conv_lstm(list(steps.unbind(1)), two.gates[0].weight), dim=1)
    second = torch.stack(reference.conv_lstm(list(steps.unbind(1))[::-1], two.gates[1].weight), dim=1)
    assert same(two(steps), torch.cat([first, second], dim=2))


def test_a_single_pixel_of_the_lstm_by_hand():
    lstm = ConvLSTM(1, bidirectional=False)
    with torch.no_grad():
        lstm.gates[0].weight.zero_()
        # From the input alone: input, forget and output gates and candidate see it times 1, 2, 3 and 4.
        lstm.gates[0].weight[:, 0, 1, 1] = torch.tensor([1.0, 2, 3, 4])
    found = lstm(torch.tensor([0.5, -0.25]).reshape(1, 2, 1, 1, 1)).flatten()
    half, quarter = (torch.tensor([1.0, 2, 3, 4]) * value for value in (0.5, -0.25))
    first = half[0].sigmoid() * half[3].tanh()
    second = quarter[1].sigmoid() * first + quarter[0].sigmoid() * quarter[3].tanh()
    expected = torch.stack([half[2].sigmoid() * first.tanh(), quarter[2].sigmoid() * second.tanh()])
    assert same(found, expected)


@pytest.mark.parametrize("word", VARIANTS)
def test_networks_are_those_of_the_definition(word):
    model = settled(fc_densenet(f"fc_densenet57_{word}".rstrip("_"), 0.25)).double()
    windows = torch.randn(2, 3, 3, 64, 32).double()
    expected = reference.network(windows, model.state_dict(), VARIANTS[word].attention, VARIANTS[word].directions)
    assert same(model(windows), expected, 1e-9)


def test_no_value_is_read_on_the_host():
    with torch.device("meta"):
        model, windows = fc_densenet("fc_densenet67"), torch.empty(4, 3, 3, 160, 160)
    assert model(windows).shape == (4, 3, 2, 160, 160)


def test_a_grey_slice_is_three_equal_channels():
    model, windows = settled(fc_densenet("fc_densenet57", 0.25)), torch.randn(1, 3, 1, 32, 32)
    assert same(model(windows), model(windows.expand(-1, -1, 3, -1, -1).contiguous()))


def test_fresh_weights_are_he_uniform_without_biases():
    model = fc_densenet("fc_densenet67")
    for name, layer in model.named_modules():
        if isinstance(layer, torch.nn.Conv2d):
            bound = (6 / layer.weight[0].numel()) ** 0.5
            assert 0.95 * bound < layer.weight.abs().max() <= bound, name
            assert layer.bias is None or not layer.bias.any(), name
    assert model.transitions_up[0].up.bias.any()
    assert (model.lstm.gates[0].bias, model.lstm.gates[0].weight.shape) == (None, (240, 120, 3, 3))


def test_dropout_takes_a_fifth_of_the_channels_as_wholes():
    layer = DenseLayer(1, 4000)
    torch.nn.init.ones_(layer[2].bias)
    gone = (layer(torch.zeros(2, 1, 2, 2)) == 0).flatten(2)
    assert torch.equal(gone.any(2), gone.all(2))
    assert gone.float().mean().item() == pytest.approx(0.2, abs=0.02)


def test_narrow_networks_learn_with_every_part():
    for name in ("fc_densenet57", "fc_densenet57_bidirectional"):
        model = fc_densenet(name, 0.125)
        before = copy.deepcopy(model.state_dict())
        optimiser = torch.optim.RMSprop(model.parameters(), 1e-3)
        model(torch.randn(2, 3, 1, 32, 32))[:, 1, 1].sum().backward()
        optimiser.step()
        moved = {name: not torch.equal(value, before[name]) for name, value in model.state_dict().items()}
        assert not [name for name, is_new in moved.items() if not is_new and name.endswith(("weight", "var"))]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fc_densenet("fc_densenet68"), "network: expected one of fc_densenet57, fc_densenet57_no_attention"),
        (lambda: fc_densenet("fc_densenet67", 1.5), "width: expected above 0"),
        (lambda: fc_densenet("fc_densenet57", 0.1)(torch.zeros(1, 3, 1, 48, 64)), "slices of 48 x 64 px: .* of 32"),
    ],
)
def test_what_does_not_fit_is_named(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_every_network_has_five_words():
    assert len(NAMES) == 15 and all(name.startswith("fc_densenet") for name in NAMES)
