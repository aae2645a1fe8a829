import subprocess
import sys
import types

import pytest

from ingest.adapters.sources import file as file_module
from ingest.adapters.sources import find, overlaps
from ingest.adapters.sources import s3 as s3_module
from ingest.errors import InvalidSettings, UnknownSource


@pytest.mark.parametrize(
    ("uri", "module"),
    [
        ("s3://bucket/docs", s3_module),
        ("S3://bucket/docs", s3_module),
        ("file:///docs", file_module),
        ("/docs", file_module),
        ("docs", file_module),
    ],
)
def test_the_scheme_names_the_module(uri, module):
    assert find(uri) is module


@pytest.mark.parametrize("uri", ["gopher://u:s3cr3t@host", "__init__://x", "../file://x", "://x", "os.path://x"])
def test_an_unknown_scheme_is_refused_with_the_known_ones(uri):
    with pytest.raises(UnknownSource, match=r"known are file, s3; others register under ingest\.sources") as caught:
        find(uri)
    assert "s3cr3t" not in str(caught.value)


@pytest.fixture
def register(monkeypatch, tmp_path):
    """Installs a package that registers one source, as pip would."""

    def register_(scheme, value):
        info = tmp_path / "third_party-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: third-party\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[ingest.sources]\n{scheme} = {value}\n")
        monkeypatch.syspath_prepend(tmp_path)

    return register_


def test_a_third_party_registers_by_entry_point(register, monkeypatch):
    module = types.ModuleType("third_party_wiki")
    module.open_source = lambda name, uri, options, acl, tenant, s3: None
    monkeypatch.setitem(sys.modules, "third_party_wiki", module)
    register("wiki", "third_party_wiki")
    assert find("wiki://host/pages") is module


def test_a_third_party_does_not_replace_a_built_in_source(register):
    register("s3", "json")
    assert find("s3://bucket/docs") is s3_module


@pytest.mark.parametrize(
    ("value", "message"),
    [("missing_module_of_wiki", "cannot be loaded: No module named"), ("json", "json has no function open_source")],
)
def test_a_third_party_that_does_not_work_is_named(register, value, message):
    register("wiki", value)
    with pytest.raises(UnknownSource, match=f"source wiki: {value}.*{message.removeprefix(value)}"):
        find("wiki://host/pages")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("s3://bucket", "s3://bucket/docs", True),
        ("s3://bucket/docs", "s3://bucket/docs/", True),
        ("s3://bucket/docs/a", "s3://bucket/docs", True),
        ("s3://bucket/my%20docs", "s3://bucket/my docs", True),
        ("s3://bucket/docs", "s3://bucket/docs2", False),
        ("s3://bucket/docs", "s3://bucket/Docs", False),
        ("s3://bucket/docs", "s3://bucket2/docs", False),
        ("file:///a/b", "/a/b/c", True),
        ("file:///a/b/../c", "/a/c", True),
        ("/a/b", "/a/bc", False),
        ("/", "/a", True),
        ("/a", "s3://bucket/a", False),
        ("wiki://host/a", "wiki://host/a/b", True),
        ("wiki://host/a", "wiki://host/ab", False),
        ("wiki://host/a", "gopher://host/a", False),
    ],
)
def test_one_place_inside_another_overlaps(one, other, expected):
    assert (expected, expected) == (overlaps(one, other), overlaps(other, one))


def test_a_link_to_the_same_folder_overlaps(tmp_path):
    (tmp_path / "docs" / "sub").mkdir(parents=True)
    (tmp_path / "link").symlink_to("docs")
    assert overlaps(str(tmp_path / "docs"), str(tmp_path / "link" / "sub"))


def test_a_uri_that_is_wrong_is_refused():
    with pytest.raises(InvalidSettings):
        overlaps("s3://", "s3://bucket")


def test_finding_a_source_loads_no_cloud_library():
    code = "import sys; from ingest.adapters.sources import find; find('s3://b/c'); print('boto3' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout == "False\n"
