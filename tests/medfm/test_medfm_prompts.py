"""Visual prompts against their definition, written out by hand on small networks; what is frozen stays so."""

from typing import Any

import pytest
import timm
import torch
from timm.models.swin_transformer import WindowAttention
from torch import Tensor, nn

from medfm.learning.prompts import Prompted, WindowsWithPrompts, with_zeros
from reprise.step.errors import InputError
from transformer_examples import SMALL, images_for, small


@pytest.mark.parametrize("deep", [False, True])
def test_vit_equals_the_definition(deep: bool) -> None:
    """[class token, prompts, patches] through each block by plain matrix products; the head takes the class token."""
    name = "vit_base_patch16_224"
    network, images = small(name), images_for(name)
    model = Prompted(network, 2, deep)
    with torch.no_grad():
        assert torch.allclose(model(images), vit_by_hand(network, list(model.prompts), images), atol=1e-5)


def vit_by_hand(network: Any, prompts: list[Tensor], images: Tensor) -> Tensor:
    """The logits of a ViT whose prompts of each block replace those of the block before."""
    kernel, bias = network.patch_embed.proj.weight, network.patch_embed.proj.bias
    patches = images.unfold(2, 16, 16).unfold(3, 16, 16).permute(0, 2, 3, 1, 4, 5).reshape(len(images), 4, -1)
    patches = patches @ kernel.flatten(1).T + bias + network.pos_embed[:, 1:]
    tokens = torch.cat([(network.cls_token + network.pos_embed[:, :1]).expand(len(images), -1, -1), patches], dim=1)
    for number, block in enumerate(network.blocks):
        if number < len(prompts):
            rest = tokens[:, 1 + (2 if number else 0) :]
            tokens = torch.stack(
                [torch.cat([one[:1], prompts[number], r]) for one, r in zip(tokens, rest, strict=True)]
            )
        normed = normalised(block.norm1, tokens)
        query, key, value = (normed @ block.attn.qkv.weight.T + block.attn.qkv.bias).split(24, dim=2)
        heads = []
        for part in (slice(0, 8), slice(8, 16), slice(16, 24)):
            weights = (query[..., part] @ key[..., part].transpose(1, 2) / 8**0.5).softmax(dim=2)
            heads.append(weights @ value[..., part])
        tokens = tokens + torch.cat(heads, dim=2) @ block.attn.proj.weight.T + block.attn.proj.bias
        hidden = normalised(block.norm2, tokens) @ block.mlp.fc1.weight.T + block.mlp.fc1.bias
        hidden = hidden * (1 + torch.erf(hidden / 2**0.5)) / 2
        tokens = tokens + hidden @ block.mlp.fc2.weight.T + block.mlp.fc2.bias
    return normalised(network.norm, tokens)[:, 0] @ network.head.weight.T + network.head.bias


def normalised(norm: nn.LayerNorm, tokens: Tensor) -> Tensor:
    """Layer normalisation by its formula."""
    centred = tokens - tokens.mean(dim=2, keepdim=True)
    return centred / (centred.square().mean(dim=2, keepdim=True) + norm.eps).sqrt() * norm.weight + norm.bias


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("deep", [False, True])
def test_no_prompts_change_nothing(name: str, deep: bool) -> None:
    """With prompts of length zero a network gives what it gives without; with prompts, something else."""
    images = images_for(name)
    with torch.no_grad():
        plain = small(name)(images)
        assert torch.allclose(Prompted(small(name), 0, deep)(images), plain, atol=1e-5)
        assert not torch.allclose(Prompted(small(name), 2, deep)(images), plain, atol=1e-4)


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("deep", [False, True])
def test_only_prompts_and_head_learn(name: str, deep: bool) -> None:
    """After steps in training mode all other arrays have the same bits, no module trains, and each prompt has moved."""
    model = Prompted(small(name), 2, deep)
    learned = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    optimiser = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    model.train()
    assert not any(module.training for module in model.modules())
    for _ in range(2):
        optimiser.zero_grad()
        model(images_for(name)).square().sum().backward()
        optimiser.step()
    moved = {name for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])}
    assert moved == learned
    assert len(moved) == len(model.prompts) + 2


def test_beit_keeps_the_bias_between_its_own_tokens() -> None:
    """Attention knows no order but the bias: prompts at the end, with the bias widened there, give the same."""
    name, count = "beit_base_patch16_224", 2
    network, images = small(name), images_for(name)
    model = Prompted(small(name), count, deep=False)
    for block in network.blocks:
        narrow = block.attn._get_rel_pos_bias()
        block.attn._get_rel_pos_bias = lambda narrow=narrow: torch.nn.functional.pad(narrow, (0, count, 0, count))
    with torch.no_grad():
        tokens = torch.cat([network.cls_token.expand(3, -1, -1), network.patch_embed(images)], dim=1)
        tokens = torch.cat([tokens, model.prompts[0].expand(3, -1, -1)], dim=1)
        for block in network.blocks:
            tokens = block(tokens)
        expected = network.forward_head(network.norm(tokens[:, :-count]))
        assert torch.allclose(model(images), expected, atol=1e-5)


def test_swin_equals_windows_by_hand() -> None:
    """With one window over all patches a block of a Swin is a block of a ViT with a bias, written out here."""
    torch.manual_seed(0)
    made = {"img_size": 16, "depths": (1, 1), "embed_dim": 12, "num_heads": (2, 3), "num_classes": 4, "window_size": 4}
    network: Any = timm.create_model("swin_base_patch4_window7_224", **made).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    images = torch.randn(2, 3, 16, 16)
    bias = [stage.blocks[0].attn._get_rel_pos_bias().detach() for stage in network.layers]
    model = Prompted(network, 3, deep=False)
    with torch.no_grad():
        tokens = torch.cat([model.prompts[0].expand(2, -1, -1), network.patch_embed(images).flatten(1, 2)], dim=1)
        first, second = (stage.blocks[0] for stage in network.layers)
        tokens = block_by_hand(first, bias[0], tokens)
        grid = tokens[:, 3:].reshape(2, 4, 4, 12)
        quarters = [grid[:, row::2, column::2].flatten(1, 2) for column in (0, 1) for row in (0, 1)]
        merged = torch.cat(quarters, dim=2)
        four = torch.cat([tokens[:, :3]] * 4, dim=2)
        down = network.layers[1].downsample
        tokens = down.reduction(down.norm(torch.cat([four, merged], dim=1)))
        tokens = block_by_hand(second, bias[1], tokens)
        expected = network.head.fc(network.norm(tokens).mean(dim=1))
        assert torch.allclose(model(images), expected, atol=1e-5)


def block_by_hand(block: Any, bias: Tensor, tokens: Tensor) -> Tensor:
    """A block of a Swin on [prompts, patches of the only window], with a bias between patches alone."""
    attention, heads = block.attn.attention, block.attn.attention.num_heads
    normed = block.norm1(tokens)
    parts = attention.qkv(normed).reshape(*tokens.shape[:2], 3, heads, -1).permute(2, 0, 3, 1, 4)
    scores = parts[0] @ parts[1].transpose(2, 3) * attention.scale
    scores[:, :, 3:, 3:] += bias
    mixed = (scores.softmax(dim=3) @ parts[2]).transpose(1, 2).flatten(2)
    tokens = tokens + attention.proj(mixed)
    return tokens + block.mlp(block.norm2(tokens))


def test_prompts_are_the_mean_over_windows() -> None:
    """Each window sees the prompts of its own image and no other window; prompts come out as the mean over windows."""
    torch.manual_seed(0)
    attention = WindowsWithPrompts(WindowAttention(12, num_heads=2, window_size=4), 3).eval()
    prompts, windows = torch.randn(2, 3, 12), torch.randn(8, 16, 12)
    with torch.no_grad():
        attention.prompts = prompts
        together, found = attention(windows), attention.prompts
        for image in range(2):
            alone = []
            for window in range(4 * image, 4 * image + 4):
                attention.prompts = prompts[[image]]
                assert torch.allclose(attention(windows[[window]])[0], together[window], atol=1e-6)
                alone.append(attention.prompts[0])
            assert torch.allclose(torch.stack(alone).mean(dim=0), found[image], atol=1e-6)


def test_bias_of_prompts_is_zero() -> None:
    """Rows and columns of the new tokens are 0; the others keep their values and order."""
    bias = torch.arange(1.0, 10.0).reshape(3, 3)
    wide = with_zeros(bias, 1, 2)
    kept = [0, 3, 4]
    assert torch.equal(wide[kept][:, kept], bias)
    assert wide[1:3].abs().sum() == wide[:, 1:3].abs().sum() == 0


def test_other_networks_are_one_line() -> None:
    """A convolutional network takes no prompts."""
    with pytest.raises(InputError, match=r"visual prompts: expected a ViT.*found DenseNet"):
        Prompted(timm.create_model("densenet121", growth_rate=4, num_classes=2), 1, deep=False)
