"""The story: plan, chunk, embed, load, keyword, seal, evaluate, release, in order."""
