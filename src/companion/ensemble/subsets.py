"""What every member of an ensemble is trained on: one pool of images, and rows of it for every member."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from companion.augmentation import crop_and_flip
from companion.errors import CompanionError
from companion.training import Settings

IMAGES_A_PASS = 4096  # of all members together, when nothing better is known of their activations


@dataclass
class Subsets:
    """The training sets of K members.

    Attributes:
        pool: all images ``[N, ...]``.
        rows: for every member the rows of its images in the pool, int64 ``[n_k]``; None for the whole pool.
        labels: for every member its labels, int64 ``[n_k]``.
    """

    pool: Tensor
    rows: list[Tensor | None]
    labels: list[Tensor]

    @classmethod
    def of(
        cls,
        K: int,
        images: Tensor | Sequence[Tensor],
        labels: Tensor | Sequence[Tensor],
        subsets: Sequence[Tensor] | None = None,
    ) -> "Subsets":
        """Read the forms in which training sets are given.

        Args:
            K: number of members.
            images: one tensor for all members, or a sequence of one tensor a member.
            labels: those of `images`: int64 ``[N]`` for all members, ``[K, N]`` or a sequence for labels of their own.
            subsets: for every member the rows of `images` and `labels` that it learns from.

        Raises:
            CompanionError: the numbers of members, images and labels do not fit together.
        """
        own_images = not isinstance(images, Tensor)
        own_labels = not isinstance(labels, Tensor) or labels.dim() == 2
        for what, value, own in (
            ("images", images, own_images),
            ("labels", labels, own_labels),
            ("subsets", subsets, subsets is not None),
        ):
            if own and len(value) != K:
                raise CompanionError(f"{what}: {len(value)} given for {K} members; give one for each member.")
        if own_images and subsets is not None:
            raise CompanionError("subsets choose rows of one tensor of images: give one tensor, or no subsets.")
        pool = torch.cat(list(images)) if own_images else images
        rows = _consecutive(images) if own_images else [None] * K if subsets is None else list(subsets)
        rows = [None if row is None else row.to(pool.device) for row in rows]
        chosen = []
        for k, row in enumerate(rows):
            label = labels[k] if own_labels else labels
            if len(label) != len(images[k] if own_images else images):
                raise CompanionError(f"Member {k}: {len(label)} labels for {len(images)} images: give equally many.")
            chosen.append(label if subsets is None else label[row.to(label.device)])
        return cls(pool, rows, chosen)

    def size(self, k: int) -> int:
        """The number of training images of member k."""
        return len(self.labels[k])

    def of_member(self, k: int) -> tuple[Tensor, Tensor]:
        """Images and labels of member k."""
        rows = self.rows[k]
        return (self.pool if rows is None else self.pool[rows]), self.labels[k]


@dataclass
class Batches:
    """Images and labels of some members with equally many images, step by step.

    Attributes:
        images: ``[n, ...]`` where all members share them (`shared`), ``[k, n, ...]`` where each has its own and they
            are gathered once, or the pool ``[N, ...]`` with `rows`.
        labels: int64 ``[k, n]``.
        rows: int64 ``[k, n]`` into the pool, where every step gathers its images; else None.
        shared: whether all members see the same images at the same step.
        batch: images a step and member.
        generators: of the batch order and the augmentation, one a member, or one for all (`shared`).
        augment: whether to shift and mirror the images.
    """

    images: Tensor
    labels: Tensor
    rows: Tensor | None
    shared: bool
    batch: int
    generators: list[torch.Generator]
    augment: bool = False

    @classmethod
    def of(cls, subsets: Subsets, members: Sequence[int], settings: Sequence[Settings]) -> "Batches":
        """The batches of training; the settings agree in all but seeds and rates."""
        size, common = subsets.size(members[0]), settings[0]
        batch = min(common.batch or size, size)
        alike = _alike([subsets.rows[k] for k in members])
        one_order = batch == size or len({s.order_seed for s in settings}) == 1
        shared = alike and one_order and not common.augment
        labels = torch.stack([subsets.labels[k] for k in members])
        generators = [torch.Generator().manual_seed(s.order_seed) for s in settings]
        if shared:
            images, _ = subsets.of_member(members[0])
            return cls(images, labels, None, True, batch, generators[:1])
        whole = torch.arange(size, device=subsets.pool.device)
        rows = torch.stack([whole if subsets.rows[k] is None else subsets.rows[k] for k in members])
        images, rows = (subsets.pool[rows], None) if batch == size else (subsets.pool, rows)
        return cls(images, labels, rows, False, batch, generators, common.augment)

    @classmethod
    def of_tests(cls, tests: Sequence[tuple[Tensor, Tensor]]) -> "Batches":
        """The members' test sets, equally large."""
        images, labels = tests[0]
        shared = all(test[0] is images for test in tests)
        chosen = images if shared else torch.stack([test[0] for test in tests])
        return cls(chosen, torch.stack([test[1] for test in tests]), None, shared, len(labels), [])

    @property
    def size(self) -> int:
        """Images a member."""
        return self.labels.shape[1]

    def epoch(self, most_steps: int | None = None) -> Iterator[tuple[Tensor, Tensor]]:
        """The steps of one epoch: images ``[B, ...]`` (shared) or ``[k, B, ...]``, labels ``[k, B]``."""
        order = None if self.batch >= self.size else self._order()
        # as in companion.training: a last batch of one image would leave batch normalisation nothing
        starts = [s for s in range(0, self.size, self.batch) if self.size - s > 1 or self.size == 1 or self.batch == 1]
        for start in starts[:most_steps]:
            positions = None if order is None else order[:, start : start + self.batch]
            images, labels = self._at(positions)
            if self.augment:
                augmented = [crop_and_flip(x, g) for x, g in zip(images, self.generators, strict=True)]
                images = torch.stack(augmented)
            yield images, labels

    def in_order(self, images_a_pass: int = IMAGES_A_PASS) -> Iterator[tuple[Tensor, Tensor]]:
        """All images in their own order, in parts of so many images of all members together."""
        part = max(16, images_a_pass // len(self.labels))
        for positions in torch.arange(self.size, device=self.labels.device).split(part):
            yield self._at(positions.expand(len(self.labels), -1))

    def select(self, members: Tensor) -> "Batches":
        """The batches of some of the members (int64 ``[k]``)."""
        own = self.rows is None and not self.shared
        each = self.generators and not self.shared
        return replace(
            self,
            images=self.images[members] if own else self.images,
            labels=self.labels[members],
            rows=None if self.rows is None else self.rows[members],
            generators=[self.generators[k] for k in members.tolist()] if each else self.generators,
        )

    def _order(self) -> Tensor:
        """A permutation for every member, int64 ``[k, n]``."""
        if self.shared:
            orders = torch.randperm(self.size, generator=self.generators[0]).expand(len(self.labels), -1)
        else:
            orders = torch.stack([torch.randperm(self.size, generator=g) for g in self.generators])
        return orders.to(self.labels.device)

    def _at(self, positions: Tensor | None) -> tuple[Tensor, Tensor]:
        """Images and labels at positions ``[k, B]`` of the members' sets; None for all in order."""
        if positions is None:
            return self.images, self.labels
        labels = self.labels.gather(1, positions)
        if self.shared:
            return self.images[positions[0]], labels
        if self.rows is not None:
            return self.images[self.rows.gather(1, positions)], labels
        member = torch.arange(len(self.labels), device=positions.device)[:, None]
        return self.images[member, positions], labels


def _alike(rows: Sequence[Tensor | None]) -> bool:
    first = rows[0]
    return all(row is first or (row is not None and first is not None and torch.equal(row, first)) for row in rows[1:])


def _consecutive(images: Sequence[Tensor]) -> list[Tensor]:
    ends = torch.tensor([len(x) for x in images]).cumsum(0).tolist()
    return [torch.arange(end - len(x), end) for x, end in zip(images, ends, strict=True)]
