"""Settings: the only code that reads settings files, and configuration from the environment.

Environment variables override keys of `ingest.yaml` (`INGEST_LAKE`, `INGEST_QDRANT__URL`,
`INGEST_INDEXES__docs__DECIDE`, …). Secrets come only from the environment. Sections are records (`records.options`).
"""

from ingest.settings.lake_settings import IndexSettings, ModelSettings, Settings, SourceSettings
from ingest.settings.loading import default_settings, load_settings, make_settings, quiet_environment, whoami
