"""What several Office Open XML and OpenDocument formats share."""
