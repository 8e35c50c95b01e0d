"""Losses against clean images: gradients, zeros, and what leaves them as they are."""

import cmath
import math

import numpy as np
import pytest
import torch

from quietmr.data import InputError
from quietmr.training.edge_losses import gradient, mixed_derivative
from quietmr.training.loss_sum import LOSSES, SUMS, make_loss
from quietmr.training.perceptual import perceptual, vgg_relu2_2
from quietmr.training.pixel_losses import charbonnier, l1, modulus, mse, perpendicular, phase_distance
from quietmr.training.recipe import Recipe
from quietmr.training.similarity import similarity, ssim, ssim3d
from quietmr.training.vgg import Vgg16Features

SHAPE = (2, 2, 3, 9, 8)


def pair(channels=2, shape=SHAPE, seed=0):
    """Noisy output and truth, double; about ten noise SDs bright."""
    rng = torch.Generator().manual_seed(seed)
    size = (shape[0], channels, *shape[2:])
    target = 10 * torch.rand(size, generator=rng, dtype=torch.float64) + 1
    return target + torch.randn(size, generator=rng, dtype=torch.float64), target


def small_vgg():
    """VGG16 with few channels and random weights, and smooth activations for numeric derivatives."""
    torch.manual_seed(3)
    return Vgg16Features((3, 4, 4, 4)).double()


def turned(image, angle):
    """Multiply complex images by a phase."""
    factor = cmath.exp(1j * angle)
    real, imaginary = image.unbind(1)
    product = torch.complex(real, imaginary) * factor
    return torch.stack([product.real, product.imag], dim=1)


def built(name):
    return make_loss({name: 1.0}, small_vgg)


def sigma_map(output):
    return torch.full((output.shape[0], 1, *output.shape[2:]), 1.0, dtype=output.dtype)


BY_CHANNELS = [(name, n) for name, loss in LOSSES.items() for n in (1, 2) if n == 2 or not loss.is_complex]


@pytest.mark.parametrize(("name", "channels"), BY_CHANNELS)
def test_gradients_are_those_of_finite_differences(name, channels):
    output, target = pair(channels, (1, 2, 2, 8, 8), seed=1)
    loss, sigma = built(name), sigma_map(output)
    assert torch.autograd.gradcheck(lambda o: loss(o, target, sigma), output.requires_grad_(), eps=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_finite_where_images_are_equal_or_empty(name):
    _, target = pair()
    for output, truth in ((target, target), (torch.zeros_like(target), target), (target, 0 * target)):
        moving = output.clone().float().requires_grad_()
        loss = built(name) if LOSSES[name].needs != "features" else make_loss({name: 1.0}, lambda: small_vgg().float())
        value = loss(moving, truth.float(), sigma_map(moving))
        value.backward()
        assert torch.isfinite(value)
        assert torch.isfinite(moving.grad).all()


@pytest.mark.parametrize("name", LOSSES)
def test_units_of_the_images_do_not_matter_and_better_is_lower(name):
    output, target = pair()
    loss, sigma = built(name), sigma_map(output)
    value = loss(output, target, sigma)
    torch.testing.assert_close(loss(1e4 * output, 1e4 * target, 1e4 * sigma), value)
    nearer = target + (output - target) / 10
    assert LOSSES[name].direction == "lower"
    assert float(loss(nearer, target, sigma)) < float(value)
    assert float(loss(target, target, sigma)) < float(loss(nearer, target, sigma))


@pytest.mark.parametrize("name", [name for name in LOSSES if name != "log_charbonnier"])
def test_equal_images_have_no_loss(name):
    _, target = pair()
    assert float(built(name)(target, target, sigma_map(target))) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("name", LOSSES)
def test_a_phase_of_both_images_changes_nothing(name):
    output, target = pair()
    loss, sigma = built(name), sigma_map(output)
    value = loss(turned(output, 1.234), turned(target, 1.234), sigma)
    torch.testing.assert_close(value, loss(output, target, sigma))


@pytest.mark.parametrize("function", [mse, l1, charbonnier, perpendicular])
def test_only_equal_images_have_no_loss(function):
    _, target = pair()
    for other in (turned(target, 0.3), 1.1 * target, 0 * target, -target):
        assert float(function(other, target)) > 0.01


def test_values_in_closed_form():
    error = torch.zeros(SHAPE, dtype=torch.float64)
    error[:, 0], error[:, 1] = 3.0, 4.0
    _, target = pair()
    assert float(mse(target + error, target)) == pytest.approx(25)
    assert float(l1(target + error, target)) == pytest.approx(5)
    assert float(charbonnier(target + error, target, width=12.0)) == pytest.approx(13 - 12)


def test_phase_distance_says_nothing_about_the_magnitude():
    _, target = pair()
    size = float(modulus(target).mean())
    assert float(phase_distance(3 * target, target)) == pytest.approx(0, abs=1e-12)
    assert float(phase_distance(-target, target)) == pytest.approx(2 * size)
    assert float(perpendicular(3 * target, target)) == pytest.approx(2 * size)
    # Of images far above the floor of the phase: |truth| sin(angle), and its mirror beyond a right angle.
    for angle in (0.4, -1.1):
        expected = size * math.sin(abs(angle))
        assert float(phase_distance(1e3 * turned(target, angle), target)) == pytest.approx(expected, rel=1e-6)
        beyond = turned(target, math.pi - angle)
        assert float(phase_distance(1e3 * beyond, target)) == pytest.approx(2 * size - expected, rel=1e-6)


def test_the_pull_of_the_phase_stays_bounded_towards_magnitude_zero():
    target = torch.ones(1, 2, 1, 1, 1)
    pulls = []
    for size in (1e-1, 1e-4, 1e-8):
        output = (size * turned(target, 0.5)).requires_grad_()
        phase_distance(output, target).backward()
        pulls.append(float(output.grad.norm()))
    assert max(pulls) <= 2 * float(modulus(target)) / 0.1


def test_magnitudes_have_no_phase_to_compare():
    output, target = pair(channels=1)
    for function in (phase_distance, perpendicular):
        with pytest.raises(InputError, match="complex"):
            function(output, target)


def step_edge(axis):
    """A static edge along one axis."""
    image = torch.zeros(1, 1, 12, 12, 12, dtype=torch.float64)
    image.narrow(axis, 6, 6).fill_(10.0)
    return image


@pytest.mark.parametrize("axis", [2, 3, 4])
def test_an_edge_is_seen_by_its_gradient_and_not_by_the_mixed_derivative(axis):
    edge, flat = step_edge(axis), torch.full((1, 1, 12, 12, 12), 5.0, dtype=torch.float64)
    # One of the eleven differences along one of three axes is 10.
    assert float(gradient(edge, flat)) == pytest.approx(10 / 11 / 3)
    assert float(mixed_derivative(edge, flat)) == pytest.approx(0, abs=1e-12)


def test_the_mixed_derivative_is_of_third_order():
    f, y, x = torch.meshgrid(*(torch.arange(20.0, dtype=torch.float64) for _ in range(3)), indexing="ij")
    nothing = torch.zeros(1, 1, 20, 20, 20, dtype=torch.float64)
    for quadratic in (f * y, y * x, f * x, f + y + x):
        inside = mixed_derivative(quadratic[None, None], nothing)
        assert float(inside) < 0.2 * float(mixed_derivative((f * y * x)[None, None], nothing))
    # A single frame has no derivative along the frames.
    plane = torch.rand(1, 1, 1, 20, 20, dtype=torch.float64)
    assert float(mixed_derivative(plane, 0 * plane)) == pytest.approx(0, abs=1e-15)


def test_a_constant_has_no_gradient_and_a_ramp_one_everywhere():
    _, target = pair()
    assert float(gradient(target + 7, target)) == pytest.approx(0, abs=1e-12)
    ramp = torch.arange(8, dtype=torch.float64) * 0.5
    assert float(gradient(target[:, :1] + ramp, target[:, :1])) == pytest.approx(0.5 / 3)
    single = torch.ones(1, 1, 1, 1, 1, requires_grad=True)
    gradient(single, 0 * single.detach()).backward()
    assert float(single.grad) == 0


def test_similarity_is_that_of_scikit_image():
    metrics = pytest.importorskip("skimage.metrics")
    rng = np.random.default_rng(4)
    truth = 40 * rng.random((20, 24))
    image = truth + rng.normal(0, 5, truth.shape)
    ours = similarity(torch.tensor(image)[None, None, None], torch.tensor(truth)[None, None, None], (1, 2))
    theirs = metrics.structural_similarity(
        image, truth, data_range=truth.max(), gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True
    )[1]
    np.testing.assert_allclose(ours[0, 0, 0], theirs[5:-5, 5:-5], rtol=1e-6)
    volume = 40 * rng.random((14, 16, 15))
    other = volume + rng.normal(0, 5, volume.shape)
    ours = similarity(torch.tensor(other)[None, None], torch.tensor(volume)[None, None], (0, 1, 2))
    theirs = metrics.structural_similarity(
        other, volume, data_range=volume.max(), gaussian_weights=True, sigma=1.5, use_sample_covariance=False, full=True
    )[1]
    np.testing.assert_allclose(ours[0, 0], theirs[5:-5, 5:-5, 5:-5], rtol=1e-6)


@pytest.mark.parametrize("shape", [(1, 1, 1, 1, 1), (2, 1, 1, 5, 30), (1, 2, 4, 16, 16)])
def test_similarity_takes_every_size(shape):
    rng = torch.Generator().manual_seed(7)
    target = 9 * torch.rand(shape, generator=rng)
    other = target + 1 + torch.rand(shape, generator=rng)
    for function in (ssim, ssim3d):
        assert float(function(target, target)) == pytest.approx(0, abs=1e-6)
        assert 0 < float(function(other, target)) <= 2


def test_all_losses_rise_with_blur_and_with_noise():
    rng = torch.Generator().manual_seed(6)
    target = torch.zeros(1, 2, 6, 24, 24, dtype=torch.float64)
    target[:, 0, :, 6:18, 4:16], target[:, 1, 2:5, 10:20, 10:20] = 20, 12
    noise = torch.randn(target.shape, generator=rng, dtype=torch.float64)
    losses = {name: built(name) for name in LOSSES}

    def blurred(times):
        image = target
        for _ in range(times):
            image = torch.nn.functional.avg_pool3d(image, 3, stride=1, padding=1, count_include_pad=False)
        return image

    for images in ([target + s * noise for s in (0.2, 1, 3)], [blurred(n) for n in (1, 3, 6)]):
        for name, loss in losses.items():
            if name == "phase_distance":
                continue  # what it sees of a blur depends on where phases meet
            values = [float(loss(image, target, sigma_map(target))) for image in images]
            assert values == sorted(values), name
            assert values[0] < values[-1], name


def test_a_sum_adds_and_weighs():
    output, target = pair()
    sigma = 2 * sigma_map(output)
    both = make_loss({"charbonnier": 2.0, "gradient": 0.5}, small_vgg)(output, target, sigma)
    parts = [built(name)(output, target, sigma) for name in ("charbonnier", "gradient")]
    torch.testing.assert_close(both, 2 * parts[0] + 0.5 * parts[1])
    # In noise units: half as large as in those of the images.
    torch.testing.assert_close(parts[1], gradient(output, target) / 2)


@pytest.mark.parametrize("name", SUMS)
def test_the_sums_of_papers_are_those_of_images_from_0_to_1(name):
    """In closed form on an image whose brightest voxel is 1, whatever the noise that it is told, and in any units."""
    rng = torch.Generator().manual_seed(8)
    target = torch.rand((1, 1, 1, 24, 20), generator=rng, dtype=torch.float64)
    target = target / target.max()
    output = target + 0.05 * torch.randn(target.shape, generator=rng, dtype=torch.float64)
    pieces = {
        "peak_mse": (output - target).square().mean(),
        "peak_l1": (output - target).abs().mean(),
        "ssim": 1 - similarity(1e3 * output, 1e3 * target, (1, 2)).mean(),
        "vgg_relu2_2": vgg_relu2_2(1e3 * output, 1e3 * target, small_vgg()),
    }
    expected = sum(weight * pieces[part] for part, weight in SUMS[name].items())
    for unit, sigma in ((1.0, 0.05), (1e6, 0.05), (1.0, 0.01)):
        found = make_loss(SUMS[name], small_vgg)(unit * output, unit * target, unit * sigma * torch.ones_like(target))
        torch.testing.assert_close(found, expected)


def test_a_recipe_names_the_sum_of_a_paper():
    assert Recipe(name="r", loss="mse_ssim").loss_weights == {"peak_mse": 0.8, "ssim": 0.2}
    assert Recipe(name="r", loss="ssim_l1_vgg").loss_weights["vgg_relu2_2"] == 0.01
    assert Recipe(name="r", loss="mse_ssim").lesson == "supervised"


def test_a_map_of_the_noise_makes_no_edges():
    _, target = pair(channels=1)
    output, sigma = target + 1, torch.linspace(1, 9, 8, dtype=torch.float64).expand(2, 1, 3, 9, 8)
    assert float(built("gradient")(output, target, sigma)) == pytest.approx(0, abs=1e-12)


def test_a_number_for_each_sample_may_stand_for_its_map():
    output, target = pair()
    flat = torch.tensor([2.0, 3.0], dtype=torch.float64).reshape(2, 1, 1, 1, 1).expand(2, 1, *output.shape[2:])
    for name in LOSSES:
        loss = built(name)
        torch.testing.assert_close(loss(output, target, flat), loss(output, target, flat.contiguous()))


def test_each_sample_has_its_own_unit():
    output, target = pair()
    sigma = sigma_map(output)
    scale = torch.tensor([1.0, 1e3], dtype=torch.float64).reshape(2, 1, 1, 1, 1)
    for name in LOSSES:
        loss = built(name)
        value = loss(scale * output, scale * target, scale * sigma)
        torch.testing.assert_close(value, loss(output, target, sigma))


@pytest.mark.parametrize(
    ("weights", "message"),
    [({}, "at least one"), ({"psnr": 1.0}, "no loss 'psnr'"), ({"mse": 0.0}, "above 0"), ({"l1": math.inf}, "above 0")],
)
def test_sums_that_mean_nothing_are_refused(weights, message):
    with pytest.raises(InputError, match=message):
        make_loss(weights, small_vgg)


def test_frames_too_small_for_the_features_are_refused():
    output, target = pair(shape=(1, 2, 2, 8, 7))
    with pytest.raises(InputError, match="8 x 8"):
        perceptual(output, target, small_vgg())


def test_the_vgg_term_of_the_paper_on_pictures_stops_at_the_second_block():
    output, target = pair(1)
    vgg, sigma = small_vgg(), sigma_map(output)
    span = target.amax((1, 2, 3, 4)).reshape(-1, 1, 1, 1)
    frames = [(image[:, 0] / span).flatten(0, 1)[:, None] for image in (output, target)]
    # The first nine layers of the published network end with relu2_2.
    found, wanted = (vgg.features[:9]((frame - vgg.mean) / vgg.sd) for frame in frames)
    names = ("vgg_relu2_2", "perceptual")
    loss, deeper = (make_loss({name: 1.0}, lambda: vgg)(output, target, sigma) for name in names)
    torch.testing.assert_close(loss, (found - wanted).abs().mean())
    assert abs(float(loss - deeper)) > 1e-3
    with pytest.raises(InputError, match="at least 2 x 2"):
        make_loss({"vgg_relu2_2": 1.0}, lambda: vgg)(output[..., :1], target[..., :1], sigma[..., :1])
