"""Visual prompt tuning (Jia et al., ECCV 2022): tokens that learn, placed before those of a frozen transformer.

Shallow prompts enter the first block and run through all others. Deep prompts are new ones for each block: they take
the place of what the block before has made of its own.
"""

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from reprise.models.lean_torchvision import without_compiler
from reprise.step.errors import InputError

with without_compiler():
    from timm.models.beit import Beit
    from timm.models.eva import Eva
    from timm.models.swin_transformer import PatchMerging, SwinTransformer, SwinTransformerBlock
    from timm.models.vision_transformer import VisionTransformer

TRANSFORMERS = (VisionTransformer, Eva, Beit)
SPREAD = 0.02  # standard deviation of new prompts


class Prompted(nn.Module):
    """A frozen transformer with prompts: only these and the last layer learn. It stays in evaluation mode.

    In a ViT, DINOv2, CLIP, BEiT or EVA-02 the prompts stand after the class token and leave after the last block, so
    that the head sees what it always sees. They have no place: no rotation, and 0 as relative position bias. In a Swin
    they stand first in each window, with bias 0; after attention they are the mean over windows. Patch merging takes
    each as four equal patches. The head takes the mean of patches and prompts.

    Raises:
        InputError: a network of another kind.
    """

    def __init__(self, network: Any, count: int, deep: bool) -> None:
        """Freeze a network of timm and place `count` prompts, or for deep prompts `count` in each block."""
        super().__init__()
        self.network = network.requires_grad_(False).eval()
        network.get_classifier().requires_grad_(True)
        self.count, blocks = count, blocks_of(network)
        sizes = [block.norm1.weight.numel() for block in (blocks if deep else blocks[:1])]
        self.prompts = nn.ParameterList(torch.randn(count, size) * SPREAD for size in sizes)
        if isinstance(network, SwinTransformer):
            for block in blocks:
                block.attn = WindowsWithPrompts(block.attn, count)
        else:
            self._hook(blocks)

    def train(self, mode: bool = True) -> "Prompted":
        """Stay in evaluation mode: the frozen part never drops anything and never counts statistics."""
        return super().train(False)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, K) of images (B, C, H, W)."""
        if isinstance(self.network, SwinTransformer):
            return _through_swin(self.network, self.prompts, images)
        return self.network(images)

    def _hook(self, blocks: list[Any]) -> None:
        """Let prompts enter and leave the blocks of a transformer with one sequence of tokens."""
        at = 0 if self.network.cls_token is None else 1
        for number, block in enumerate(blocks):
            if number < len(self.prompts):
                before = self.count if number else 0
                block.register_forward_pre_hook(partial(_enter, self.prompts[number], at, before))
            if isinstance(self.network, Eva):
                block.attn.num_prefix_tokens += self.count
            if isinstance(self.network, Beit) and block.attn.relative_position_bias_table is not None:
                _widen_bias(block.attn, at, self.count)
        if isinstance(self.network, Beit) and self.network.rel_pos_bias is not None:
            self.network.rel_pos_bias.register_forward_hook(lambda _, __, bias: with_zeros(bias, at, self.count))
        blocks[-1].register_forward_hook(partial(_leave, at, self.count))


class WindowsWithPrompts(nn.Module):
    """The attention of a Swin's windows with prompts before the patches of each window.

    `prompts` (B, P, C) are given before a call and are, after it, the mean over windows of what attention made of them.
    """

    def __init__(self, attention: nn.Module, count: int) -> None:
        super().__init__()
        self.attention, self.count = attention, count
        self.prompts = torch.empty(0)
        _widen_bias(attention, 0, count)

    def forward(self, windows: Tensor, mask: Tensor | None = None) -> Tensor:
        """Patches (B * windows, N, C) of windows after attention, without the prompts."""
        samples = len(self.prompts)
        each = self.prompts.repeat_interleave(len(windows) // samples, dim=0)
        wide = None if mask is None else with_zeros(mask, 0, self.count)
        found = self.attention(torch.cat([each, windows], dim=1), wide)
        self.prompts = found[:, : self.count].unflatten(0, (samples, -1)).mean(dim=1)
        return found[:, self.count :]


def blocks_of(network: Any) -> list[Any]:
    """The blocks of a transformer in their order.

    Raises:
        InputError: a network of another kind.
    """
    if isinstance(network, SwinTransformer):
        stages: Any = network.layers
    elif isinstance(network, TRANSFORMERS):
        stages = [network]
    else:
        kind = type(network).__name__
        raise InputError(f"visual prompts: expected a ViT, DINOv2, CLIP, BEiT, EVA-02 or Swin, found {kind}")
    return [block for stage in stages for block in stage.blocks]


def with_zeros(bias: Tensor, at: int, count: int) -> Tensor:
    """A bias (..., N, N) between tokens, with rows and columns of 0 for `count` tokens more from position `at` on."""
    for axis in (-2, -1):
        shape = list(bias.shape)
        shape[axis] = count
        before, after = bias.tensor_split([at], dim=axis)
        bias = torch.cat([before, bias.new_zeros(shape), after], dim=axis)
    return bias


def _enter(prompts: Tensor, at: int, before: int, _: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """The inputs of a block with these prompts from position `at` on, in place of `before` prompts that are there."""
    tokens, *rest = inputs
    each = prompts.expand(len(tokens), -1, -1)
    return (torch.cat([tokens[:, :at], each, tokens[:, at + before :]], dim=1), *rest)


def _leave(at: int, count: int, _: nn.Module, __: Any, tokens: Tensor) -> Tensor:
    return torch.cat([tokens[:, :at], tokens[:, at + count :]], dim=1)


def _widen_bias(attention: Any, at: int, count: int) -> None:
    """Let an attention of timm have bias 0 between prompts and all other tokens."""
    narrow = attention._get_rel_pos_bias
    attention._get_rel_pos_bias = lambda: with_zeros(narrow(), at, count)


def _through_swin(network: Any, prompts: nn.ParameterList, images: Tensor) -> Tensor:
    """Logits of a Swin whose prompts (one array, or one for each block) run beside its patches."""
    patches = network.patch_embed(images)
    beside, number = prompts[0].expand(len(images), -1, -1), 0
    for stage in network.layers:
        if isinstance(stage.downsample, PatchMerging):
            beside = stage.downsample.reduction(stage.downsample.norm(beside.repeat(1, 1, 4)))
        patches = stage.downsample(patches)
        for block in stage.blocks:
            if len(prompts) > 1:
                beside = prompts[number].expand(len(images), -1, -1)
            patches, beside = _through_block(block, patches, beside)
            number += 1
    tokens = torch.cat([beside, patches.flatten(1, 2)], dim=1)
    return network.head.fc(network.norm(tokens).mean(dim=1))


def _through_block(block: SwinTransformerBlock, patches: Tensor, prompts: Tensor) -> tuple[Tensor, Tensor]:
    """Patches (B, H, W, C) and prompts (B, P, C) after a block."""
    windows: Any = block.attn
    windows.prompts = block.norm1(prompts)
    patches = patches + block._attn(block.norm1(patches))
    prompts = prompts + windows.prompts
    return patches + block.mlp(block.norm2(patches)), prompts + block.mlp(block.norm2(prompts))
