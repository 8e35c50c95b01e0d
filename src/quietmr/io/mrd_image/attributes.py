"""The attributes of an MRD image: names and values as XML (``ismrmrdMeta``)."""

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence

Attributes = Mapping[str, Sequence[str]]

_ROOT = "ismrmrdMeta"
_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'


def attribute_text(attributes: Attributes) -> str:
    """Write attributes as XML.

    Pure ASCII, since ismrmrd's ``File`` decodes nothing else; other letters become character references. Control
    characters, which XML has no place for, become blanks.

    Parameters
    ----------
    attributes : mapping of str to sequence of str
        Names and their values.
    """
    root = ET.Element(_ROOT)
    for name, values in attributes.items():
        entry = ET.SubElement(root, "meta")
        ET.SubElement(entry, "name").text = name
        for value in values:
            ET.SubElement(entry, "value").text = _printable(value)
    # character references say every letter in ASCII
    text: str = ET.tostring(root, encoding="us-ascii", xml_declaration=False).decode("ascii")
    return _DECLARATION + text


def parse_attributes(text: str) -> dict[str, list[str]]:
    """Read attributes from XML; none for an empty text.

    Raises
    ------
    ValueError
        If the text is not XML.
    """
    # Siemens-like servers end strings with NUL
    text = text.split("\0", 1)[0].strip()
    if not text:
        return {}
    try:
        # a declaration of another encoding means nothing in a text that is decoded already
        root = ET.fromstring(text.encode("utf-8") if "encoding" not in text[:80] else text)
    except ET.ParseError as error:
        raise ValueError(f"its attributes are no XML ({error})") from error
    found: dict[str, list[str]] = {}
    for entry in root.iter("meta"):
        name = entry.findtext("name", default="").strip()
        found.setdefault(name, []).extend(value.text or "" for value in entry.findall("value"))
    return found


def _printable(value: str) -> str:
    return "".join(letter if letter >= " " and not 0xD800 <= ord(letter) < 0xE000 else " " for letter in value)
