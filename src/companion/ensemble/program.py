"""Training of some members as one tensor program: the stacked form of :func:`companion.training.train`."""

import time
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from companion.ensemble.members import MemberOutcome, finish
from companion.ensemble.rules import UpdateRule
from companion.ensemble.stacking import Forward, Stack, State
from companion.ensemble.subsets import IMAGES_A_PASS, Batches
from companion.ensemble.work import Work
from companion.progress import Progress
from companion.training import NEGLIGIBLE_LOSS

REPACK_BELOW = 0.9  # share of members still learning below which the finished ones are taken out


class Program:
    """Members of one shape of work (equal settings up to rates and seeds, equally many images), trained together.

    Every member does what it would do alone. One that has reached zero training error, or whose loss is no longer
    finite, is measured and written back at once; its row computes on until enough have finished to be taken out.

    Args:
        work: that of the whole ensemble.
        members: which of its members.
        forward: computes all members' outputs, :meth:`Stack.forward` or one that is equal to it.
        images_a_pass: images of all members together that are measured at once.
    """

    def __init__(
        self,
        work: Work,
        members: Sequence[int],
        forward: Forward = Stack.forward,
        images_a_pass: int = IMAGES_A_PASS,
    ) -> None:
        rows = torch.tensor(list(members), device=work.subsets.pool.device)
        self.work, self.members = work, list(members)
        self.forward, self.images_a_pass = forward, images_a_pass
        self.settings = [work.settings[k] for k in members]
        self.stack = work.stack.select(rows)
        self.arguments = {name: value[rows] for name, value in work.arguments.items()}
        self.batches = Batches.of(work.subsets, self.members, self.settings)
        self.test_batches = None if work.tests is None else Batches.of_tests([work.tests[k] for k in members])
        self.outcomes = [MemberOutcome() for _ in members]
        self.learning = torch.ones(len(rows), dtype=torch.bool, device=rows.device)
        self.results: dict[int, MemberOutcome] = {}
        self.steps = self.epochs = 0
        self.device = rows.device
        self.rule = UpdateRule(self._trained(), self.settings)

    def _trained(self) -> State:
        """The parameters that are trained, made to require gradients."""
        names = [name for name, p in self.stack.template.named_parameters() if p.requires_grad]
        return {name: self.stack.parameters[name].requires_grad_() for name in names}

    def train(self, progress: Progress) -> dict[int, MemberOutcome]:
        """Train to the end of the budget or until every member has stopped; returns each member's outcome."""
        started, common = time.monotonic(), self.settings[0]
        while self.members and self.epochs < common.epochs:
            losses, right = self.epoch()
            last = self.epochs == common.epochs
            enough = common.stop_at_zero_error and self.steps >= common.at_least
            may_stop = self.learning & (right == 1.0) & enough
            due = last or self.epochs % common.evaluate_every == 0
            self._note(losses, self.learning if due else may_stop)
            progress.update(self.epochs, common.epochs, "epoch", **self._summary(losses))
            self._stop(self.learning if last else may_stop, last)
        for outcome in self.results.values():
            outcome.seconds = (time.monotonic() - started) / len(self.results)
        return self.results

    def epoch(self, most_steps: int | None = None) -> tuple[Tensor, Tensor]:
        """One pass of every member over its training set; returns mean losses and shares classified correctly."""
        self.stack.template.train()
        rates = [s.rate(self.epochs) for s in self.settings]
        self.rule.rates = self.rule.column(rates)
        total, right, seen = torch.zeros_like(self.rule.rates), torch.zeros_like(self.rule.rates), 0
        for images, labels in self.batches.epoch(most_steps):
            losses, correct = self._step(images, labels)
            total += losses * labels.shape[1]
            right += correct
            seen += labels.shape[1]
        self.epochs += 1
        return total / seen, right / seen

    def _step(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """One optimiser step of every learning member; returns losses and numbers of correct images ``[K]``."""
        K, B = labels.shape
        precision = self.settings[0].mixed_precision
        with torch.autocast(images.device.type, torch.bfloat16, enabled=precision):
            logits = self.forward(self.stack, images, self.arguments, shared=self.batches.shared)
        logits = logits.float() if precision else logits
        losses = cross_entropy(logits.reshape(K * B, -1), labels.reshape(-1), reduction="none").view(K, B).mean(1)
        # the members are independent: the gradient of the sum holds every member's own
        names = list(self.rule.parameters)
        gradients = torch.autograd.grad(losses.sum(), list(self.rule.parameters.values()), allow_unused=True)
        losses = losses.detach()
        used = {name: g for name, g in zip(names, gradients, strict=True) if g is not None}
        ordinary = torch.isfinite(losses) & (losses * B > NEGLIGIBLE_LOSS) | ~self.learning
        if bool(ordinary.all()):  # the only wait for the device in a step
            self.rule.step(used)
        else:
            self._stop_diverged(losses)
            self.rule.step(used, ordinary)
        self.steps += 1
        return losses, (logits.argmax(2) == labels).sum(1)

    def _stop_diverged(self, losses: Tensor) -> None:
        diverged = (self.learning & ~torch.isfinite(losses)).nonzero().flatten()
        for row in diverged.tolist():
            self.outcomes[row].diverged_at_step = self.steps + 1
        self._write_back(diverged)

    def _note(self, losses: Tensor, rows: Tensor) -> None:
        """Add a point to the curves of some members (bool ``[K]``)."""
        if not bool(rows.any()):
            return
        chosen = rows.nonzero().flatten()
        train = self.accuracies(self.batches, chosen)
        test = None if self.test_batches is None else self.accuracies(self.test_batches, chosen)
        noted = losses.tolist()
        for position, row in enumerate(chosen.tolist()):
            tested = None if test is None else test[position]
            self.outcomes[row].note(self.epochs, noted[row], train[position], tested)

    @torch.no_grad()
    def accuracies(self, batches: Batches, rows: Tensor) -> list[float]:
        """The accuracies of some members (int64 ``[k]``) in evaluation mode."""
        stack, arguments = self.stack, self.arguments
        if len(rows) < len(self.members):
            stack, batches = stack.select(rows), batches.select(rows)
            arguments = {name: value[rows] for name, value in arguments.items()}
        stack.template.eval()
        right = torch.zeros(len(rows), dtype=torch.int64, device=self.device)
        for images, labels in batches.in_order(self.images_a_pass):
            right += (self.forward(stack, images, arguments, shared=batches.shared).argmax(2) == labels).sum(1)
        return [count / batches.size for count in right.tolist()]

    @torch.no_grad()
    def measure_one_pass(self, batches: Batches) -> int:
        """Compute what one pass of a measurement computes; returns its images a member."""
        self.stack.template.eval()
        images, labels = next(batches.in_order(self.images_a_pass))
        (self.forward(self.stack, images, self.arguments, shared=batches.shared).argmax(2) == labels).sum(1).tolist()
        return labels.shape[1]

    def _stop(self, candidates: Tensor, last: bool) -> None:
        """Finish the candidates that are done, and take finished members out of the program when that pays."""
        rows = candidates.nonzero().flatten().tolist()
        done = [row for row in rows if last or self.outcomes[row].curves["train_accuracy"][-1] == 1.0]
        self._write_back(torch.tensor(done, dtype=torch.int64, device=self.device))
        for row in done:
            finish(self.work, self.members[row], self.outcomes[row])
        left = self.learning.nonzero().flatten()
        if len(left) <= REPACK_BELOW * len(self.members):
            self._repack(left)

    def _write_back(self, rows: Tensor) -> None:
        """End the learning of some members (int64 ``[k]``): their networks as they are now are the result."""
        if not len(rows):
            return
        self.learning[rows] = False
        members = [self.members[row] for row in rows.tolist()]
        self.work.stack.write(torch.tensor(members, device=self.device), self.stack, rows)
        for member, row in zip(members, rows.tolist(), strict=True):
            self.outcomes[row].epochs, self.outcomes[row].steps = self.epochs, self.steps
            self.results[member] = self.outcomes[row]

    def _repack(self, left: Tensor) -> None:
        rows = left.tolist()
        self.members, self.outcomes, self.settings = (
            [kept[row] for row in rows] for kept in (self.members, self.outcomes, self.settings)
        )
        if not rows:
            return
        self.stack = self.stack.select(left)
        self.arguments = {name: value[left] for name, value in self.arguments.items()}
        self.learning = self.learning[left]
        self.batches = self.batches.select(left)
        self.test_batches = None if self.test_batches is None else self.test_batches.select(left)
        self.rule.select(self._trained(), left)

    def _summary(self, losses: Tensor) -> dict[str, float]:
        summary = {"train_loss": float(losses.mean()), "learning": float(self.learning.sum())}
        for name in ("train_accuracy", "test_accuracy"):
            latest = [outcome.curves[name][-1] for outcome in self.outcomes if outcome.curves.get(name)]
            summary |= {name: sum(latest) / len(latest)} if latest else {}
        return summary
