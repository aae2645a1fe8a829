"""`ingest preview`: how one document is cut.

find_document   the document, and the workbench that cuts it
cut             parse, chunk, screen: the document as a run would have it
comparison      two cuts of one document
view            what is shown of them
visible_text    text of hostile documents, made safe to show
terminal        a view for people at a terminal
html_page       a view as one HTML page
json_document   a view for programs
"""
