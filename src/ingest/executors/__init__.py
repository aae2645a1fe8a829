"""One file per way to run steps on this machine."""
