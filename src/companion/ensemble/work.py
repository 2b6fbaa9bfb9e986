"""All that an ensemble is to be trained with, member by member."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from companion.ensemble.grouped import GroupedForward, can_be_grouped, groups_correctly
from companion.ensemble.stacking import Stack, State, refuse_what_vmap_cannot
from companion.ensemble.subsets import Subsets
from companion.errors import CompanionError
from companion.training import Settings

Labelled = tuple[Tensor, Tensor]  # images and labels


@dataclass
class Work:
    """The networks, training sets, settings and test sets of K members.

    Attributes:
        stack: the networks; finished members are written into it.
        arguments: keyword arguments of forward, ``[K, ...]`` each.
        subsets: training sets.
        settings: one a member.
        tests: one a member, or None.
    """

    stack: Stack
    arguments: State
    subsets: Subsets
    settings: list[Settings]
    tests: list[Labelled] | None

    def __post_init__(self) -> None:
        for what, given in (("settings", self.settings), ("test", self.tests)):
            if given is not None and len(given) != len(self.stack):
                raise CompanionError(f"{what}: {len(given)} given for {len(self.stack)} members; give one for each.")

    @cached_property
    def grouped(self) -> GroupedForward | None:
        """The forward pass by grouped layers, where the network allows it."""
        possible = not self.arguments and not refuse_what_vmap_cannot(self.stack.template)
        if possible and can_be_grouped(self.stack.template) and groups_correctly(self.stack, self.subsets.pool):
            return GroupedForward(self.stack.template)
        return None

    def arguments_of(self, k: int) -> State:
        """The keyword arguments of member k."""
        return {name: value[k] for name, value in self.arguments.items()}

    def test_of(self, k: int) -> Labelled | None:
        """The test set of member k."""
        return None if self.tests is None else self.tests[k]

    def steps(self, k: int) -> int:
        """Optimiser steps that member k makes in an epoch."""
        size = self.subsets.size(k)
        return max(1, -(-size // (self.settings[k].batch or size)))

    def programs(self) -> list[list[int]]:
        """The members that can share a program: equally many images, settings equal up to rates and seeds."""
        groups: dict[tuple[object, ...], list[int]] = {}
        for k, settings in enumerate(self.settings):
            common = replace(settings, learning_rate=0.0, weight_decay=0.0, momentum=0.0, order_seed=0)
            test = self.test_of(k)
            key = (common, self.subsets.size(k), None if test is None else len(test[1]))
            groups.setdefault(key, []).append(k)
        return list(groups.values())

    def copy_of(self, members: Sequence[int]) -> "Work":
        """The work of some members, on a copy of their networks."""
        rows = torch.tensor(members, device=self.subsets.pool.device)
        subsets = Subsets(
            self.subsets.pool, [self.subsets.rows[k] for k in members], [self.subsets.labels[k] for k in members]
        )
        return Work(
            self.stack.select(rows),
            {name: value[rows] for name, value in self.arguments.items()},
            subsets,
            [self.settings[k] for k in members],
            None if self.tests is None else [self.tests[k] for k in members],
        )
