"""Damaged and wrong files: a scan or one sentence, never another error, a crash or a hang."""

import random
import time
import warnings

import h5py
import numpy as np
import pytest
from raw_scans import random_readouts, random_scan

from quietmr.data import InputError, KSpace, QuietmrWarning, System
from quietmr.io.raw import is_raw, read_raw, write_raw

QUICK, NIGHTLY = 200, 20000


@pytest.fixture
def path(tmp_path, rng):
    write_raw(random_scan(rng, system=System()), tmp_path / "scan.h5")
    return tmp_path / "scan.h5"


def refused(path, said):
    with pytest.raises(InputError, match=said) as caught:
        read_raw(path)
    text = str(caught.value)
    assert "\n" not in text and str(path) in text


def survives(path):
    """Whatever it is: a scan or a refusal, soon."""
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", QuietmrWarning)
        try:
            assert isinstance(read_raw(path), KSpace)
        except InputError as error:
            assert str(path) in str(error)
    assert time.perf_counter() - start < 5


def flipped(sound: bytes, case: int) -> bytes:
    """Some bytes changed, more often near the start, where the structure is; made from the number alone."""
    draw, raw = random.Random(case), bytearray(sound)
    for _ in range(draw.choice([1, 3, 20, 200])):
        raw[draw.randrange(draw.choice([2048, 8192, len(raw)]))] = draw.randrange(256)
    return bytes(raw)


def test_cut_off_anywhere(path):
    sound = path.read_bytes()
    for length in [0, 1, 8, 100, *range(500, len(sound), len(sound) // 60), len(sound) - 1]:
        path.write_bytes(sound[:length])
        refused(path, "HDF5|damaged|nothing")
        assert not is_raw(path)


@pytest.mark.parametrize("start", range(0, QUICK, 50))
def test_flipped_bytes(path, start):
    sound = path.read_bytes()
    for case in range(start, start + 50):
        path.write_bytes(flipped(sound, case))
        survives(path)


@pytest.mark.nightly
def test_flipped_bytes_for_long(path):
    sound = path.read_bytes()
    for case in range(QUICK, NIGHTLY):
        path.write_bytes(flipped(sound, case))
        survives(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "nothing"), (b"\x89PNG\r\n\x1a\n", "a PNG picture"), (b"text", "text"), (bytes(600), "unknown kind")],
)
def test_what_is_no_raw_file_is_named(tmp_path, content, said):
    (tmp_path / "a.h5").write_bytes(content)
    refused(tmp_path / "a.h5", said)


def test_absent_files_and_folders(tmp_path):
    refused(tmp_path / "no.h5", "no file")
    refused(tmp_path, "not a file")


def make(path, **datasets):
    with h5py.File(path, "w") as file:
        for name, value in datasets.items():
            file[name.replace("__", "/")] = value
    return path


def test_images_are_not_taken_for_readouts(tmp_path):
    images = {f"dataset__image_0__{name}": np.zeros(1) for name in ("header", "attributes", "data")}
    refused(make(tmp_path / "a.h5", **images, dataset__xml="<x/>"), "MRD images .*give the raw file")


def test_unknown_content_is_listed(tmp_path):
    refused(make(tmp_path / "a.h5", volume=np.zeros(3), mask=np.zeros(3)), "'mask', 'volume'")
    refused(make(tmp_path / "a.h5"), "nothing in it")


def rewritten(path, change, name="dataset/data", **settings):
    """Write a dataset of the file anew, after a change."""
    with h5py.File(path, "r+") as file:
        old = file[name][:]
        del file[name]
        new = change(old)
        file.create_dataset(name, data=new, dtype=new.dtype, **settings)


def test_other_layouts_of_the_table_give_the_same(path):
    wanted = read_raw(path)
    for settings in ({"chunks": (1,)}, {"chunks": (5,), "compression": "gzip"}, {"maxshape": (None,)}, {}):
        rewritten(path, lambda table: table, **settings)
        again = read_raw(path)
        assert np.array_equal(again.imaging.data, wanted.imaging.data)
        assert np.array_equal(again.noise.headers, wanted.noise.headers)
        assert np.array_equal(again.calibration.data, wanted.calibration.data)


def test_a_scan_in_a_group_of_another_name(path):
    wanted = read_raw(path)
    with h5py.File(path, "r+") as file:
        file.move("dataset", "scan_1")
    assert np.array_equal(read_raw(path).imaging.data, wanted.imaging.data)
    with h5py.File(path, "r+") as file:
        file.copy("scan_1", "scan_2")
    refused(path, "2 scans .scan_1, scan_2")


def test_faults_of_the_table(path):
    sound = path.read_bytes()

    def after(change, said):
        path.write_bytes(sound)
        rewritten(path, change)
        refused(path, said)

    def setting(field, value):
        def change(table):
            table["head"][field][8] = value
            return table

        return change

    after(lambda table: table[:0], "no readout")
    after(lambda table: table.reshape(4, 4), "no readout")
    after(setting("number_of_samples", 15), "2 coils x 15")
    after(setting("active_channels", 65535), "65535 coils")
    after(setting("version", 2), "version 2")

    def without(field):
        def change(table):
            kept = np.dtype([(name, table["head"].dtype[name]) for name in table["head"].dtype.names if name != field])
            vlen = h5py.vlen_dtype(np.float32)
            new = np.zeros(len(table), np.dtype([("head", kept), ("traj", vlen), ("data", vlen)]))
            for name in kept.names:
                new["head"][name] = table["head"][name]
            new["data"], new["traj"] = table["data"], table["traj"]
            return new

        return change

    after(without("center_sample"), "without center_sample")
    after(without("idx"), "without idx.kspace_encode_step_1")
    path.write_bytes(sound)
    with h5py.File(path, "r+") as file:
        del file["dataset/xml"]
    refused(path, "without an XML header")
    with h5py.File(path, "r+") as file:
        file["dataset/xml"] = np.arange(3)
    refused(path, "not text")


def test_readouts_without_samples(path):
    def change(table):
        table["head"]["number_of_samples"][8] = 0
        table["data"][8] = np.zeros(0, np.float32)
        return table

    rewritten(path, change)
    refused(path, "without samples")


def test_too_many_shapes(tmp_path, rng):
    write_raw(random_scan(rng, system=System(), calibration=random_readouts(rng, 20)), tmp_path / "a.h5")

    def change(table):
        for row in range(3, 23):
            table["head"]["number_of_samples"][row] = row
            table["data"][row] = np.zeros(4 * row, np.float32)
        return table

    rewritten(tmp_path / "a.h5", change)
    refused(tmp_path / "a.h5", "different shapes")


def test_noise_of_other_coils_in_the_scan(tmp_path, rng):
    write_raw(random_scan(rng, noise=random_readouts(rng, 2, (3, 16))), tmp_path / "a.h5")
    refused(tmp_path / "a.h5", "noise readouts of 3 coils and imaging readouts of 2")
