"""The nouns of the whole system: frozen, without logic, known to every floor."""

from ingest.records.documents import *
from ingest.records.generations import *
from ingest.records.judgments import *
from ingest.records.options import *
from ingest.records.points import *
from ingest.records.runs import *
from ingest.records.segments import *
