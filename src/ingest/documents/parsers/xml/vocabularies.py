"""Elements of the XML vocabularies that are read by name: JATS, DocBook, DITA, TEI, CALS tables, USPTO patents."""

RENAMED: dict[str, str] = {
    **dict.fromkeys(
        (
            "p",
            "para",
            "simpara",
            "paragraph",
            "ab",
            "ptext",
            "shortdesc",
            "claim-text",
            "license-p",
            "aff",
            "corresp",
            "attrib",
            "term-head",
            "disp-formula",
            "contrib-group",
            "kwd-group",
            "l",
            "bp",
        ),
        "p",
    ),
    **dict.fromkeys(("itemizedlist", "simplelist", "ul", "sl", "procedure", "steps"), "ul"),
    **dict.fromkeys(("orderedlist", "ol", "claims", "ref-list-items"), "ol"),
    **dict.fromkeys(("list-item", "listitem", "li", "member", "item", "sli", "step", "claim", "ref"), "li"),
    **dict.fromkeys(("def-list", "variablelist", "dl", "parml", "glosslist"), "dl"),
    **dict.fromkeys(("term", "dt", "pt", "glossterm"), "dt"),
    **dict.fromkeys(("def", "dd", "pd", "glossdef"), "dd"),
    **dict.fromkeys(("programlisting", "screen", "codeblock", "pre", "preformat", "literallayout", "msgblock"), "pre"),
    **dict.fromkeys(("disp-quote", "blockquote", "lq", "quote", "verse-group", "epigraph"), "blockquote"),
    **dict.fromkeys(("row", "tr"), "tr"),
    **dict.fromkeys(("entry", "td", "stentry"), "td"),
    "th": "th",
    "thead": "thead",
    "tbody": "tbody",
    "tfoot": "tfoot",
    "caption": "figcaption",
    "figdesc": "figcaption",
    **dict.fromkeys(("break", "lb", "br"), "br"),
    "math": "math",
    "article-title": "h1",
    "invention-title": "h1",
    "title-of-invention": "h1",
}


TITLES = frozenset(("title", "head", "heading", "h", "doctitle", "bridgehead"))


INLINE = frozenset(
    (
        "italic",
        "bold",
        "emphasis",
        "sup",
        "sub",
        "xref",
        "ext-link",
        "i",
        "b",
        "u",
        "hi",
        "ref",
        "link",
        "ulink",
        "code",
        "literal",
        "filename",
        "command",
        "styled-content",
        "sc",
        "monospace",
        "underline",
        "named-content",
        "email",
        "uri",
        "inline-formula",
        "figref",
        "claim-ref",
        "pdat",
        "stext",
        "highlight",
        "quote",
        "codeph",
        "ph",
        "uicontrol",
        "a",
        "span",
        "em",
        "strong",
        "institution",
        "surname",
        "given-names",
    )
)


DROPPED = frozenset(
    (
        "journal-meta",
        "article-id",
        "pub-date",
        "history",
        "counts",
        "custom-meta-group",
        "self-uri",
        "article-categories",
        "related-article",
        "elocation-id",
        "volume",
        "issue",
        "fpage",
        "lpage",
        "pub-history",
        "contrib-id",
        "object-id",
        "issue-id",
        "us-bibliographic-data-application",
        "us-bibliographic-data-grant",
        "prolog",
        "sdobi",
        "alt-text",
        "subdoc-bibliographic-information",
        "colspec",
        "spanspec",
        "indexterm",
        "processing-meta",
        "article-version",
        "institution-id",
        "copyright-year",
        "copyright-holder",
        "copyright-statement",
        "address",
        "author-notes-id",
    )
)


NAMED = {
    "abstract": "Abstract",
    "claims": "Claims",
    "subdoc-claims": "Claims",
    "sdoab": "Abstract",
    "sdocl": "Claims",
    "subdoc-abstract": "Abstract",
    "ref-list": "References",
    "ack": "Acknowledgments",
}


KNOWN = frozenset(
    (
        "article",
        "book",
        "chapter",
        "section",
        "topic",
        "concept",
        "task",
        "reference",
        "tei",
        "text",
        "patdoc",
        "refentry",
        "us-patent-application",
        "us-patent-grant",
        "patent-application-publication",
        "set",
        "part",
        "appendix",
        "table",
        "preface",
        "map",
        "bookmap",
        "dita",
        "pmc-articleset",
        "glossary",
        "sect1",
        "html",
    )
)


LOOSE = ("heading", "bridgehead", "h")  # headings without a section of their own


INLINE_INSIDE = ("aff", "corresp", "bp", "quote", "term", "item", "def", "ref")


FIGURES = ("fig", "table-wrap", "figure", "supplementary-material", "media")
