"""A verdict's plot is in the artifact that tells the verdict, and beside the verdict in the lake."""

import base64
import re

from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId

from ingest_flows.release import evaluate
from tests.integration.ingest_flows.conftest import Site, eventually, flow_run_of


def test_the_artifact_of_a_verdict_shows_the_plot_that_the_lake_has(site: Site) -> None:
    site.run_inline()
    state = evaluate(settings=site.settings_path, return_state=True)  # what serves, against itself
    only = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[flow_run_of(state)]))
    (found,) = eventually(lambda: site.client.read_artifacts(artifact_filter=only))
    with site.opened() as services:
        lake = services.bench.lake
        (name,) = lake.store.list(f"{site.index}/plots/")
        (drawn,) = re.findall(r"!\[[^]]*\]\(data:image/svg\+xml;base64,([^)]+)\)", str(found.data))
        assert lake.store.get(f"{site.index}/plots/{name}") == base64.b64decode(drawn)
        assert lake.verdict(name.removesuffix(".svg")).model_dump(mode="json") == state.result()
        assert f"`{lake.store.uri}/{site.index}/plots/{name}`" in str(found.data)
