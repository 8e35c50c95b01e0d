"""What the first axis counts, and in which order."""

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import EnhancedMRImageStorage

from quietmr.data import InputError, QuietmrWarning
from quietmr.io.dicom import read

N_T, N_Z = 4, 3


@pytest.fixture
def series(scan, save, ramp, tmp_path, rng):
    """Write a (T, Z) series whose elements are functions of t and z, under shuffled names."""

    def write(number_instances=True, n_t=N_T, **rules):
        stored = ramp(n_t, N_Z, 6, 8)
        names = rng.permutation(n_t * N_Z)
        for t in range(n_t):
            for z in range(N_Z):
                elements = {keyword: rule(t, z) for keyword, rule in rules.items()}
                if number_instances:
                    elements.setdefault("InstanceNumber", t * N_Z + z + 1)
                dataset = scan.picture(stored[t, z], z, **elements)
                save(dataset, tmp_path / f"{names[t * N_Z + z]}.dcm")
        return tmp_path, stored

    return write


def test_cine_by_trigger_time(series):
    # each slice has its own heart rate, and slices were numbered one after the other
    path, stored = series(
        TriggerTime=lambda t, z: f"{t * (40 + z):.1f}", InstanceNumber=lambda t, z: z * N_T + t + 1, n_t=N_T
    )
    image = read(path)
    assert np.array_equal(image.data, stored)
    assert image.frames == "time"
    assert image.geometry.time_step == pytest.approx(0.041, abs=1e-4)


def test_trigger_time_of_a_scan_over_many_beats_is_no_clock(series):
    delays = (14.0, 11.0, 17.0, 12.0)
    path, stored = series(
        TriggerTime=lambda t, z: delays[t] + z,
        AcquisitionTime=lambda t, z: f"1200{t:02d}.{z}",
    )
    image = read(path)
    assert np.array_equal(image.data, stored)
    assert image.frames == "time"
    assert image.geometry.time_step == pytest.approx(1.0)


def test_temporal_positions(series):
    path, stored = series(
        number_instances=False, TemporalPositionIdentifier=lambda t, z: t + 1, TemporalResolution=lambda t, z: "250"
    )
    image = read(path)
    assert np.array_equal(image.data, stored)
    assert (image.frames, image.geometry.time_step) == ("time", 0.25)


def test_times_over_midnight(series):
    path, stored = series(
        number_instances=False,
        AcquisitionDate=lambda t, z: "20240229" if t < 2 else "20240301",
        AcquisitionTime=lambda t, z: ("235958", "235959", "000000", "000001")[t],
    )
    image = read(path)
    assert np.array_equal(image.data, stored)
    assert image.geometry.time_step == pytest.approx(1.0)


def test_jitter_of_the_clock_gives_way_to_the_repetition_time(series):
    path, _ = series(
        AcquisitionTime=lambda t, z: f"1000{2 * t:02d}.0{(7 * t + z) % 10}", RepetitionTime=lambda t, z: "2000"
    )
    assert read(path).geometry.time_step == 2.0


def test_uneven_times_have_no_step(series):
    path, stored = series(AcquisitionTime=lambda t, z: f"1000{t * t:02d}")
    image = read(path)
    assert np.array_equal(image.data, stored)
    assert image.geometry.time_step is None


def test_echoes(series):
    # echo times tell, although the instance numbers run backwards
    path, stored = series(EchoTime=lambda t, z: 5 * (t + 1), InstanceNumber=lambda t, z: 99 - t)
    image = read(path)
    assert np.array_equal(image.data, stored)
    assert (image.frames, image.geometry.time_step) == ("echo", None)


def test_echoes_times_repetitions(series):
    # interleaved as measured: two echoes of one excitation follow each other
    path, stored = series(EchoTime=lambda t, z: (5, 10)[t % 2], AcquisitionNumber=lambda t, z: t // 2 + 1)
    with pytest.warns(QuietmrWarning, match="2 values of echo time times 2 frames by acquisition number"):
        image = read(path)
    assert image.frames == "unknown"
    assert np.array_equal(image.data, stored[[0, 2, 1, 3]])


def test_diffusion_keeps_the_order_of_the_scan(series):
    b_values = (0.0, 1000.0, 1000.0, 0.0)
    path, stored = series(
        DiffusionBValue=lambda t, z: b_values[t], AcquisitionTime=lambda t, z: f"1000{4 * t:02d}", n_t=4
    )
    image = read(path)
    assert np.array_equal(image.data, stored)
    assert (image.frames, image.geometry.time_step) == ("direction", 4.0)


def test_repetitions_and_bare_instances(series):
    path, stored = series(number_instances=False, AcquisitionNumber=lambda t, z: t + 1)
    image = read(path)
    assert np.array_equal(image.data, stored)
    assert image.frames == "repetition"


def test_bare_instance_numbers(series):
    path, stored = series()
    image = read(path)
    assert np.array_equal(image.data, stored)
    assert (image.frames, image.geometry.time_step) == ("unknown", None)


def test_lone_missing_file_is_named(series):
    path, _ = series(TemporalPositionIdentifier=lambda t, z: t + 1)
    (path / "0.dcm").unlink()
    with pytest.raises(InputError, match=r"not a complete grid.*of 3 slices most have 4 frames, but slice \d has 3"):
        read(path)


def test_same_counts_of_different_time_points_are_refused(series):
    path, _ = series(TemporalPositionIdentifier=lambda t, z: t + 1 + (t == 3 and z == 1))
    with pytest.raises(InputError, match="slice 2 along the normal lacks temporal position 4"):
        read(path)


def test_incomplete_contrasts_are_refused(series):
    path, _ = series(EchoTime=lambda t, z: (5, 10, 15, 20 + (z == 2))[t])
    with pytest.raises(InputError, match="do not all have the same frames at each echo time"):
        read(path)


def test_copies_are_refused(scan, save, ramp, tmp_path):
    dataset = scan.picture(ramp(), InstanceNumber=1)
    save(dataset, tmp_path / "a.dcm")
    save(dataset, tmp_path / "copy of a.dcm")
    with pytest.raises(InputError, match=r"same image twice, a\.dcm and copy of a\.dcm"):
        read(tmp_path)


def test_twins_with_other_uids_are_refused(scan, save, ramp, tmp_path):
    save(scan.picture(ramp(), InstanceNumber=1), tmp_path / "a.dcm")
    save(scan.picture(ramp(), InstanceNumber=1), tmp_path / "b.dcm")
    with pytest.raises(InputError, match="nothing in their headers tells apart"):
        read(tmp_path)


def _group(**elements):
    item = Dataset()
    for keyword, value in elements.items():
        setattr(item, keyword, value)
    return item


@pytest.fixture
def enhanced(scan, ramp):
    """An enhanced multi-frame file: frames in the order given, one pixel scale a frame."""

    def build(order, slopes):
        stored = ramp(len(order), 6, 8)
        dataset = scan.picture(
            stored,
            SOPClassUID=EnhancedMRImageStorage,
            InstanceNumber=1,
            ImagePositionPatient=None,
            ImageOrientationPatient=None,
            PixelSpacing=None,
            SliceThickness=None,
            EchoTime=None,
        )
        shared = Dataset()
        shared.PlaneOrientationSequence = [_group(ImageOrientationPatient=[*scan.row, *scan.column])]
        shared.PixelMeasuresSequence = [
            _group(PixelSpacing=[scan.row_spacing, scan.column_spacing], SliceThickness=scan.thickness)
        ]
        dataset.SharedFunctionalGroupsSequence = [shared]
        frames = []
        for (t, z), slope in zip(order, slopes, strict=True):
            frame = Dataset()
            frame.PlanePositionSequence = [_group(ImagePositionPatient=[f"{v:g}" for v in scan.position(z)])]
            frame.FrameContentSequence = [_group(TemporalPositionIndex=t + 1, DimensionIndexValues=[1, z + 1, t + 1])]
            frame.PixelValueTransformationSequence = [
                _group(RescaleSlope=slope, RescaleIntercept="-1", RescaleType="US")
            ]
            frame.FrameVOILUTSequence = [_group(WindowCenter="100", WindowWidth="200")]
            frame.MRImageFrameTypeSequence = [
                _group(FrameType=["ORIGINAL", "PRIMARY", "T1", "NONE"], ComplexImageComponent="MAGNITUDE")
            ]
            frames.append(frame)
        dataset.PerFrameFunctionalGroupsSequence = frames
        return dataset, stored

    return build


def test_enhanced_frames_in_any_order(enhanced, scan, save, tmp_path, rng):
    order = [(int(t), int(z)) for t, z in rng.permutation([(t, z) for t in range(3) for z in range(2)])]
    slopes = [1, 2, 4, 8, 0.5, 0.25]
    dataset, stored = enhanced(order, slopes)
    image = read(save(dataset, tmp_path / "e.dcm"))
    assert image.shape == (3, 2, 6, 8)
    assert image.frames == "time"
    for (t, z), slope, pixels in zip(order, slopes, stored, strict=True):
        assert np.array_equal(image.data[t, z], pixels.astype(float) * slope - 1)
    assert image.geometry.affine == pytest.approx(scan.affine())


def test_dimension_indices_tell_where_nothing_else_does(enhanced, save, tmp_path):
    dataset, stored = enhanced([(2, 0), (0, 0), (1, 0)], [1, 1, 1])
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        del frame.FrameContentSequence[0].TemporalPositionIndex
    image = read(save(dataset, tmp_path / "e.dcm"))
    assert np.array_equal(image.data[:, 0] + 1, stored[[1, 2, 0]])
    assert image.frames == "unknown"


def test_enhanced_with_a_frame_short_is_refused(enhanced, save, tmp_path):
    dataset, _ = enhanced([(0, 0), (0, 1)], [1, 1])
    del dataset.PerFrameFunctionalGroupsSequence[1]
    with pytest.raises(InputError, match="describes 1 frames and announces 2"):
        read(save(dataset, tmp_path / "e.dcm"))


def test_two_stacks_in_one_file_are_refused(enhanced, save, tmp_path):
    dataset, _ = enhanced([(0, 0), (0, 1)], [1, 1])
    turned = _group(ImageOrientationPatient=[0, 1, 0, 0, 0, 1])
    dataset.PerFrameFunctionalGroupsSequence[1].PlaneOrientationSequence = [turned]
    with pytest.raises(InputError, match="mixes orientations: 1 of 2 frames"):
        read(save(dataset, tmp_path / "e.dcm"))
