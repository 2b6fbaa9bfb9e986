"""K networks of one architecture, trained and measured as one tensor program."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from companion.ensemble.members import MemberOutcome, train_alone
from companion.ensemble.probe import Method, make_plan
from companion.ensemble.program import Program
from companion.ensemble.stacking import Stack, stack
from companion.ensemble.subsets import IMAGES_A_PASS, Subsets
from companion.ensemble.work import Labelled, Work
from companion.errors import CompanionError
from companion.progress import SILENT, Part, Progress
from companion.training import Settings

MEMORY = 2 * 2**30  # bytes


@dataclass
class EnsembleOutcome:
    """What the training of K networks measured.

    Attributes:
        members: one outcome a network, as :func:`companion.training.train` would return it.
        methods: how each was computed: ``grouped``, ``vmap`` or ``loop``.
    """

    members: list[MemberOutcome]
    methods: list[str]

    @property
    def train_accuracy(self) -> Tensor:
        """Final training accuracies ``[K]``."""
        return torch.tensor([member.train_accuracy for member in self.members])

    @property
    def test_accuracy(self) -> Tensor:
        """Final test accuracies ``[K]``."""
        return torch.tensor([member.test_accuracy for member in self.members])

    @property
    def diverged(self) -> Tensor:
        """Which networks' loss became infinite or not a number, bool ``[K]``."""
        return torch.tensor([member.diverged_at_step is not None for member in self.members])

    def curves(self, name: str) -> Tensor:
        """One curve of every network ``[K, longest]``; not-a-number after a network has stopped."""
        rows = [member.curves.get(name, []) for member in self.members]
        longest = max(map(len, rows))
        return torch.tensor([row + [float("nan")] * (longest - len(row)) for row in rows])


class Ensemble:
    """K networks of one architecture.

    Member k is bit for bit the network ``torch.manual_seed(seeds[k]); build()``, and training it in the ensemble
    gives what :func:`companion.training.train` gives for it alone, up to the rounding of sums in another order::

        ensemble = Ensemble(lambda: mlp((64, 100, 10)), seeds=range(32))
        settings = [Settings(learning_rate=1e-3, order_seed=seed) for seed in range(32)]
        outcome = ensemble.train(images, labels, settings, test=(test_images, test_labels))
        outcome.test_accuracy.mean(), outcome.curves("train_loss"), ensemble.member(3)

    **Normalisation.** Batch normalisation in training mode uses each member's own batch, and each member keeps running
    statistics of its own, equal to its sequential twin's. Layer, group and instance normalisation know nothing of other
    images and need no care. Batch normalisation with ``momentum=None`` cannot run under `vmap` and is trained by the
    loop. **Dropout** draws another mask for every member, so that twins are equal in distribution only.

    Args:
        build: makes one network, all its randomness from torch's global generator.
        seeds: one seed a member.
        arguments: keyword arguments of the network's forward that differ between members, ``[K]`` or ``[K, ...]``:
            ``arguments={"slope": slopes}`` calls ``forward(images, slope=slopes[k])`` for member k.
        device: where the networks live.
    """

    def __init__(
        self,
        build: Callable[[], nn.Module],
        seeds: Sequence[int],
        *,
        arguments: Mapping[str, Tensor] | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        self.seeds = list(seeds)
        self.stack: Stack = stack(build, self.seeds).to(device)
        self.arguments = {name: value.to(device) for name, value in (arguments or {}).items()}
        for name, value in self.arguments.items():
            if len(value) != len(self):
                raise CompanionError(f"arguments[{name!r}] has {len(value)} rows for {len(self)} members.")

    def __len__(self) -> int:
        return len(self.seeds)

    def member(self, k: int) -> nn.Module:
        """Network k as a module of its own (a copy), in evaluation mode."""
        return self.stack.member(k).eval()

    def train(
        self,
        images: Tensor | Sequence[Tensor],
        labels: Tensor | Sequence[Tensor],
        settings: Settings | Sequence[Settings],
        *,
        subsets: Sequence[Tensor] | None = None,
        test: Labelled | Sequence[Labelled] | None = None,
        method: Method = "auto",
        memory: int = MEMORY,
        progress: Progress = SILENT,
    ) -> EnsembleOutcome:
        """Train every member; members that can share one program do.

        One program holds members that agree in the number of training images and in all settings but learning rate,
        weight decay, momentum and `order_seed`; others go into programs of their own. Large programs are cut so that
        they need at most `memory` bytes.

        Args:
            images: floating point ``[N, C, H, W]`` for all members, or a sequence of one such tensor a member.
            labels: int64 labels of `images`: ``[N]`` for all members, ``[K, N]`` or a sequence for labels of their own.
            settings: one for all members (who then share the batch order), or one a member.
            subsets: for every member the rows of `images` and `labels` that it learns from.
            test: images and labels to measure at every point of the curves; a sequence for one pair a member.
            method: ``vmap`` (one program, any network), ``grouped`` (one program, convolutional networks of known
                layers), ``loop`` (one network after the other), or ``auto``: the grouped program where the network
                allows it, else `vmap`, unless a short timed probe finds the loop faster on this machine for this work.
            memory: bytes that a program may take, beside the ensemble and the images themselves.
            progress: told every epoch; its cancellation leaves the members in flight as they were.

        Raises:
            CompanionError: numbers that do not fit together; a network that cannot run under the `method`.
            Cancelled: the progress was cancelled.
        """
        each = [settings] * len(self) if isinstance(settings, Settings) else list(settings)
        tests = None if test is None else [test] * len(self) if isinstance(test[0], Tensor) else list(test)
        work = Work(self.stack, self.arguments, Subsets.of(len(self), images, labels, subsets), each, tests)
        home, given = self.stack.device, work.subsets.pool.device
        if home != given:
            raise CompanionError(f"The networks are on {home}, the images on {given}: bring both to one device.")
        outcomes: dict[int, MemberOutcome] = {}
        methods: dict[int, str] = {}
        for members in work.programs():
            plan = make_plan(work, members, method, memory)
            methods |= dict.fromkeys(members, plan.method)
            for part in _parts(members, plan.members):
                following = Part(progress, start=len(outcomes), share=len(part), total=len(self), label="networks")
                if plan.forward is None:
                    outcomes[part[0]] = train_alone(work, part[0], following)
                else:
                    outcomes |= Program(work, part, plan.forward, plan.images_a_pass).train(following)
        return EnsembleOutcome([outcomes[k] for k in range(len(self))], [methods[k] for k in range(len(self))])

    @torch.no_grad()
    def logits(self, images: Tensor) -> Tensor:
        """The outputs of every network in evaluation mode, ``[K, N, ...]``, for images ``[N, ...]``."""
        self.stack.template.eval()
        parts = images.split(max(32, IMAGES_A_PASS // len(self)))
        return torch.cat([self.stack.forward(part, self.arguments, shared=True) for part in parts], dim=1)

    def evaluate(self, images: Tensor, labels: Tensor) -> Tensor:
        """The accuracy ``[K]`` of every network in evaluation mode on images ``[N, ...]`` with labels ``[N]``."""
        return (self.logits(images).argmax(2) == labels).double().mean(1)


def _parts(members: Sequence[int], most: int) -> list[list[int]]:
    """The members in as few parts of nearly equal size as `most` allows."""
    count = -(-len(members) // most)
    size = -(-len(members) // count)
    return [list(members[start : start + size]) for start in range(0, len(members), size)]
