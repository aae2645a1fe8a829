import pytest

from ingest.errors import InvalidSettings
from ingest.lake.keys import check_key, check_prefix


@pytest.mark.parametrize("key", ["a", "a/b.json", "..a", "a..", "...", "é", ".tmp", "x.tmp-1", "a" * 255])
def test_a_plain_key_is_fine(key):
    check_key(key)
    check_prefix(f"{key}/")


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/",
        "/a",
        "a/",
        "a//b",
        ".",
        "..",
        "../a",
        "a/../b",
        "a/..",
        "./a",
        "a/.",
        ".tmp-1",
        "a/.tmp-1/b",
        "a\0b",
        "a\nb",
        "a\x7f",
        "\ud800",
        "a" * 256,
        "é" * 128,
        "/".join(["a" * 200] * 6),
    ],
)
def test_a_key_that_leads_elsewhere_or_fits_nowhere_is_refused(key):
    with pytest.raises(InvalidSettings, match="key"):
        check_key(key)


def test_a_prefix_is_empty_or_a_folder():
    check_prefix("")
    for prefix in ("a", "/", "../", "a//"):
        with pytest.raises(InvalidSettings):
            check_prefix(prefix)
