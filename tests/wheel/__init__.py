"""The wheel, installed and used as somebody does who has no checkout."""
