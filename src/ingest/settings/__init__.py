"""Settings: the only reader of settings files, and of configuration in the environment.

`ingest.yaml`, every key of which an environment variable can override (`INGEST_LAKE`, `INGEST_QDRANT__URL`,
`INGEST_INDEXES__docs__DECIDE`, …). Secrets come from the environment alone. Sections are records (`records.options`).
"""

from ingest.settings.environment import quiet_environment, whoami
from ingest.settings.index_settings import IndexSettings, ModelSettings, SourceSettings
from ingest.settings.lake_settings import Settings
from ingest.settings.loading import load_settings, make_settings
