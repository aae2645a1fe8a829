"""Small documents of each format, each with one thing in it of which the guide says what becomes of it."""
