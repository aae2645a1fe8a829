"""One question → answers of one release."""

from ingest.search.context import Context, ContextOptions, Passage, context_of
from ingest.search.searcher import STAGES, Answer, Searcher
from ingest.search.served_release import open_release, open_serving, release_in_force, serving_release
