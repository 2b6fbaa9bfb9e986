"""On a CUDA GPU: the same numbers as on the CPU within rounding, and nothing left behind on the CPU."""

import pytest
import torch
from torch import Tensor

from companion.data import few_sample_split, load, permute_labels
from companion.devices import choose_device
from companion.ensemble import Ensemble
from companion.measure import measure
from companion.networks import cnn, seeded
from companion.predefined_filters import pfnet18
from companion.proxygrad import asymmetric_leaky_relu
from companion.sugar import SugarReLU, replace_relu
from companion.training import Settings, train

pytestmark = pytest.mark.gpu


@pytest.fixture
def digits() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    images = load("digits")
    split = few_sample_split(images.labels, 5, largest=100)
    train_set, test_set = images[split.train], images[split.test]
    return train_set.standardised(), train_set.labels, test_set.standardised(like=train_set), test_set.labels


def on(device: str, *tensors: Tensor) -> tuple[Tensor, ...]:
    return tuple(tensor.to(device) for tensor in tensors)


def test_the_gpu_is_chosen_when_there_is_one():
    assert choose_device().name == "cuda"


def test_a_data_set_and_its_split_live_on_the_gpu():
    digits = load("digits", device="cuda")
    split = few_sample_split(digits.labels, 5)
    assert digits.images.device.type == digits.labels.device.type == split.train.device.type == "cuda"
    assert digits[split.train].standardised().device.type == "cuda"
    noisy = permute_labels(digits.labels, 1.0, torch.Generator().manual_seed(0))
    assert torch.equal(noisy.cpu(), permute_labels(digits.labels.cpu(), 1.0, torch.Generator().manual_seed(0)))


@pytest.mark.parametrize("optimiser", ["lamb", "adam", "sgd"])
@pytest.mark.parametrize("augment", [False, True])
def test_training_on_the_gpu_follows_training_on_the_cpu(digits, optimiser, augment):
    plan = Settings(epochs=5, batch=16, optimiser=optimiser, learning_rate=3e-3, augment=augment)
    losses = []
    for device in ("cpu", "cuda"):
        images, labels, *test = on(device, *digits)
        outcome = train(seeded(lambda: cnn(8, 10), 0).to(device), images, labels, plan, test=tuple(test))
        losses.append(outcome.curves["train_loss"])
    assert losses[1] == pytest.approx(losses[0], rel=0.02)


def test_mixed_precision_on_the_gpu_still_reaches_training_error_zero(digits):
    images, labels, *_ = on("cuda", *digits)
    plan = Settings(epochs=100, optimiser="adam", learning_rate=3e-3, stop_at_zero_error=True, mixed_precision=True)
    assert train(seeded(lambda: cnn(16, 10), 0).to("cuda"), images, labels, plan).train_accuracy == 1.0


def test_an_ensemble_on_the_gpu_follows_the_ensemble_on_the_cpu(digits):
    plan = Settings(epochs=5, optimiser="adam", learning_rate=3e-3)
    losses = []
    for device in ("cpu", "cuda"):
        images, labels, *test = on(device, *digits)
        ensemble = Ensemble(lambda: cnn(8, 10), range(4), device=device)
        losses.append(ensemble.train(images, labels, plan, test=tuple(test), method="vmap").curves("train_loss"))
    torch.testing.assert_close(losses[1], losses[0], rtol=0.02, atol=1e-3)


def test_the_whole_measurement_runs_on_the_gpu_and_says_so():
    record = measure("few_data", device="cuda", widths="16", sizes="5", per_class=5, parts="grid,baselines", seeds=2)
    assert record.provenance["hardware"]["device"] == "cuda"
    assert record.provenance["hardware"]["gpu"]
    networks = [row for row in record.rows if row["arm"] == "network"]
    assert all(row["train_accuracy"] == 1.0 for row in networks)


@pytest.mark.parametrize("surrogate", ["b_silu", "nelu"])
@pytest.mark.parametrize("form", ["direct", "formula"])
def test_sugar_on_the_gpu_has_the_value_of_relu_and_the_gradient_of_the_cpu(surrogate, form):
    x, upstream = torch.linspace(-4, 4, 1001), torch.linspace(1, 2, 1001)
    found = []
    for device in ("cpu", "cuda"):
        on_device = x.to(device).requires_grad_()
        y = SugarReLU(surrogate, form=form)(on_device)
        y.backward(upstream.to(device))
        found.append((y.detach().cpu(), on_device.grad.cpu()))
    assert torch.equal(found[1][0], x.relu())
    torch.testing.assert_close(found[1][1], found[0][1], rtol=1e-5, atol=1e-6)


def test_sugar_trains_under_mixed_precision_and_compiled_on_the_gpu(digits):
    images, labels, *_ = on("cuda", *digits)
    network = replace_relu(cnn(8, 10), "b_silu").to("cuda")
    network.compile()
    plan = Settings(epochs=60, optimiser="adam", learning_rate=3e-3, mixed_precision=True)
    assert train(network, images, labels, plan).train_accuracy > 0.9


def test_the_two_slopes_of_proxygrad_on_the_gpu_are_those_of_the_cpu():
    x = torch.linspace(-2, 2, 401)
    gradients = []
    for device in ("cpu", "cuda"):
        on_device = x.to(device).requires_grad_()
        y = asymmetric_leaky_relu(on_device, 0.0, 0.3)
        y.sum().backward()
        assert torch.equal(y.detach().cpu(), x.relu())
        gradients.append(on_device.grad.cpu())
    assert torch.equal(*gradients)


def test_a_pfnet_that_makes_its_maps_again_needs_less_memory_on_the_gpu_and_has_the_same_gradients():
    images = torch.randn(16, 3, 64, 64, device="cuda")
    labels = torch.arange(16, device="cuda") % 5
    peaks, gradients = [], []
    for recompute in (False, True):
        torch.manual_seed(0)
        network = pfnet18(classes=5, width=32, recompute=recompute).to("cuda")
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        torch.nn.functional.cross_entropy(network(images), labels).backward()
        peaks.append(torch.cuda.max_memory_allocated() - before)
        gradients.append(network.classifier.weight.grad)
    assert peaks[1] < 0.85 * peaks[0]
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-2, atol=1e-3)
