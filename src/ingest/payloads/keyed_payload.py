"""Payloads with the text under one key, and the other fields beside it or under another: LangChain, Haystack, plain."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class KeyedPayload:
    """Where a payload has text and fields, and the names of its vectors (see `payloads`)."""

    TEXT: str
    under: str = ""  # key of the other fields; "": they are beside the text
    own_id: str = ""  # key beside the text that repeats the chunk's id
    DENSE: str = ""
    SPARSE: str = "bm25"

    @property
    def PREFIX(self) -> str:  # noqa: D102 - as the modules of other profiles call it
        return f"{self.under}." if self.under else ""

    def build(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return the payload for a chunk's fields."""
        others = {name: value for name, value in fields.items() if name != "text"}
        own = {self.own_id: fields["chunk_id"]} if self.own_id else {}
        return own | {self.TEXT: fields["text"], **({self.under: others} if self.under else others)}

    def read(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields of a payload."""
        found = payload.get(self.under) if self.under else payload
        told = found if isinstance(found, Mapping) else {}
        return {"text": payload[self.TEXT], **{name: value for name, value in told.items() if name != self.TEXT}}


KEYED = {
    "langchain": KeyedPayload("page_content", "metadata"),  # what langchain-qdrant reads with its defaults
    # A `Document` as qdrant-haystack stores it, which expects both vectors under fixed names.
    "haystack": KeyedPayload("content", "meta", "id", "text-dense", "text-sparse"),
    "plain": KeyedPayload("text"),
}
