"""The private header of Siemens scanners ("CSA", version 2): tags by name, and the scan protocol inside."""

import re
import struct

from pydicom.dataset import Dataset

from quietmr.io.dicom.elements import private_value

_GROUP = 0x0029
_CREATOR = "SIEMENS CSA HEADER"
_IMAGE, _SERIES = 0x10, 0x20
_MARK = b"SV10"
_TAG = struct.Struct("<64si4siii")
_ITEM = struct.Struct("<4i")
_MOST_TAGS = 1024
_SLICE_POSITION = re.compile(r"^sSliceArray\.asSlice\[(\d+)\]\.sPosition\.d(Sag|Cor|Tra)\s*=\s*(\S+)", re.MULTILINE)
_SLICE_COUNT = re.compile(r"^sSliceArray\.lSize\s*=\s*(\d+)", re.MULTILINE)
_MOST_SLICES = 4096


def image_tags(dataset: Dataset) -> dict[str, tuple[str, ...]]:
    """Read the CSA image header: name of a tag to its values; empty if there is none.

    Raises
    ------
    ValueError
        If the header is cut off or of another version.
    """
    return _parse(_raw(dataset, _IMAGE))


def slice_centers(dataset: Dataset) -> tuple[tuple[float, float, float], ...]:
    """Read the centers of the slices from the scan protocol, LPS in mm, in the protocol's order; empty if not there.

    Raises
    ------
    ValueError
        If the header is cut off or of another version.
    """
    tags = _parse(_raw(dataset, _SERIES))
    protocol = "".join((tags.get("MrPhoenixProtocol") or tags.get("MrProtocol") or ("",))[:1])
    count = _SLICE_COUNT.search(protocol)
    if count is None or int(count[1]) > _MOST_SLICES:
        return ()
    # the protocol leaves out coordinates that are zero
    centers = [[0.0, 0.0, 0.0] for _ in range(int(count[1]))]
    for index, axis, value in _SLICE_POSITION.findall(protocol):
        if int(index) < len(centers):
            centers[int(index)][("Sag", "Cor", "Tra").index(axis)] = float(value)
    return tuple((x, y, z) for x, y, z in centers)


def _raw(dataset: Dataset, element: int) -> bytes:
    value = private_value(dataset, _GROUP, _CREATOR, element)
    return value if isinstance(value, bytes) else b""


def _parse(raw: bytes) -> dict[str, tuple[str, ...]]:
    if not raw:
        return {}
    if not raw.startswith(_MARK):
        raise ValueError("its Siemens CSA header is not of version 2")
    (n_tags,) = struct.unpack_from("<I", raw, 8)
    if n_tags > _MOST_TAGS:
        raise ValueError("its Siemens CSA header is damaged")
    tags = {}
    offset = 16
    for _ in range(n_tags):
        name, _multiplicity, _type, _code, n_items, _mark = _TAG.unpack_from(raw, offset)
        offset += _TAG.size
        values = []
        for _ in range(n_items):
            length = _ITEM.unpack_from(raw, offset)[1]
            offset += _ITEM.size
            if not 0 <= length <= len(raw) - offset:
                raise ValueError("its Siemens CSA header is cut off")
            if length:
                values.append(_text(raw[offset : offset + length]))
            # items are padded to four bytes
            offset += (length + 3) // 4 * 4
        tags[_text(name)] = tuple(values)
    return tags


def _text(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode("latin-1").strip()
