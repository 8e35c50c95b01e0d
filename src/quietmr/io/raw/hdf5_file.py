"""HDF5 files that hold raw data: open them, tell what they are, turn damage into one sentence."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py

from quietmr.data import InputError

# h5py promises no set of errors for damaged files: these are what cuts and byte flips were seen to raise, and relatives
_DAMAGE = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)
_SHOWN = 6
_MOST_COMPRESSION = 1100  # deflate reaches 1032


@contextmanager
def opened(path: Path) -> Iterator[h5py.File]:
    """Open an HDF5 file for reading; whatever the library raises over damage becomes an `InputError`."""
    try:
        with h5py.File(path, "r") as file:
            yield file
    except OSError as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"{path} cannot be read as HDF5 ({reason}): copy or download it again.") from error
    except _DAMAGE as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise InputError(f"{path} is damaged inside ({reason}): copy or download it again.") from error


def holds_readouts(node: object) -> bool:
    """Whether an HDF5 object is a group with a table of ISMRMRD acquisitions."""
    table = node.get("data") if isinstance(node, h5py.Group) else None
    return isinstance(table, h5py.Dataset) and {"head", "data"} <= set(table.dtype.names or ())


def holds_images(node: object) -> bool:
    """Whether an HDF5 object is, or has below it, a series of MRD images."""
    if not isinstance(node, h5py.Group):
        return False
    return {"header", "attributes", "data"} <= set(node) or any(holds_images(node[name]) for name in list(node)[:64])


def readout_group(file: h5py.File) -> h5py.Group | None:
    """Find the group with the readouts: ``dataset``, or the only one that holds some; None if there is none.

    Raises
    ------
    InputError
        If several groups hold readouts and none is called ``dataset``.
    """
    groups = [name for name in file if holds_readouts(file[name])]
    if "dataset" in groups:
        return file["dataset"]
    if len(groups) > 1:
        raise InputError(
            f"{file.filename} holds {len(groups)} scans ({', '.join(groups[:_SHOWN])}) and none called 'dataset': "
            "give a file with one scan."
        )
    return file[groups[0]] if groups else None


def hdf5_kind(file: h5py.File) -> str:
    """Tell "mrd" from "fastmri".

    Raises
    ------
    InputError
        If the file holds something else; the sentence says what was found.
    """
    if readout_group(file) is not None:
        return "mrd"
    if isinstance(file.get("kspace"), h5py.Dataset):
        return "fastmri"
    images = [name for name in file if holds_images(file[name])]
    if images:
        raise InputError(
            f"{file.filename} holds MRD images ({', '.join(images[:_SHOWN])}) and no readouts: give the raw file that "
            "they were reconstructed from."
        )
    raise InputError(
        f"{file.filename} is an HDF5 file with {_contents(file)}: allowed are MRD (ISMRMRD) readouts and fastMRI "
        "k-space."
    )


def _contents(file: h5py.File) -> str:
    names = list(file)
    if not names:
        return "nothing in it"
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(repr(name) for name in names[:_SHOWN])}{more} in it"


def check_sound(dataset: h5py.Dataset) -> None:
    """Refuse damage that the HDF5 library does not notice and would crash or run forever over.

    Raises
    ------
    InputError
        If a member of the type lies outside its record, or there are more records than bytes to hold them.
    """
    if not _is_sound(dataset.id.get_type()):
        raise InputError(f"{dataset.file.filename} is damaged inside (impossible type): copy or download it again.")
    packed = _MOST_COMPRESSION if dataset.id.get_create_plist().get_nfilters() else 1
    if dataset.size * dataset.dtype.itemsize > packed * max(dataset.id.get_storage_size(), 1):
        raise InputError(
            f"{dataset.file.filename} claims {dataset.size} records and has no room for them: it is cut off or "
            "damaged, copy or download it again."
        )


def _is_sound(kind: h5py.h5t.TypeID) -> bool:
    if isinstance(kind, h5py.h5t.TypeArrayID | h5py.h5t.TypeVlenID):
        return _is_sound(kind.get_super())
    if isinstance(kind, h5py.h5t.TypeIntegerID | h5py.h5t.TypeFloatID):
        # numbers of the right size and of impossible bit fields
        return bool(kind == h5py.h5t.py_create(kind.dtype))
    if not isinstance(kind, h5py.h5t.TypeCompoundID):
        return True
    members = [(kind.get_member_offset(i), kind.get_member_type(i)) for i in range(kind.get_nmembers())]
    return all(start + part.get_size() <= kind.get_size() and _is_sound(part) for start, part in members)
