"""Random networks by the hundred thousand: what each gets wrong on a pool of images, streamed, nothing stored."""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn

from companion.ensemble.random_builds import RandomBuilds
from companion.ensemble.random_perceptron import BLOCK, RandomPerceptron
from companion.errors import CompanionError
from companion.progress import SILENT, Progress


def random_correctness(
    measure: RandomPerceptron | Callable[[], nn.Module],
    images: Tensor,
    labels: Tensor,
    count: int,
    *,
    seed: int = 0,
    chunk: int = 16 * BLOCK,
    progress: Progress = SILENT,
) -> Iterator[Tensor]:
    """Which images each of `count` random networks classifies correctly, chunk by chunk, in the networks' order.

    Networks come in blocks of `BLOCK`; block b is drawn from a generator of its own, seeded by (seed, b). So network i
    is the same whatever `count` and `chunk` are, and the first networks of a longer run are those of a shorter one.
    The numbers belong to the kind of device: a CPU and a GPU draw different ones.

    Args:
        measure: the distribution that networks are drawn from: a :class:`RandomPerceptron`, or any function that
            builds a freshly initialised network (slower).
        images: floating point ``[N, ...]``, on the device to compute on.
        labels: int64 ``[N]``: 0 or 1 for networks of one output, which decide for 1 where the output is at least 0,
            so that a tie is no error of both classes; the class for networks of several outputs.
        count: number of networks.
        seed: of the whole sequence.
        chunk: networks to hand over at once, rounded up to whole blocks.
        progress: told after every chunk.

    Yields:
        Bool ``[chunk, N]``.

    Raises:
        CompanionError: images and labels do not fit together or to the networks.
    """
    if len(images) != len(labels):
        raise CompanionError(f"{len(labels)} labels for {len(images)} images: give equally many.")
    random = measure if isinstance(measure, RandomPerceptron) else RandomBuilds(measure, BLOCK)
    prepared, blocks = random.prepare(images), -(-count // BLOCK)
    together = max(1, chunk // BLOCK + (chunk % BLOCK > 0))
    with torch.inference_mode():
        for first in range(0, blocks, together):
            parts = [
                _decide(random.outputs(random.draw(_generator(seed, b, images.device), images.dtype), prepared), labels)
                for b in range(first, min(first + together, blocks))
            ]
            done = min(count, (first + together) * BLOCK)
            yield torch.cat(parts)[: done - first * BLOCK]
            progress.update(done, count, "random networks")


def random_error_rates(
    measure: RandomPerceptron | Callable[[], nn.Module],
    images: Tensor,
    labels: Tensor,
    count: int,
    *,
    seed: int = 0,
    chunk: int = 16 * BLOCK,
    progress: Progress = SILENT,
) -> Tensor:
    """The error rates on a pool, float64 ``[count]``, of random networks; arguments as for :func:`random_correctness`.

    A sample of the density D(E) of the true error, the pool being the truth::

        errors = random_error_rates(RandomPerceptron((64, 20, 1)), images, labels, count=100_000)
    """
    chunks = random_correctness(measure, images, labels, count, seed=seed, chunk=chunk, progress=progress)
    wrong = [len(labels) - correct.sum(1) for correct in chunks]
    return torch.cat(wrong).double() / len(labels) if wrong else torch.empty(0, dtype=torch.float64)


def random_network(
    measure: RandomPerceptron | Callable[[], nn.Module],
    index: int,
    *,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> nn.Module:
    """Network `index` of the sequence that :func:`random_correctness` evaluates, such as the best one of a run."""
    random = measure if isinstance(measure, RandomPerceptron) else RandomBuilds(measure, BLOCK)
    block, position = divmod(index, BLOCK)
    return random.network(random.draw(_generator(seed, block, torch.device(device)), dtype), position).eval()


def _generator(seed: int, block: int, device: torch.device) -> torch.Generator:
    state = np.random.SeedSequence(seed, spawn_key=(block,)).generate_state(1, np.uint64)[0]
    return torch.Generator(device).manual_seed(int(state >> np.uint64(1)))


def _decide(outputs: Tensor, labels: Tensor) -> Tensor:
    """Which of the outputs ``[networks, out, N]`` are correct, bool ``[networks, N]``."""
    if outputs.shape[1] == 1:
        if not bool(((labels == 0) | (labels == 1)).all()):
            raise CompanionError("A network of one output tells 0 from 1: give labels 0 and 1, or more outputs.")
        return (outputs[:, 0] >= 0) == (labels == 1)
    return outputs.argmax(1) == labels
