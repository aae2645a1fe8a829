"""What parsers of several formats share: archives, encodings, lines, tables, and the assembly of documents."""
