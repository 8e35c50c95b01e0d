"""DICOM in and out."""

from quietmr.io.dicom.find import is_dicom
from quietmr.io.dicom.header import DicomHeader, SourceFile
from quietmr.io.dicom.reader import read
from quietmr.io.dicom.writer import write

__all__ = ["DicomHeader", "SourceFile", "is_dicom", "read", "write"]
