"""`ingest preview`: how one document is cut.

find_document      the document, and the workbench that cuts it
document_preview   what a run would make of it
comparison         two previews of one document
masking            secrets out of a preview
visible_text       text of hostile documents, made safe to show
view               what is shown: facts for people, values for programs
terminal           a view for people at a terminal
html_page          a view as one HTML page
"""
