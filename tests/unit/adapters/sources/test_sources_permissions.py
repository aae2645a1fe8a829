"""Groups and tenant of each document: from a file beside it, from its tags, or by prefix; in doubt nobody sees it."""

import json
import logging

import pytest

from ingest.adapters.selection import HIDDEN, SIDECAR, SIDECAR_BYTES
from ingest.adapters.sources import file, s3
from ingest.errors import InvalidSettings
from ingest.records import S3Options
from tests.s3_server import refuse

TOLD = {"acl": ["staff", "eng"], "tenant": "acme"}
BAD = {
    "missing": None,
    "no JSON": b"staff",
    "no groups": b'{"acl": []}',
    "an empty name": b'{"acl": [""]}',
    "another key": b'{"acl": ["staff"], "groups": ["public"]}',
    "a word": b'{"acl": "staff"}',
    "too long": b'{"acl": ["' + b"s" * SIDECAR_BYTES + b'"]}',
}


class Folder:
    """A folder of documents as a source."""

    def __init__(self, folder):
        self.folder = folder

    def put(self, path, data):
        (self.folder / path).write_bytes(data)

    def open(self, acl_from):
        return file.open_source("docs", str(self.folder), {"acl_from": acl_from}, ("public",), "own", S3Options())


class InS3:
    """A bucket of documents as a source."""

    def __init__(self, server, bucket):
        self.options, self.bucket = server.options(attempts=1), bucket
        self.client = s3.Bucket(bucket, self.options, OSError).client

    def put(self, path, data, **more):
        self.client.put_object(Bucket=self.bucket, Key=f"docs/{path}", Body=data, **more)

    def open(self, acl_from):
        root = f"s3://{self.bucket}/docs"
        return s3.open_source("docs", root, {"acl_from": acl_from}, ("public",), "own", self.options)


@pytest.fixture(params=["folder", "s3"])
def place(request, tmp_path):
    if request.param == "folder":
        return Folder(tmp_path)
    return InS3(request.getfixturevalue("s3_server"), request.getfixturevalue("make_bucket")(False))


def seen(source):
    return {ref.path: (ref.acl, ref.tenant) for ref in source.list()}


def test_a_file_beside_a_document_tells_who_may_see_it_and_is_no_document(place, caplog):
    place.put("a b.md", b"text")
    place.put(f"a b.md{SIDECAR}", json.dumps(TOLD).encode())
    place.put("own.md", b"text")
    place.put(f"own.md{SIDECAR}", b'{"acl": ["staff"]}')
    for name, told in BAD.items():
        place.put(f"{name}.md", b"text")
        if told is not None:
            place.put(f"{name}.md{SIDECAR}", told)
    source = place.open("sidecar")
    hidden = {f"{name}.md": ((), "own") for name in BAD}
    with caplog.at_level(logging.WARNING):
        assert {"a b.md": (("staff", "eng"), "acme"), "own.md": (("staff",), "own"), **hidden} == seen(source)
    assert (len(BAD), 8) == (source.left_out[HIDDEN], source.left_out["permissions of other files"])
    assert all(f"{name.replace(' ', '%20')}.md: nobody will see it" in caplog.text for name in BAD)
    ref = source.look(f"{source.uri}/a%20b.md")
    assert (("staff", "eng"), "acme") == (ref.acl, ref.tenant)


def test_the_longest_prefix_tells_and_what_has_none_is_hidden(place):
    for path in ("open.md", "hr.md", "hr-pay.md"):
        place.put(path, b"text")
    found = seen(place.open({"hr": {"acl": ["hr"]}, "hr-": {"acl": ["pay"], "tenant": "acme"}}))
    assert {"open.md": ((), "own"), "hr.md": (("hr",), "own"), "hr-pay.md": (("pay",), "acme")} == found
    assert {(("all",), "own")} == {*seen(place.open({"": {"acl": ["all"]}})).values()}


def test_tags_of_an_object_tell_who_may_see_it(s3_server, make_bucket):
    place = InS3(s3_server, make_bucket(True))
    place.put("a.md", b"text", Tagging="acl=staff+eng&tenant=acme&colour=red")
    place.put("own.md", b"text", Tagging="acl=staff")
    place.put("untagged.md", b"text")
    faults = {"denied.md": ("403 Forbidden", "AccessDenied"), "broken.md": ("500 Internal Error", "InternalError")}
    for path, fault in faults.items():
        place.put(path, b"text", Tagging="acl=staff")
        s3_server.plan(refuse(*fault), text=f"{path}?tagging", times=3)
    hidden = dict.fromkeys((*faults, "untagged.md"), ((), "own"))
    assert {"a.md": (("staff", "eng"), "acme"), "own.md": (("staff",), "own"), **hidden} == seen(place.open("tags"))


def test_a_folder_has_no_tags_and_no_other_way_is_taken(tmp_path):
    for wrong in ("tags", "xattr", {"hr": {"acl": []}}):
        with pytest.raises(InvalidSettings, match="acl_from"):
            Folder(tmp_path).open(wrong)
