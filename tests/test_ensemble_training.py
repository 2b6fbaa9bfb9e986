"""Each member of an ensemble is its sequential twin: initialisation, training, stopping, measuring."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, relu

from companion.ensemble import Ensemble
from companion.errors import CompanionError
from companion.networks import cnn, mlp, reestimate_batch_norm, seeded
from companion.optimisers import make_optimiser
from companion.progress import Cancelled, Progress
from companion.training import Settings, train

K, N = 5, 48


def double_mlp() -> nn.Module:
    return mlp((64, 20, 10)).double()


def double_cnn() -> nn.Module:
    return cnn(4, 10).double()


@pytest.fixture
def images() -> Tensor:
    return torch.rand(300, 1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def labels() -> Tensor:
    return torch.randint(0, 10, (300,), generator=torch.Generator().manual_seed(1))


@pytest.fixture
def subsets() -> list[Tensor]:
    return [torch.randperm(300, generator=torch.Generator().manual_seed(k))[:N] for k in range(K)]


def different_settings(**common: object) -> list[Settings]:
    """Members that differ in learning rate, weight decay, momentum and batch order."""
    return [
        Settings(learning_rate=0.01 * (1 + k), weight_decay=0.01 * k, momentum=0.2 * k, order_seed=k, **common)
        for k in range(K)
    ]


def plain_loop(network: nn.Module, images: Tensor, labels: Tensor, settings: Settings) -> nn.Module:
    """Train one network as any tutorial does: torch's optimiser, one batch after the other."""
    optimiser = make_optimiser(
        settings.optimiser,
        network.parameters(),
        settings.learning_rate,
        weight_decay=settings.weight_decay,
        momentum=settings.momentum,
    )
    generator = torch.Generator().manual_seed(settings.order_seed)
    network.train()
    for _ in range(settings.epochs):
        whole = [torch.arange(len(images))]
        parts = torch.randperm(len(images), generator=generator).split(settings.batch) if settings.batch else whole
        for part in parts:
            optimiser.zero_grad()
            cross_entropy(network(images[part]), labels[part]).backward()
            optimiser.step()
    return network


def largest_difference(network: nn.Module, twin: nn.Module) -> float:
    pairs = zip(network.state_dict().values(), twin.state_dict().values(), strict=True)
    return max(float((a - b).abs().max()) for a, b in pairs)


@pytest.mark.parametrize("build", [double_mlp, double_cnn, lambda: cnn(4, 10), lambda: mlp((64, 20, 10))])
def test_members_start_bit_for_bit_as_their_sequential_twins(build):
    ensemble = Ensemble(build, seeds=[7, 3, 11, 5, 3, 8])
    for k, seed in enumerate([7, 3, 11, 5, 3, 8]):
        assert largest_difference(ensemble.member(k), seeded(build, seed)) == 0.0


def test_an_initialisation_that_draws_out_of_place_is_reproduced_as_well():
    def build() -> nn.Module:
        layer = nn.Linear(4, 3)
        layer.weight = nn.Parameter(torch.randn(3, 4) * 0.1)
        return layer

    ensemble = Ensemble(build, seeds=range(6))
    for k in range(6):
        assert largest_difference(ensemble.member(k), seeded(build, k)) == 0.0


def test_building_an_ensemble_leaves_the_global_generator_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    Ensemble(double_mlp, seeds=range(6))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("batch", [None, 16])
@pytest.mark.parametrize("optimiser", ["sgd", "adam", "lamb"])
@pytest.mark.parametrize(("build", "method"), [(double_mlp, "vmap"), (double_cnn, "vmap"), (double_cnn, "grouped")])
def test_a_trained_member_equals_its_twin_to_rounding_in_double_precision(
    build, method, optimiser, batch, images, labels, subsets
):
    settings = different_settings(epochs=4, optimiser=optimiser, batch=batch)
    ensemble = Ensemble(build, seeds=range(K))
    outcome = ensemble.train(images, labels, settings, subsets=subsets, method=method)
    assert outcome.methods == [method] * K
    for k, rows in enumerate(subsets):
        twin = plain_loop(seeded(build, k), images[rows], labels[rows], settings[k])
        if outcome.members[k].batch_norm_reestimated:
            reestimate_batch_norm(twin, images[rows])
        assert largest_difference(ensemble.member(k), twin) <= 1e-12


@pytest.mark.parametrize("method", ["vmap", "grouped", "loop"])
def test_running_statistics_of_every_member_are_those_of_its_twin(method, images, labels, subsets):
    settings = [replace(s, at_least=0) for s in different_settings(epochs=3, optimiser="sgd", batch=24)]
    ensemble = Ensemble(lambda: cnn(4, 10), seeds=range(K))
    outcome = ensemble.train(images.float(), labels, settings, subsets=subsets, method=method)
    for k, rows in enumerate(subsets):
        twin = seeded(lambda: cnn(4, 10), k)
        alone = train(twin, images[rows].float(), labels[rows], settings[k])
        assert alone.batch_norm_reestimated == outcome.members[k].batch_norm_reestimated
        # float32: 1e-5 is some hundred roundings of a sum over 24 x 64 pixels
        torch.testing.assert_close(twin[1].running_mean, ensemble.member(k)[1].running_mean, rtol=0, atol=1e-5)
        torch.testing.assert_close(twin[4].running_var, ensemble.member(k)[4].running_var, rtol=1e-4, atol=1e-5)


def test_in_single_precision_curves_and_accuracies_are_those_of_the_twins(images, labels, subsets):
    settings = different_settings(epochs=20, optimiser="sgd", batch=16)
    ensemble = Ensemble(lambda: mlp((64, 20, 10)), seeds=range(K))
    test = images[:100].float(), labels[:100]
    outcome = ensemble.train(images.float(), labels, settings, subsets=subsets, test=test, method="vmap")
    for k, rows in enumerate(subsets):
        twin = seeded(lambda: mlp((64, 20, 10)), k)
        alone = train(twin, images[rows].float(), labels[rows], settings[k], test=test)
        member = outcome.members[k]
        assert (member.epochs, member.steps) == (alone.epochs, alone.steps)
        assert member.curves["epoch"] == alone.curves["epoch"]
        # 60 steps of SGD in float32: losses agree to 1e-4, and at most one image of 48 may tip over
        assert member.curves["train_loss"] == pytest.approx(alone.curves["train_loss"], abs=1e-4)
        assert member.curves["train_accuracy"] == pytest.approx(alone.curves["train_accuracy"], abs=1.01 / N)
        assert member.test_accuracy == pytest.approx(alone.test_accuracy, abs=0.011)


def test_each_member_stops_by_itself_at_zero_training_error(images, labels, subsets):
    settings = [
        Settings(epochs=300, optimiser="adam", learning_rate=rate, stop_at_zero_error=True, evaluate_every=50)
        for rate in (3e-2, 1e-2, 3e-3, 1e-3, 1e-5)
    ]
    build = lambda: mlp((64, 50, 10))  # noqa: E731
    ensemble = Ensemble(build, seeds=range(K))
    outcome = ensemble.train(images.float(), labels, settings, subsets=subsets, method="vmap")
    epochs = [member.epochs for member in outcome.members]
    assert epochs == sorted(epochs)
    assert epochs[0] < epochs[2] < epochs[4] == 300
    for k, rows in enumerate(subsets):
        alone = train(seeded(build, k), images[rows].float(), labels[rows], settings[k])
        assert outcome.members[k].epochs == alone.epochs
        assert outcome.members[k].curves["epoch"] == alone.curves["epoch"]
        assert outcome.members[k].train_accuracy == alone.train_accuracy


def test_a_stopped_member_keeps_the_weights_it_stopped_with(images, labels, subsets):
    settings = [
        Settings(epochs=200, optimiser="adam", learning_rate=rate, stop_at_zero_error=True)
        for rate in (3e-2, 1e-3, 1e-3, 1e-3, 1e-3)
    ]
    ensemble = Ensemble(double_mlp, seeds=range(K))
    outcome = ensemble.train(images, labels, settings, subsets=subsets, method="vmap")
    stopped = replace(settings[0], epochs=outcome.members[0].epochs, stop_at_zero_error=False)
    twin = plain_loop(seeded(double_mlp, 0), images[subsets[0]], labels[subsets[0]], stopped)
    assert stopped.epochs < 200
    assert largest_difference(ensemble.member(0), twin) <= 1e-12


def test_a_diverging_member_is_named_and_does_not_touch_the_others(images, labels, subsets):
    calm = Settings(epochs=5, optimiser="sgd", learning_rate=0.1)
    wild = replace(calm, learning_rate=1e200)
    ensemble = Ensemble(double_mlp, seeds=range(K))
    outcome = ensemble.train(images, labels, [calm, wild, calm, calm, calm], subsets=subsets, method="vmap")
    assert outcome.diverged.tolist() == [False, True, False, False, False]
    assert outcome.members[1].diverged_at_step > 1
    twin = plain_loop(seeded(double_mlp, 2), images[subsets[2]], labels[subsets[2]], calm)
    assert largest_difference(ensemble.member(2), twin) <= 1e-12


def test_members_of_different_sizes_are_trained_in_programs_of_their_own(images, labels):
    sizes = [10, 20, 10, 48, 20]
    subsets = [torch.randperm(300, generator=torch.Generator().manual_seed(k))[:n] for k, n in enumerate(sizes)]
    settings = different_settings(epochs=3, optimiser="adam", batch=8)
    ensemble = Ensemble(double_mlp, seeds=range(K))
    ensemble.train(images, labels, settings, subsets=subsets, method="vmap")
    for k, rows in enumerate(subsets):
        twin = plain_loop(seeded(double_mlp, k), images[rows], labels[rows], settings[k])
        assert largest_difference(ensemble.member(k), twin) <= 1e-12


def test_members_may_have_permuted_labels_on_the_same_images(images, labels):
    permuted = torch.stack([labels[torch.randperm(300, generator=torch.Generator().manual_seed(k))] for k in range(K)])
    settings = Settings(epochs=3, optimiser="lamb", learning_rate=0.01)
    ensemble = Ensemble(double_mlp, seeds=range(K))
    ensemble.train(images, permuted, settings, method="vmap")
    for k in range(K):
        twin = plain_loop(seeded(double_mlp, k), images, permuted[k], settings)
        assert largest_difference(ensemble.member(k), twin) <= 1e-12


class Sloped(nn.Module):
    """A network whose forward takes the slope of its leaky activation."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(64, 20), nn.Linear(20, 10)

    def forward(self, images: Tensor, slope: Tensor) -> Tensor:
        hidden = self.first(images.flatten(1))
        return self.last(relu(hidden) - slope * relu(-hidden))


@pytest.mark.parametrize("method", ["vmap", "loop"])
def test_a_scalar_such_as_the_surrogate_slope_may_differ_between_members(method, images, labels):
    slopes = torch.linspace(0, 0.5, K)
    settings = Settings(epochs=3, optimiser="adam")
    ensemble = Ensemble(Sloped, seeds=[0] * K, arguments={"slope": slopes})
    ensemble.train(images.float(), labels, settings, method=method)
    for k in range(K):
        twin = seeded(Sloped, 0)
        bound = nn.Module()
        bound.forward = lambda x, twin=twin, k=k: twin(x, slopes[k])
        bound.parameters = twin.parameters
        train(bound, images.float(), labels, settings)
        assert largest_difference(ensemble.member(k), twin) <= 1e-5  # float32, three steps of Adam


def test_a_small_memory_budget_cuts_the_program_without_changing_the_members(images, labels, subsets):
    settings = different_settings(epochs=3, optimiser="adam", batch=16)
    whole, cut = Ensemble(double_cnn, seeds=range(K)), Ensemble(double_cnn, seeds=range(K))
    whole.train(images, labels, settings, subsets=subsets, method="vmap")
    cut.train(images, labels, settings, subsets=subsets, method="vmap", memory=1)
    for name, value in whole.stack.tensors().items():
        torch.testing.assert_close(cut.stack.tensors()[name], value, rtol=0, atol=1e-12)


def test_loop_and_program_give_the_same_accuracies(images, labels, subsets):
    settings = different_settings(epochs=5, optimiser="adam")
    accuracies = []
    for method in ("loop", "vmap", "auto"):
        ensemble = Ensemble(lambda: mlp((64, 20, 10)), seeds=range(K))
        ensemble.train(images.float(), labels, settings, subsets=subsets, method=method)
        accuracies.append(ensemble.evaluate(images.float(), labels))
    torch.testing.assert_close(accuracies[0], accuracies[1], rtol=0, atol=1.01 / 300)
    torch.testing.assert_close(accuracies[0], accuracies[2], rtol=0, atol=1.01 / 300)


def test_evaluation_is_the_accuracy_of_each_member_alone(images, labels):
    ensemble = Ensemble(double_cnn, seeds=range(3))
    for k, accuracy in enumerate(ensemble.evaluate(images, labels)):
        assert float(accuracy) == float((ensemble.member(k)(images).argmax(1) == labels).double().mean())


def test_progress_is_told_and_can_cancel(images, labels):
    class Cancelling(Progress):
        def show(self, done, total, label, metrics):
            assert total == K
            assert "train_loss" in metrics
            if done >= 2:
                self.cancel()

    ensemble = Ensemble(double_mlp, seeds=range(K))
    before = ensemble.stack.parameters["1.weight"].clone()
    with pytest.raises(Cancelled):
        ensemble.train(images, labels, Settings(epochs=10), method="vmap", progress=Cancelling(interval=0))
    assert torch.equal(before, ensemble.stack.parameters["1.weight"])


def test_what_does_not_fit_together_is_named(images, labels, subsets):
    ensemble = Ensemble(double_mlp, seeds=range(K))
    with pytest.raises(CompanionError, match="settings: 2 given for 5 members"):
        ensemble.train(images, labels, [Settings()] * 2)
    with pytest.raises(CompanionError, match="subsets: 4 given for 5 members"):
        ensemble.train(images, labels, Settings(), subsets=subsets[:4])
    with pytest.raises(CompanionError, match="299 labels for 300 images"):
        ensemble.train(images, labels[:-1], Settings())
    with pytest.raises(CompanionError, match="Unknown method 'vmpa'"):
        ensemble.train(images, labels, Settings(), method="vmpa")


def test_batch_normalisation_without_momentum_falls_to_the_loop_with_a_reason(images, labels):
    def build() -> nn.Module:
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 10), nn.BatchNorm1d(10, momentum=None)).double()

    ensemble = Ensemble(build, seeds=range(3))
    with pytest.raises(CompanionError, match="momentum=None"):
        ensemble.train(images, labels, Settings(epochs=1), method="vmap")
    assert ensemble.train(images, labels, Settings(epochs=1)).methods == ["loop"] * 3
