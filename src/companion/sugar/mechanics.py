"""What can be checked without training: forward exactness, the injected gradient, and the field without potential."""

import torch
from torch import Tensor

from companion.experiment import Row
from companion.sugar.gain import backward_gain
from companion.sugar.injection import sugar_relu
from companion.sugar.surrogates import CONTROLS, PAPER_SURROGATES, Surrogate
from companion.sugar.vector_field import TwoWeights, circle, circulation

__all__ = ["exactness", "example_field", "mechanics_rows"]

DTYPES = {"float64": torch.float64, "float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
LOOP = ((0.0, 0.5), 0.5)  # centre (u, v) and radius


def exactness(surrogate: Surrogate, x: Tensor, upstream: Tensor) -> tuple[float, float]:
    """Largest error of the output against ReLU, and of the gradient against upstream * f~(x)."""
    x = x.detach().requires_grad_()
    y = sugar_relu(x, surrogate)
    (gradient,) = torch.autograd.grad(y, x, upstream)
    expected = upstream * surrogate.slope(x.detach())
    y, x = y.detach(), x.detach()
    return float((y - x.clamp_min(0)).abs().max()), float((gradient - expected).abs().max())


def example_field(surrogate: str | Surrogate) -> TwoWeights:
    """The two-weight network of the chapter: points (1, 1) and (-0.5, 0.3)."""
    points = torch.tensor([[1.0, 1.0], [-0.5, 0.3]], dtype=torch.float64)
    return TwoWeights(points[:, 0], points[:, 1], surrogate)


def mechanics_rows(device: str = "cpu", samples: int = 20_000) -> list[Row]:
    """One row a surrogate and dtype: `output_error`, `gradient_error`, its `gain` and its `circulation`."""
    generator = torch.Generator().manual_seed(0)
    x = 4 * torch.randn(samples, generator=generator, dtype=torch.float64)
    upstream = torch.randn(samples, generator=generator, dtype=torch.float64)
    rows = []
    for name, surrogate in (PAPER_SURROGATES | CONTROLS).items():
        shared = {
            "part": "mechanics",
            "surrogate": name,
            "arm": f"SUGAR {surrogate.label}",
            "gain": backward_gain(surrogate),
            "circulation": circulation(example_field(surrogate), circle(*LOOP)),
        }
        for dtype_name, dtype in DTYPES.items():
            output, gradient = exactness(surrogate, x.to(device, dtype), upstream.to(device, dtype))
            rows.append(shared | {"dtype": dtype_name, "output_error": output, "gradient_error": gradient})
    return rows
