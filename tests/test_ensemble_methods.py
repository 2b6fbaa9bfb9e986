"""The ways of computing an ensemble agree: vmap, grouped layers, the loop; and who decides between them."""

import pytest
import torch
from torch import Tensor, nn

from companion.ensemble import Ensemble
from companion.ensemble.grouped import GroupedForward, can_be_grouped, groups_correctly
from companion.ensemble.probe import room
from companion.ensemble.stacking import Stack, stack
from companion.ensemble.subsets import Subsets
from companion.ensemble.work import Work
from companion.errors import CompanionError
from companion.networks import build, cnn, mlp, seeded
from companion.training import Settings, train

K = 3


@pytest.fixture
def images() -> Tensor:
    return torch.rand(40, 1, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def labels() -> Tensor:
    return torch.randint(0, 4, (40,), generator=torch.Generator().manual_seed(1))


def convolutional() -> nn.Module:
    """Every layer with a grouped form, among them a depthwise and a biased convolution."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 3, stride=2, padding=1),
        nn.BatchNorm2d(6),
        nn.LeakyReLU(0.1),
        nn.Conv2d(6, 12, 3, groups=6, bias=False),
        nn.BatchNorm2d(12, affine=False),
        nn.ReLU(),
        nn.Conv2d(12, 5, 1),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(20, 7, bias=False),
        nn.BatchNorm1d(7, track_running_stats=False),
        nn.Linear(7, 4),
    )


def residual() -> nn.Module:
    return build("resnet18", classes=4, channels=1, image_size=16, width=1 / 8)


class MixingChannels(nn.Module):
    """Its soft maximum runs over the channels, which in the wide network belong to different members."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.linear = nn.Conv2d(1, 3, 3), nn.Linear(3, 4)

    def forward(self, images: Tensor) -> Tensor:
        return self.linear(torch.softmax(self.convolution(images), dim=1).mean((2, 3)))


@pytest.mark.parametrize("make", [convolutional, residual, lambda: cnn(4, 4, 1, 16)])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shared", [True, False])
def test_grouped_layers_compute_what_vmap_computes(make, training, shared, images):
    images = images.double() if shared else torch.stack([images.double() * (k + 1) for k in range(K)])
    outputs, buffers = [], []
    for forward in (Stack.forward, GroupedForward(make())):
        networks = stack(make, range(K)).to("cpu", torch.float64)
        networks.template.train(training)
        outputs.append(forward(networks, images, {}, shared=shared))
        buffers.append(list(networks.buffers.values()))
    torch.testing.assert_close(*outputs, rtol=0, atol=1e-12)
    for one, other in zip(*buffers, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


def test_networks_that_mix_channels_are_found_out_and_not_grouped(images, labels):
    assert can_be_grouped(MixingChannels())
    assert not groups_correctly(stack(MixingChannels, range(K)), images)
    ensemble = Ensemble(MixingChannels, seeds=range(K))
    with pytest.raises(CompanionError, match="cannot be trained by grouped layers"):
        ensemble.train(images, labels, Settings(epochs=1), method="grouped")
    assert ensemble.train(images, labels, Settings(epochs=1), method="auto").methods[0] in ("vmap", "loop")


def test_checking_the_grouped_form_leaves_the_networks_alone(images):
    networks = stack(residual, range(K))
    before = {name: value.clone() for name, value in networks.tensors().items()}
    assert groups_correctly(networks, images)
    assert all(torch.equal(before[name], value) for name, value in networks.tensors().items())


def test_a_perceptron_gains_nothing_from_grouping_and_is_not_grouped():
    assert not can_be_grouped(mlp((64, 10, 4)))


@pytest.mark.parametrize("method", ["vmap", "grouped"])
def test_augmented_batches_are_those_of_the_sequential_twin(method, images, labels):
    settings = [Settings(epochs=2, batch=16, optimiser="sgd", augment=True, order_seed=k) for k in range(K)]
    make = lambda: cnn(4, 4, 1, 16)  # noqa: E731
    outcome = Ensemble(make, seeds=range(K)).train(images, labels, settings, method=method)
    for k in range(K):
        alone = train(seeded(make, k), images, labels, settings[k])
        assert outcome.members[k].curves["train_loss"] == pytest.approx(alone.curves["train_loss"], abs=1e-5)


def test_members_may_bring_images_and_test_sets_of_their_own(images, labels):
    own = [images[k : k + 20] for k in range(K)]
    tests = [(images[k + 20 : k + 30], labels[k + 20 : k + 30]) for k in range(K)]
    targets = [labels[k : k + 20] for k in range(K)]
    settings = Settings(epochs=3, batch=8, optimiser="sgd")
    make = lambda: mlp((256, 8, 4))  # noqa: E731
    outcome = Ensemble(make, seeds=range(K)).train(own, targets, settings, test=tests, method="vmap")
    for k in range(K):
        alone = train(seeded(make, k), own[k], targets[k], settings, test=tests[k])
        assert outcome.members[k].curves["train_loss"] == pytest.approx(alone.curves["train_loss"], abs=1e-5)
        assert outcome.members[k].test_accuracy == pytest.approx(alone.test_accuracy, abs=0.11)


def test_dropout_differs_between_members():
    def make() -> nn.Module:
        return nn.Sequential(nn.Linear(1, 1, bias=False), nn.Dropout(0.5))

    networks = stack(make, [0] * 20)
    networks.template.train()
    outputs = networks.forward(torch.ones(1, 1), {}, shared=True).detach().flatten()
    assert len(outputs.unique()) == 2


@pytest.mark.parametrize(("members", "epochs"), [(3, 200), (5, 1)])
def test_a_network_that_vmap_cannot_batch_is_trained_by_the_loop(members, epochs, images, labels):
    class Branching(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(256, 4)

        def forward(self, x: Tensor) -> Tensor:
            outputs = self.linear(x.flatten(1))
            return outputs if outputs.sum() > 0 else 2 * outputs

    settings = Settings(epochs=epochs, evaluate_every=epochs)
    outcome = Ensemble(Branching, seeds=range(members)).train(images, labels, settings)
    assert outcome.methods == ["loop"] * members


def test_less_memory_holds_fewer_members_and_always_one(images, labels):
    networks = stack(lambda: cnn(8, 4, 1, 16), range(50))
    work = Work(networks, {}, Subsets.of(50, images, labels), [Settings()] * 50, None)
    holds = [room(work, 0, memory)[0] for memory in (0, 5 * 10**6, 50 * 10**6)]
    assert holds[0] == 1
    assert holds == sorted(holds)
    # activations of one member alone: eight maps of 40 x 16 x 16 numbers kept by each of the first layers
    assert holds[1] <= 5 * 10**6 // (40 * 8 * 16 * 16 * 4)


def test_curves_of_members_that_stop_early_end_in_not_a_number(images, labels):
    settings = [
        Settings(epochs=30, optimiser="adam", learning_rate=rate, stop_at_zero_error=True)
        for rate in (1e-1, 1e-2, 1e-6)
    ]
    outcome = Ensemble(lambda: mlp((256, 64, 4)), seeds=range(K)).train(images, labels, settings, method="vmap")
    curves = outcome.curves("train_loss")
    assert curves.shape == (K, 30)
    for member, curve in zip(outcome.members, curves, strict=True):
        assert int((~curve.isnan()).sum()) == member.epochs


def test_strided_1x1_convolutions_are_grouped_without_writing_out_of_bounds():
    """torch 2.15 crashes in the gradient of such a convolution with channels last on a CPU."""

    def build_strided() -> nn.Module:
        strided = nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 16, 1, 2, bias=False), nn.BatchNorm2d(16)
        return nn.Sequential(*strided, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 3))

    wide = torch.randn(6, 3, 48, 48, generator=torch.Generator().manual_seed(0))
    plan = Settings(epochs=5, optimiser="sgd", learning_rate=0.05)
    losses = []
    for method in ("loop", "grouped"):
        ensemble = Ensemble(build_strided, range(3))
        losses.append(ensemble.train(wide, torch.arange(6) % 3, plan, method=method).curves("train_loss"))
    torch.testing.assert_close(*losses, rtol=1e-3, atol=1e-4)
