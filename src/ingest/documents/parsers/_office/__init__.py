"""Parts of Office Open XML and OpenDocument files that several formats share."""
