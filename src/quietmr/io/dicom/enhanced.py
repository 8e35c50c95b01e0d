"""Frames of enhanced multi-frame files: their facts in functional groups, shared by all frames or one set a frame."""

from collections.abc import Iterable

from pydicom.dataset import Dataset

from quietmr.io.dicom.elements import first_number, items, many, moment, number, numbers, text, texts, whole
from quietmr.io.dicom.plane import Plane, Timing
from quietmr.io.dicom.single import component, place, planes, rescale


def is_enhanced(dataset: Dataset) -> bool:
    """Whether the file describes its frames one by one."""
    return "PerFrameFunctionalGroupsSequence" in dataset


def enhanced_planes(dataset: Dataset, file: int) -> list[Plane]:
    """List the frames of an enhanced multi-frame file.

    Raises
    ------
    ValueError
        If the number of frames is not the number of their descriptions, or an element holds what it must not.
    """
    frames = items(dataset, "PerFrameFunctionalGroupsSequence")
    if not frames:
        return planes(dataset, file)
    count = whole(dataset, "NumberOfFrames", default=1)
    if len(frames) != count:
        raise ValueError(f"it describes {len(frames)} frames and announces {count}")
    shared = items(dataset, "SharedFunctionalGroupsSequence")[:1]
    return [_plane(dataset, (frame, *shared), file, index) for index, frame in enumerate(frames)]


def _plane(dataset: Dataset, groups: tuple[Dataset, ...], file: int, index: int) -> Plane:
    geometry = (
        *_macro(groups, "PlanePositionSequence"),
        *_macro(groups, "PlaneOrientationSequence"),
        *_macro(groups, "PixelMeasuresSequence"),
        # files converted by other tools may keep these at the top
        dataset,
    )
    frame_type = _macro(groups, "MRImageFrameTypeSequence")
    slope, intercept = rescale((*_macro(groups, "PixelValueTransformationSequence"), dataset))
    return Plane(
        file=file,
        frame=index,
        placement=place(dataset, geometry),
        timing=_timing(dataset, groups, index),
        slope=slope,
        intercept=intercept,
        component=_component(dataset, frame_type),
    )


def _macro(groups: Iterable[Dataset], keyword: str) -> tuple[Dataset, ...]:
    # a frame's own description goes before the shared one
    return tuple(item for group in groups for item in items(group, keyword)[:1])


def _component(dataset: Dataset, frame_type: tuple[Dataset, ...]) -> str:
    for item in frame_type:
        found = texts(item, "ComplexImageComponent")
        if found:
            return "magnitude" if found[0] == "MAGNITUDE" else found[0].lower()
    return component(dataset)


def _timing(dataset: Dataset, groups: tuple[Dataset, ...], index: int) -> Timing:
    content = _macro(groups, "FrameContentSequence")
    modifier = _macro(groups, "MRTimingAndRelatedParametersSequence")
    instance = number(dataset, "InstanceNumber")
    return Timing(
        echo_time=first_number((*_macro(groups, "MREchoSequence"), dataset), "EffectiveEchoTime", "EchoTime"),
        inversion_time=_inversion_time(_macro(groups, "MRModifierSequence")),
        flip_angle=first_number(modifier, "FlipAngle"),
        diffusion=_diffusion(groups),
        temporal_position=first_number(content, "TemporalPositionIndex"),
        trigger_time=first_number(
            (*_macro(groups, "CardiacSynchronizationSequence"), dataset),
            "NominalCardiacTriggerDelayTime",
            "CardiacTriggerDelayTime",
            "TriggerTime",
        ),
        acquisition_number=first_number(content, "FrameAcquisitionNumber"),
        acquired=_first_moment(content, "FrameAcquisition"),
        created=_first_moment(content, "FrameReference"),
        dimension=_dimension(content),
        instance=None if instance is None else (instance, float(index)),
        repetition_time=first_number(modifier, "RepetitionTime"),
        temporal_resolution=number(dataset, "TemporalResolution"),
        echo_planar=text(dataset, "EchoPlanarPulseSequence").upper() == "YES",
    )


def _dimension(content: Iterable[Dataset]) -> tuple[float, ...] | None:
    for item in content:
        found = many(item, "DimensionIndexValues")
        if found:
            return found
    return None


def _inversion_time(modifier: Iterable[Dataset]) -> float | None:
    # a frame of several inversions is told apart by its first
    return next((found[0] for item in modifier if (found := many(item, "InversionTimes"))), None)


def _first_moment(groups: Iterable[Dataset], stem: str) -> float | None:
    return next((time for group in groups if (time := moment(group, stem)) is not None), None)


def _diffusion(groups: tuple[Dataset, ...]) -> tuple[float, float, float, float] | None:
    for item in _macro(groups, "MRDiffusionSequence"):
        b_value = number(item, "DiffusionBValue")
        if b_value is None:
            continue
        gradients = items(item, "DiffusionGradientDirectionSequence")
        direction = numbers(gradients[0], "DiffusionGradientOrientation", 3) if gradients else None
        x, y, z = direction or (0.0, 0.0, 0.0)
        return b_value, x, y, z
    return None
