"""Optional libraries that a command needs."""

from importlib.util import find_spec

from quietmr.data import MissingExtraError


def need_training() -> None:
    """Refuse to train without the libraries of training.

    Raises
    ------
    MissingExtraError
        If one of them is not installed.
    """
    missing = [name for name in ("lightning_fabric", "pydantic", "yaml") if find_spec(name) is None]
    if missing:
        raise MissingExtraError(f"Training needs {', '.join(missing)}: run  pip install 'quietmr[train]'.")


def need_parametric_maps() -> None:
    """Refuse maps in DICOM without their library.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    if find_spec("highdicom") is None:
        raise MissingExtraError(
            "Maps in DICOM need highdicom: run  pip install 'quietmr[dicom]', or write them as .nii.gz or .h5."
        )
