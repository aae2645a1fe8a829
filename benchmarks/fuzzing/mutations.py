"""Makes broken files from sound ones; the same random numbers give the same file."""

import io
import random
import warnings
import zipfile

NUMBERS = (b"0", b"-1", b"2147483648", b"4294967295", b"18446744073709551616", b"1e309", b"NaN", b"9" * 400)
BYTES = (b"\0", b"\xff", b"\xff\xfe", b"\xed\xa0\x80", b"\xe2\x80\x8b", b"\xf0\x9f\x98\x80", b"\r", b"\x1b", b"\x85")
MARKS = b"<>[](){}|`*_#-:\"'&;/\\\n\t =,"
LARGEST = 256 * 2**10  # of a mutated file


def mutated(seed: bytes, other: bytes, rng: random.Random) -> bytes:
    """Return a broken version of a file; parts of `other`, of the same format, may come into it."""
    if seed[:4] == b"PK\x03\x04" and rng.random() < 0.7:
        return _inside_zip(seed, other, rng)[:LARGEST]
    return _broken(seed, other, rng)


def _broken(seed: bytes, other: bytes, rng: random.Random) -> bytes:
    data = bytearray(seed)
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        rng.choice(WAYS)(data, other, rng)
        if not data:
            break
    return bytes(data[:LARGEST])


def _inside_zip(seed: bytes, other: bytes, rng: random.Random) -> bytes:
    """Break one or two entries of an archive, and keep the archive sound; or drop, double or rename an entry."""
    try:
        with zipfile.ZipFile(io.BytesIO(seed)) as archive:
            entries = [(info.filename, archive.read(info)) for info in archive.infolist()]
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, ValueError):
        return _broken(seed, other, rng)
    for _ in range(rng.choice((1, 1, 2))):
        n = rng.randrange(len(entries))
        name, content = entries[n]
        way = rng.random()
        if way < 0.8 and content:
            entries[n] = name, _broken(content, rng.choice(entries)[1] or b"x", rng)
        elif way < 0.87 and len(entries) > 1:
            entries.pop(n)
        elif way < 0.94:
            entries[n] = rng.choice(("../" + name, "/" + name, name.upper(), name + "\\..\\x", "")), content
        else:
            entries.append((rng.choice(entries)[0], content))
    buffer = io.BytesIO()
    with (
        warnings.catch_warnings(action="ignore"),
        zipfile.ZipFile(buffer, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as archive,
    ):
        for name, content in entries:
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), content)
    return buffer.getvalue()


def _flip(data: bytearray, other: bytes, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 4, 16))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _overwrite(data: bytearray, other: bytes, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    data[at : at + rng.randrange(1, 9)] = rng.choice(BYTES)


def _truncate(data: bytearray, other: bytes, rng: random.Random) -> None:
    del data[rng.randrange(len(data)) :]


def _cut(data: bytearray, other: bytes, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    del data[at : at + rng.randrange(1, 2 + len(data) // 4)]


def _double(data: bytearray, other: bytes, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    part = bytes(data[at : at + rng.choice((1, 2, 8, 64, 512))])
    times = rng.choice((1, 2, 16, 256, 2000))
    data[at:at] = part * min(times, LARGEST // (2 * len(part)))


def _splice(data: bytearray, other: bytes, rng: random.Random) -> None:
    if other:
        start, at = rng.randrange(len(other)), rng.randrange(len(data))
        data[at : at + rng.randrange(64)] = other[start : start + rng.randrange(1, 2048)]


def _number(data: bytearray, other: bytes, rng: random.Random) -> None:
    """Put a large number in the place of one that is there."""
    at = rng.randrange(len(data))
    while at < len(data) and not 48 <= data[at] <= 57:
        at += 1
    end = at
    while end < len(data) and 48 <= data[end] <= 57:
        end += 1
    data[at:end] = rng.choice(NUMBERS)


def _mark(data: bytearray, other: bytes, rng: random.Random) -> None:
    """Insert a character that means something, a few times or very often."""
    at = rng.randrange(len(data) + 1)
    mark = bytes([rng.choice(MARKS)])
    data[at:at] = mark * rng.choice((1, 2, 3, 50, 3000))


def _swap(data: bytearray, other: bytes, rng: random.Random) -> None:
    """Exchange two lines."""
    lines = data.split(b"\n")
    a, b = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[a], lines[b] = lines[b], lines[a]
    data[:] = b"\n".join(lines)


WAYS = (_flip, _overwrite, _truncate, _cut, _double, _splice, _number, _mark, _swap)
