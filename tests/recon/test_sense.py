"""SENSE in closed form against brute force, the analytic g-factor and replicas."""

import itertools

import numpy as np
import pytest
import torch

from quietmr.data import InputError
from quietmr.recon.sense import cg_sense, sense_unmixing
from quietmr.recon.tensor_fourier import to_image, to_kspace

ALL = (-3, -2, -1)


def ring(n_coils, shape):
    """Maps of coils around the field of view (and at two heights if it has one), complex, smooth, of unit norm."""
    z, y, x = np.meshgrid(*[(np.arange(n) - n // 2) / n for n in shape], indexing="ij")
    maps = []
    for c in range(n_coils):
        angle, height = 2 * np.pi * c / n_coils, (0.4 if c % 2 else -0.4) * (shape[0] > 1)
        dy, dx, dz = y - 0.7 * np.sin(angle), x - 0.7 * np.cos(angle), z - height
        distance = dy**2 + dx**2 + dz**2 + 0.05
        maps.append((dx + 1j * dy) / distance**1.5)
    stacked = np.stack(maps)
    return torch.from_numpy((stacked / np.sqrt((np.abs(stacked) ** 2).sum(0))).astype(np.complex64))


def white(rng, *shape):
    return torch.from_numpy((rng.standard_normal(shape) + 1j * rng.standard_normal(shape)).astype(np.complex64))


def sampled(shape, lattice, offsets):
    """Definition of the lattice, point by point."""
    r1, r2, shift = lattice
    mask = torch.zeros(shape, dtype=torch.bool)
    for kz, ky in itertools.product(range(shape[0]), range(shape[1])):
        on_line = ky % r1 == offsets[0] % r1
        mask[kz, ky] = on_line and kz % r2 == (offsets[1] + shift * ((ky - offsets[0]) // r1)) % r2
    return mask


CASES = [
    ((1, 24, 6), (2, 1, 0)),
    ((1, 24, 5), (3, 1, 0)),
    ((1, 27, 4), (3, 1, 0)),
    ((1, 24, 4), (4, 1, 0)),
    ((8, 12, 3), (2, 2, 0)),
    ((8, 12, 3), (2, 2, 1)),
    ((6, 12, 3), (1, 3, 1)),
    ((6, 12, 3), (2, 3, 2)),
    ((9, 18, 2), (2, 3, 1)),
]


@pytest.mark.parametrize(("shape", "lattice"), CASES)
def test_the_image_is_restored_for_all_offsets(rng, shape, lattice):
    maps, image = ring(12, shape), white(rng, *shape)
    kspace = to_kspace(maps * image, ALL)
    u = sense_unmixing(maps, *lattice)
    r = lattice[0] * lattice[1]
    for offsets in itertools.product(range(lattice[0]), range(lattice[1])):
        mask = sampled(shape, lattice, offsets)
        aliased = to_image(kspace * mask, ALL) * np.sqrt(r)
        np.testing.assert_allclose((u * aliased).sum(0), image / np.sqrt(r), atol=2e-3 * image.abs().max().item())


@pytest.mark.parametrize(("shape", "lattice"), CASES)
def test_g_is_the_analytic_one(shape, lattice):
    """The whole encoding matrix of one column, inverted: no knowledge of aliases is used."""
    maps = ring(12, shape)[..., :1]
    shape = (*shape[:2], 1)
    mask = sampled(shape, lattice, (0, 0)).flatten()
    n = shape[0] * shape[1]
    identity = torch.eye(n, dtype=torch.complex64).reshape(n, *shape)
    fourier = to_kspace(identity, ALL).reshape(n, n).T[mask].to(torch.complex128)
    encoding = torch.cat([fourier * m.flatten() for m in maps])
    normal = encoding.mH @ encoding
    g = (torch.linalg.inv(normal).diagonal().real * normal.diagonal().real).sqrt().reshape(shape)
    u = sense_unmixing(maps, *lattice)
    np.testing.assert_allclose(u.abs().square().sum(0).sqrt(), g, rtol=1e-3)


@pytest.mark.parametrize(("shape", "lattice"), [CASES[1], CASES[5]])
def test_replicas_have_the_noise_g(rng, shape, lattice):
    n = 400
    maps = ring(12, shape)
    u = sense_unmixing(maps, *lattice)
    mask = sampled(shape, lattice, (1, 0))
    aliased = to_image(white(rng, n, *maps.shape) * mask, ALL) * np.sqrt(lattice[0] * lattice[1])
    sd = torch.view_as_real((u * aliased).sum(1)).square().mean(dim=(0, -1)).sqrt()
    ratio = (sd / u.abs().square().sum(0).sqrt()).numpy()
    assert np.median(ratio) == pytest.approx(1, abs=0.01)
    assert np.sqrt(np.mean((ratio - 1) ** 2)) == pytest.approx(1 / np.sqrt(4 * n), rel=0.25)


def test_without_acceleration_it_is_the_matched_filter():
    maps = ring(6, (1, 10, 9))
    np.testing.assert_allclose(sense_unmixing(maps, 1), maps.conj().resolve_conj())


def test_regularization_lowers_g_and_signal(rng):
    maps = ring(8, (1, 32, 6))
    free, bent = (sense_unmixing(maps, 4, regularization=r) for r in (0.0, 0.05))
    assert (bent.abs().square().sum(0) < free.abs().square().sum(0)).all()
    assert ((bent * maps).sum(0).real < 1).all()
    np.testing.assert_allclose((free * maps).sum(0).real, 1, atol=1e-3)


def test_what_does_not_fold_is_refused_with_what_does():
    maps = ring(8, (1, 50, 4))
    with pytest.raises(InputError, match=r"r1 of \[1, 2, 5\]"):
        sense_unmixing(maps, 4)
    with pytest.raises(InputError, match="onto whole"):
        sense_unmixing(ring(8, (4, 18, 4)), 2, 2, 1)
    with pytest.raises(InputError, match="at least as many coils"):
        sense_unmixing(ring(2, (1, 24, 4)), 3)
    with pytest.raises(InputError, match="shift < r2"):
        sense_unmixing(maps, 2, 2, 2)


def test_coils_that_are_alike_stay_finite():
    maps = torch.full((4, 1, 8, 8), 0.5, dtype=torch.complex64)
    assert torch.isfinite(torch.view_as_real(sense_unmixing(maps, 2))).all()


def random_mask(rng, shape, part):
    lines = torch.from_numpy(rng.random(shape[:2]) < part)
    lines[shape[0] // 2, shape[1] // 2 - 3 : shape[1] // 2 + 3] = True
    return lines[..., None].expand(shape).contiguous()


@pytest.mark.parametrize("shape", [(1, 40, 12), (8, 16, 5)])
def test_conjugate_gradients_solve_irregular_sampling(rng, shape):
    maps, image = ring(10, shape), white(rng, *shape)
    mask = random_mask(rng, shape, 0.6)
    kspace = to_kspace(maps * image, ALL) * mask
    solved = cg_sense(kspace, mask, maps, iterations=300)
    assert (solved - image).norm() < 1e-2 * image.norm()


def test_conjugate_gradients_agree_with_the_dense_solution(rng):
    shape, regularization = (1, 20, 1), 0.02
    maps = ring(4, shape)
    mask = random_mask(rng, shape, 0.5)
    kspace = white(rng, *maps.shape)
    identity = torch.eye(20, dtype=torch.complex64).reshape(20, *shape)
    fourier = to_kspace(identity, ALL).reshape(20, 20).T.to(torch.complex128) * mask.flatten()[:, None]
    encoding = torch.cat([fourier * m.flatten() for m in maps])
    normal = encoding.mH @ encoding + regularization * mask.double().mean() * torch.eye(20)
    expected = torch.linalg.solve(normal, encoding.mH @ kspace.to(torch.complex128).flatten()).reshape(shape)
    solved = cg_sense(kspace, mask, maps, iterations=100, regularization=regularization)
    np.testing.assert_allclose(solved, expected, atol=1e-3 * expected.abs().max().item())


def test_conjugate_gradients_and_unfolding_agree_on_a_lattice(rng):
    shape, lattice = (4, 12, 5), (2, 2, 1)
    maps = ring(12, shape)
    mask = sampled(shape, lattice, (1, 1))
    kspace = white(rng, *maps.shape) * mask
    unfolded = (sense_unmixing(maps, *lattice) * to_image(kspace, ALL)).sum(0) * 4
    np.testing.assert_allclose(cg_sense(kspace, mask, maps, iterations=200), unfolded, atol=5e-3)


def test_fully_sampled_it_is_the_combined_image_with_unit_noise(rng):
    maps = ring(6, (1, 24, 20))
    mask = torch.ones(1, 24, 20, dtype=torch.bool)
    kspace = white(rng, 50, *maps.shape)
    combined = (maps.conj() * to_image(kspace, ALL)).sum(1)
    solved = cg_sense(kspace, mask, maps)
    np.testing.assert_allclose(solved, combined, atol=1e-4)
    assert torch.view_as_real(solved).std().item() == pytest.approx(1, abs=0.02)


def test_replicas_side_by_side_are_replicas_one_by_one(rng):
    maps = ring(6, (1, 16, 10))
    mask = random_mask(rng, (1, 16, 10), 0.6)
    kspace = white(rng, 2, 3, *maps.shape)
    kspace[1] *= 100
    together = cg_sense(kspace, mask, maps, iterations=15)
    assert together.shape == (2, 3, 1, 16, 10)
    np.testing.assert_allclose(together[1, 2], cg_sense(kspace[1, 2], mask, maps, iterations=15), rtol=1e-3, atol=0.05)
    np.testing.assert_allclose(together[0, 1], cg_sense(kspace[0, 1], mask, maps, iterations=15), rtol=1e-3, atol=5e-4)


def test_shapes_that_do_not_belong_together_are_refused(rng):
    maps = ring(4, (1, 8, 8))
    with pytest.raises(InputError, match="belong together"):
        cg_sense(white(rng, 3, 1, 8, 8), torch.ones(1, 8, 8, dtype=torch.bool), maps)
    with pytest.raises(InputError, match="mask is empty"):
        cg_sense(white(rng, 4, 1, 8, 8), torch.zeros(1, 8, 8, dtype=torch.bool), maps)
