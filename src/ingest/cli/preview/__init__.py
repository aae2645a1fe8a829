"""`ingest preview`: how one document is cut.

opening     the document, and the workbench that cuts it
cut         parse, chunk, screen: the document as a run would have it
comparison  two cuts of one document
shown       text of hostile documents, fit to be shown
terminal    a cut for people at a terminal
page        a cut as one HTML page
"""
