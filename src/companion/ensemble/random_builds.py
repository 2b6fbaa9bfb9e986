"""Random networks of any architecture, drawn block by block from the initialisation of what builds them."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from companion.ensemble.stacking import DrawRecorder, Stack, named_state, stack
from companion.networks import seeded


class RandomBuilds:
    """The networks of a `build`, as :class:`companion.ensemble.RandomPerceptron` presents its own.

    Where the initialisation consists of in-place draws, a whole block is drawn at once, from the same distribution;
    else every network of a block is built, with a seed drawn from the block's generator.

    Args:
        build: makes one network, all its randomness from torch's global generator on the CPU.
        size: networks a block.
    """

    def __init__(self, build: Callable[[], nn.Module], size: int) -> None:
        self.build, self.size = build, size
        self.recorder = DrawRecorder()
        with self.recorder:
            self.template = seeded(build, 0)
        self.first = named_state(self.template)
        self.repeatable = self.recorder.reproduces(build, self.first)

    def draw(self, generator: torch.Generator, dtype: torch.dtype) -> Stack:
        """The networks of one block, stacked."""
        if not self.repeatable:
            drawn = torch.randint(2**62, (self.size,), generator=generator, device=generator.device)
            return stack(self.build, drawn.tolist()).to(generator.device, dtype)
        stacked = self.recorder.draw(self.first, self.size, generator)
        parameters = {name: stacked[name] for name, _ in self.template.named_parameters()}
        buffers = {name: stacked[name] for name, _ in self.template.named_buffers()}
        return Stack(self.template, parameters, buffers).to(generator.device, dtype)

    def prepare(self, images: Tensor) -> Tensor:
        """The images as they are."""
        return images

    def outputs(self, networks: Stack, images: Tensor) -> Tensor:
        """The outputs ``[networks, out, N]`` in evaluation mode."""
        networks.template.eval()
        members = torch.arange(self.size, device=images.device).split(32)  # activations of 32 networks at a time
        outputs = [networks.select(some).forward(images, {}, shared=True) for some in members]
        return torch.cat(outputs).transpose(1, 2)

    def network(self, networks: Stack, position: int) -> nn.Module:
        """The network at a position of a block."""
        return networks.member(position)
