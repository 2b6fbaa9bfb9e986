"""On a CUDA GPU: the same numbers as on the CPU within rounding, and nothing left behind on the CPU."""

import pytest
import torch
from torch import Tensor

from companion.data import few_sample_split, load, permute_labels
from companion.devices import choose_device
from companion.ensemble import Ensemble
from companion.measure import measure
from companion.networks import cnn, seeded
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
