"""Training the weights with ProxyGrad: three readings as networks that any training loop can train."""

from typing import Literal, get_args

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from companion.activations import bypass
from companion.errors import unknown
from companion.proxygrad.activation import Slope
from companion.proxygrad.twins import twin

__all__ = ["LiteralProxy", "PulledBack", "TrainingReading", "for_training"]

TrainingReading = Literal["local", "pulled back", "literal"]


class PulledBack(nn.Module):
    """B': logits and loss from f, their gradient pulled back through p's Jacobian.

    In training mode the forward pass returns f's logits as a value and p's as the carrier of the gradient, so that
    cross-entropy sends (softmax(f(x)) - onehot) through p. Running statistics of batch normalisation come from f
    alone; p normalises by its own batch and leaves them as they are. In evaluation mode it is f.

    Args:
        network: f.
        backward_slope: a_b.
    """

    def __init__(self, network: nn.Module, backward_slope: Slope) -> None:
        super().__init__()
        self.network = network
        self.proxy = twin(network, "proxy", backward_slope)
        for module in self.proxy.modules():
            if isinstance(module, _BatchNorm):
                module.track_running_stats = False
                module.running_mean = module.running_var = module.num_batches_tracked = None

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return self.network(x)
        return bypass(value=self.network(x), carrier=self.proxy(x))


class LiteralProxy(nn.Module):
    """B taken literally: the loss is p's, the network that is tested is f.

    Args:
        network: f.
        backward_slope: a_b.
    """

    def __init__(self, network: nn.Module, backward_slope: Slope) -> None:
        super().__init__()
        self.network = network
        self.proxy = twin(network, "proxy", backward_slope)

    def forward(self, x: Tensor) -> Tensor:
        return self.proxy(x) if self.training else self.network(x)


def for_training(network: nn.Module, reading: TrainingReading = "local", backward_slope: Slope = 0.1) -> nn.Module:
    """The network in the form in which a reading trains it; the weights are the given network's own.

    Args:
        network: f, with `nn.ReLU` or `nn.LeakyReLU` modules.
        reading: ``local`` (A, the default for training), ``pulled back`` (B') or ``literal`` (B).
        backward_slope: a_b; for ``local`` and 0 it is ordinary training.

    Raises:
        CompanionError: for an unknown reading.

    References:
        Linse, Barth and Martinetz 2024, abstract: ProxyGrad also trains weights. Which reading it uses is not known.
    """
    if reading == "local":
        return twin(network, "local", backward_slope)
    if reading == "pulled back":
        return PulledBack(network, backward_slope)
    if reading == "literal":
        return LiteralProxy(network, backward_slope)
    raise unknown("reading", reading, get_args(TrainingReading))
