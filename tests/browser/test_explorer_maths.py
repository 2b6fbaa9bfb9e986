"""The mathematics of the explorers' script against SciPy and NumPy."""

import numpy as np
import pytest
from scipy import special, stats

from companion.explorer import bundle
from companion.statistics import mean_interval

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def maths(browser):
    """``maths(expression, argument)`` evaluates JavaScript that can use ``m`` (the script's maths) and ``x``."""
    page = browser.new_page()
    page.set_content("<!doctype html><title>maths</title>")
    page.evaluate(bundle.script())
    yield lambda expression, argument=None: page.evaluate(
        f"x => {{ const m = CompanionExplorer.maths; return {expression}; }}", argument
    )
    page.close()


def test_log_gamma_and_erf_equal_scipy(maths):
    x = [0.1, 0.5, 1.0, 2.5, 10.0, 123.4, 5000.0]
    assert maths("x.map(v => m.logGamma(v))", x) == pytest.approx(special.gammaln(x), rel=1e-12, abs=1e-12)
    z = np.linspace(-6.5, 6.5, 105).tolist()
    assert maths("x.map(v => m.erf(v))", z) == pytest.approx(special.erf(z), rel=1e-13, abs=1e-15)
    assert maths("x.map(v => m.normalCdf(v))", z) == pytest.approx(stats.norm.cdf(z), rel=1e-10, abs=1e-15)


def test_the_regularised_incomplete_beta_function_is_accurate_to_1e_10(maths):
    generator = np.random.default_rng(1)
    arguments = [
        [float(x), float(a), float(b)]
        for a in (0.01, 0.5, 1, 3, 40, 1000, 1e5)
        for b in (0.02, 0.5, 2, 25, 777, 3e4)
        for x in [0.001, 0.999, a / (a + b), *generator.uniform(size=4)]
    ]
    measured = maths("x.map(([t, a, b]) => m.incompleteBeta(t, a, b))", arguments)
    expected = [special.betainc(a, b, x) for x, a, b in arguments]
    assert np.abs(np.subtract(measured, expected)).max() < 1e-10
    assert maths("[m.incompleteBeta(0, 2, 3), m.incompleteBeta(1, 2, 3)]") == [0, 1]


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.99])
def test_students_quantile_equals_scipy(maths, level):
    freedom = [1, 2, 3, 4, 9, 29, 200, 5000]
    expected = stats.t.ppf((1 + level) / 2, freedom)
    assert maths(f"x.map(df => m.studentQuantile({level}, df))", freedom) == pytest.approx(expected, rel=1e-9)


def test_the_t_interval_equals_the_books_own(maths):
    for n in (2, 3, 5, 20):
        sample = np.random.default_rng(n).normal(size=n).tolist()
        ours, theirs = maths("m.interval(x)", sample), mean_interval(sample)
        assert [ours["mean"], ours["low"], ours["high"]] == pytest.approx(
            [theirs.mean, theirs.low, theirs.high], rel=1e-9
        )
        assert ours["n"] == n


def test_one_value_has_a_mean_and_no_interval(maths):
    assert maths("m.interval([3])") == {"mean": 3, "low": None, "high": None, "n": 1}


def test_singular_values_equal_numpys(maths):
    generator = np.random.default_rng(3)
    for shape in ((3, 3), (2, 5), (7, 4), (9, 9)):
        matrix = generator.normal(size=shape)
        expected = np.linalg.svd(matrix, compute_uv=False)
        assert maths("m.singularValues(x)", matrix.tolist()) == pytest.approx(expected, rel=1e-10)
    assert maths("m.singularValues([[1, 2], [2, 4]])") == pytest.approx([5, 0], abs=1e-12)
    assert maths("m.singularValues([[0, 0], [0, 0]])") == [0, 0]


def test_matrix_product_and_convolution_equal_numpys_and_torchs(maths):
    torch = pytest.importorskip("torch")
    generator = np.random.default_rng(4)
    A, B = generator.normal(size=(3, 4)), generator.normal(size=(4, 2))
    assert np.allclose(maths("m.matmul(x[0], x[1])", [A.tolist(), B.tolist()]), A @ B)
    image, kernel = generator.normal(size=(9, 11)), generator.normal(size=(3, 3))
    for stride, padding in ((1, 1), (2, 1), (1, 0), (2, 0)):
        measured = maths(
            f"m.convolve(x[0], x[1], {{ stride: {stride}, padding: {padding} }})", [image.tolist(), kernel.tolist()]
        )
        inputs = (torch.tensor(array)[None, None] for array in (image, kernel))
        expected = torch.nn.functional.conv2d(*inputs, stride=stride, padding=padding)[0, 0]
        assert np.allclose(measured, expected.numpy())


def test_the_closed_form_of_the_learning_curve(maths):
    form = "CompanionExplorer.forms.learning_curve(x, { maths: m, extra: {}, series: () => [] })"
    drawn = maths(form, {"E_min": 0.1, "a": 4, "b": 1})
    curve = drawn["panels"][0]["series"][0]
    n = np.array(curve["x"])
    assert np.allclose(curve["y"], 0.1 + 0.9 * 4 / (4 + 1 + n))
    assert n[0] == pytest.approx(1)
    assert n[-1] == pytest.approx(1000)
