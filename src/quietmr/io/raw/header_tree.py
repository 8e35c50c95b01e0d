"""The XML header of an MRD file as a tree of attributes, through ismrmrd's classes or without them."""

import logging
import re
import warnings
import xml.etree.ElementTree as ElementTree
from types import SimpleNamespace
from typing import Any

import ismrmrd.xsd
from xsdata.exceptions import ConverterError, ConverterWarning, ParserError, XmlContextError

from quietmr.data import InputError

# what ismrmrd's classes raise over headers that break the schema: unknown or missing elements, odd values
_REFUSED = (ParserError, ConverterError, ConverterWarning, XmlContextError, SyntaxError, TypeError, ValueError)
_LIMIT = {"minimum", "maximum", "center"}
# what xsdata says of odd headers is of no use to users, who get the facts by the other way
logging.getLogger("xsdata").addHandler(logging.NullHandler())
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")


def header_tree(text: str, name: str) -> Any:
    """Parse the header with ismrmrd's classes, or by `plain_tree` where they refuse it.

    Parameters
    ----------
    text : str
        XML document.
    name : str
        File it comes from, for messages.

    Returns
    -------
    object
        Elements as attributes, as `ismrmrd.xsd.ismrmrdHeader` names them; absent ones are None or lacking, values
        are strings if ismrmrd's classes refused the document.

    Raises
    ------
    InputError
        If it is not XML, or not a header of an MRD file.
    """
    # the text is decoded already, its declaration of an encoding would be wrong now
    bare = _DECLARATION.sub("", text.strip("\x00 \t\r\n\ufeff"), count=1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            tree = ismrmrd.xsd.CreateFromDocument(bare.encode())
    except _REFUSED:
        return plain_tree(bare, name)
    # where a number is absent the classes put 0 or 1, which nobody has said
    return tree if _says_all(bare) else plain_tree(bare, name)


def plain_tree(text: str, name: str) -> SimpleNamespace:
    """Parse the header by ElementTree, whatever its namespace and whether or not it keeps to the schema."""
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError) as error:
        raise InputError(f"{name} has a header that is not XML ({error}): convert the scan again.") from error
    if _local(root.tag) != "ismrmrdHeader":
        raise InputError(
            f"{name} has an XML header of type '{_local(root.tag)}', not 'ismrmrdHeader': convert the scan "
            "to MRD again."
        )
    tree = _branch(root)
    return tree if isinstance(tree, SimpleNamespace) else SimpleNamespace()


def _says_all(text: str) -> bool:
    for element in ElementTree.fromstring(text).iter():
        if _local(element.tag) == "encodingLimits" and any(
            not _full_parts(each) >= _LIMIT for each in element if isinstance(each.tag, str)
        ):
            return False
        if _local(element.tag) == "matrixSize" and not {"x", "y", "z"} <= _full_parts(element):
            return False
    return True


def _full_parts(element: ElementTree.Element) -> set[str]:
    return {_local(child.tag) for child in element if isinstance(child.tag, str) and child.text}


def _branch(element: ElementTree.Element) -> SimpleNamespace | str:
    if len(element) == 0:
        return (element.text or "").strip()
    children: dict[str, list[SimpleNamespace | str]] = {}
    for child in element:
        if isinstance(child.tag, str):
            children.setdefault(_local(child.tag), []).append(_branch(child))
    return SimpleNamespace(**children)


def _local(tag: object) -> str:
    # comments have a function for a tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""
