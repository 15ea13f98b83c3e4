"""Bytes to text: byte order marks first, then UTF-8, then a guess that is named."""

from __future__ import annotations

import codecs
import re

from charset_normalizer import from_bytes

from app.errors import DocumentError

# UTF-32 before UTF-16: its little-endian mark begins with the one of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BINARY = (
    (b"%PDF-", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive (DOCX, XLSX, ...)"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
    (b"SQLite format 3", "an SQLite database"),
    (b"\xd0\xcf\x11\xe0", "an old Office file"),
)
_SAMPLE = 1 << 16


def decode(data: bytes, declared: str | None = None) -> tuple[str, str | None]:
    """The text, and a warning where its encoding had to be guessed.

    `declared` is what the file says of itself (an HTML `charset`); it is tried after byte order marks and UTF-8.
    Line ends become "\\n". Raises DocumentError for binary data and for bytes that no encoding explains.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _lines(_strict(data, encoding)), None
    _refuse_binary(data)
    wide = _unmarked_wide(data)
    if wide is not None:
        return _lines(_strict(data, wide)), None
    try:
        # ISO-2022 switches alphabets with escape bytes and is valid UTF-8 by accident.
        if b"\x1b" not in data[:_SAMPLE]:
            return _lines(data.decode("utf-8")), None
    except UnicodeDecodeError:
        pass
    if declared is not None:
        try:
            name = codecs.lookup(_web_name(declared)).name
            return _lines(data.decode(name, errors="strict" if _covers(data, name) else "replace")), None
        except LookupError:
            pass
    return _guess(data)


def _strict(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise DocumentError(
            f"its byte order mark says {encoding}, but byte {error.start:,} does not fit",
            hint="Save the file again as UTF-8.",
        ) from None


def _refuse_binary(data: bytes) -> None:
    for magic, what in _BINARY:
        if data.startswith(magic):
            raise DocumentError(f"not text: it is {what}", hint="Give the file the ending of its real format.")
    head = data[:_SAMPLE]
    odd = sum(head.count(byte) for byte in _CONTROL_BYTES)
    if _unmarked_wide(data) is None and (b"\0" in head or odd > len(head) * 0.02):
        raise DocumentError("not text: it holds binary data", hint="Give the file the ending of its real format.")


# Control bytes that no text uses; tab, line feed, form feed, carriage return and escape are left out.
_CONTROL_BYTES = tuple(bytes((code,)) for code in range(1, 32) if code not in (8, 9, 10, 11, 12, 13, 26, 27))


def _unmarked_wide(data: bytes) -> str | None:
    """UTF-16 or UTF-32 without a mark, told by where the zero bytes of Latin text fall."""
    head = data[:4096]
    if len(head) < 4 or b"\0" not in head:
        return None
    at = [head[place::4].count(0) / max(1, len(head[place::4])) for place in range(4)]
    if at[1] > 0.9 and at[2] > 0.9 and at[3] > 0.9 and at[0] < 0.1:
        return "utf-32-le"
    if at[0] > 0.9 and at[1] > 0.9 and at[2] > 0.9 and at[3] < 0.1:
        return "utf-32-be"
    if at[1] > 0.4 and at[3] > 0.4 and at[0] < 0.1 and at[2] < 0.1:
        return "utf-16-le"
    if at[0] > 0.4 and at[2] > 0.4 and at[1] < 0.1 and at[3] < 0.1:
        return "utf-16-be"
    return None


def _covers(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _web_name(label: str) -> str:
    """Labels as browsers read them (WHATWG Encoding): Latin-1 means Windows-1252, GB2312 means GBK."""
    name = label.strip().strip("\"'").lower()
    return {
        "iso-8859-1": "cp1252",
        "latin1": "cp1252",
        "us-ascii": "cp1252",
        "gb2312": "gb18030",
        "gbk": "gb18030",
        "x-sjis": "cp932",
        "shift_jis": "cp932",
        "ks_c_5601-1987": "cp949",
        "euc-kr": "cp949",
        "windows-31j": "cp932",
        "iso-8859-9": "cp1254",
    }.get(name, name)


def _guess(data: bytes) -> tuple[str, str | None]:
    # A sample is enough to tell, and a whole book takes the detector minutes.
    sample = data if len(data) <= _SAMPLE else data[: data.rfind(b"\n", 0, _SAMPLE) + 1] or data[:_SAMPLE]
    encoding = _likeliest(sample)
    if encoding is None:
        raise DocumentError("its encoding could not be told", hint="Save the file again as UTF-8.")
    text = data.decode(encoding, errors="replace")
    strange = text.count("\ufffd")
    if strange > max(1, len(text) // 200):
        raise DocumentError(
            f"its encoding could not be told ({encoding} fits best and leaves {strange:,} broken characters)",
            hint="Save the file again as UTF-8.",
        )
    return _lines(text), f"encoding guessed: {encoding}"


_CENTRAL = frozenset({"Polish", "Czech", "Slovak", "Hungarian", "Croatian", "Slovene", "Romanian"})
_CENTRAL_LETTERS = "ąćęłńóśźżáčďéěíňřšťúůýžőűăâîșț"
_LATIN = re.compile(r"(cp125[02478]|cp(437|775|85\d)|iso8859_(1|2|3|4|9|1\d)|latin_1|mac_\w+|hp_roman8)")


def _likeliest(sample: bytes) -> str | None:
    """charset-normalizer's guess; where it hesitates between the alphabets of the West, the one in use.

    Over short texts it ranks HP Roman-8 or ISO 8859-10 before Windows-1252, which nobody has written for decades.
    """
    matches = list(from_bytes(sample))
    if not matches:
        return None
    top = matches[0]
    if not _LATIN.fullmatch(top.encoding):
        return str(top.encoding)
    if top.language in _CENTRAL:
        fitting = [name for name in ("cp1250", "iso8859_2") if _covers(sample, name)]
        return max(fitting, key=lambda name: _letters(sample.decode(name)), default=str(top.encoding))
    near = {name for match in matches if match.chaos <= top.chaos + 0.03 for name in match.could_be_from_charset}
    for name in ("cp1254",) if top.language == "Turkish" else ("cp1252", "cp1254"):
        if name in near and _covers(sample, name):
            return name
    return str(top.encoding)


def _letters(text: str) -> int:
    return sum(text.lower().count(letter) for letter in _CENTRAL_LETTERS)


_LINE_END = re.compile(r"\r\n?|\u2028|\u2029|\x85")


def _lines(text: str) -> str:
    return _LINE_END.sub("\n", text)
