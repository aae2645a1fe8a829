"""HTML, XML and Markdown as blocks: the basis of the parsers of several formats."""
