"""Files in, files out."""

from quietmr.io.formats import Format, check_writable, format_of, read, write

__all__ = ["Format", "check_writable", "format_of", "read", "write"]
