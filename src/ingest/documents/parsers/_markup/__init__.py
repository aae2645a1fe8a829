"""HTML, XML and Markdown as blocks: what the parsers of several formats stand on."""
