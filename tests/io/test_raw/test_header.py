"""The header: two parsers that agree, and clear refusals."""

import re

import ismrmrd.xsd
import pytest
from raw_scans import ENCODING, SYSTEM, random_scan

from quietmr.data import InputError, System
from quietmr.io.raw.header_facts import encodings_of, system_of
from quietmr.io.raw.header_tree import header_tree, plain_tree
from quietmr.io.raw.header_writing import header_of


@pytest.fixture
def text(rng):
    return header_of(random_scan(rng))


def facts(text, parse=header_tree):
    tree = parse(text, "scan.h5")
    return encodings_of(tree, "scan.h5"), system_of(tree, "scan.h5")


def test_both_parsers_agree(text):
    assert isinstance(header_tree(text, ""), ismrmrd.xsd.ismrmrdHeader)
    assert facts(text) == facts(text, plain_tree) == ((ENCODING,), SYSTEM)


@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [
        (r"<encoding>", "<encoding><vendorThing>7</vendorThing>"),
        (r"<trajectory>cartesian</trajectory>", "<trajectory>Cartesian</trajectory>"),
        (r"<calibrationMode>separate</calibrationMode>", "<calibrationMode>SEPARATE</calibrationMode>"),
        (r"<patientPosition>HFS</patientPosition>", "<patientPosition>UPSIDE_DOWN</patientPosition>"),
        (r"<patientPosition>HFS</patientPosition>", ""),
        (r"<experimentalConditions>.*</experimentalConditions>", ""),
        (r' xmlns="[^"]*"', ""),
        (r' xmlns="[^"]*"', ' xmlns="http://elsewhere"'),
        (r"utf-8", "ascii"),
    ],
)
def test_headers_that_break_the_schema_are_read(text, pattern, replacement):
    broken, number = re.subn(pattern, replacement, text, flags=re.DOTALL)
    assert number
    assert facts(broken) == ((ENCODING,), SYSTEM)


def test_absent_optional_elements_stay_unknown(text):
    for part in ("reconSpace", "encodingLimits", "parallelImaging"):
        text = re.sub(f"<{part}>.*</{part}>", "", text, flags=re.DOTALL)
    for part in ("acquisitionSystemInformation", "measurementInformation"):
        text = re.sub(f"<{part}>.*</{part}>", "", text, flags=re.DOTALL)
    (encoding,), system = facts(text)
    assert (encoding.recon_matrix, encoding.recon_fov) == (encoding.matrix, encoding.fov)
    assert encoding.lines is None and encoding.partitions is None
    assert (encoding.acceleration, encoding.calibration) == ((1, 1), "none")
    assert system == System()


def test_half_a_limit_is_none(text):
    broken = text.replace("<minimum>1</minimum>", "").replace("<center>1</center>", "<center/>")
    (encoding,), _ = facts(broken)
    assert encoding.lines is None and encoding.partitions is None


def test_coil_labels_follow_their_numbers(text):
    numbered = text.replace("<coilNumber>0</coilNumber>", "<coilNumber>12</coilNumber>")
    assert facts(numbered)[1].coil_labels == ("Head:2", "Head:1")


@pytest.mark.parametrize("bandwidth", ["31250.0", "0.5", "-1"])
def test_the_bandwidth_is_passed_as_it_is(text, bandwidth):
    assert facts(text.replace("0.793", bandwidth))[1].bandwidth == float(bandwidth)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("<x>16</x>", "<x>0</x>", "encoded matrix 0 x 12 x 3"),
        ("<x>16</x>", "<x>-5</x>", "encoded matrix -5"),
        ("<x>16</x>", "<x>70000</x>", "encoded matrix"),
        ("<x>16</x>", "<x>16.5</x>", "encoded matrix 16.5"),
        ("<x>16</x>", "<x>many</x>", "x is 'many'"),
        ("<x>16</x>", "", "absent"),
        ("<x>420.5</x>", "<x>NaN</x>", "field of view nan"),
        ("<x>420.5</x>", "<x>0.0</x>", "field of view 0"),
        ("<x>420.5</x>", "<x>INF</x>", "field of view inf"),
        ("<y>11</y>", "<y>0</y>", "reconstructed matrix 8 x 0 x 2"),
    ],
)
def test_nonsense_is_refused(text, old, new, said):
    assert old in text
    with pytest.raises(InputError, match=re.escape(said)):
        facts(text.replace(old, new))


@pytest.mark.parametrize("text", ["", "Dummy XML header", "<a><b></a>", "\x01\x02", "<?xml version='1.0'?>", "<x/>"])
def test_what_is_no_header_is_refused(text):
    with pytest.raises(InputError, match=r"header that is not XML|XML header of type 'x'"):
        header_tree(text, "scan.h5")


def test_a_header_without_encoding_is_refused(text):
    with pytest.raises(InputError, match="without an encoding"):
        facts(re.sub("<encoding>.*</encoding>", "", text, flags=re.DOTALL))


def test_entities_do_not_explode():
    bomb = (
        '<!DOCTYPE a [<!ENTITY b "'
        + "x" * 1000
        + '">'
        + "".join(f'<!ENTITY {chr(99 + i)} "{("&" + chr(98 + i) + ";") * 50}">' for i in range(6))
    )
    with pytest.raises(InputError):
        header_tree(f"{bomb}]><ismrmrdHeader>&h;</ismrmrdHeader>", "scan.h5")
