"""Automations of Prefect's server about an index: who is told, who is paged, when a schedule is paused."""

from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

import yaml
from prefect.client.orchestration import SyncPrefectClient
from prefect.events.schemas.automations import AutomationCore
from prefect.exceptions import ObjectNotFound

from ingest.errors import InvalidSettings

FILE = Path(__file__).with_name("automations.yaml")
REFUSALS = 3  # in a week, after which a schedule is paused


def automations(filled: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the automations of the file with their places filled in, without those that need what is not there."""
    found = yaml.safe_load(Template(FILE.read_text(encoding="utf-8")).safe_substitute(filled))
    return [one for one in found if one.pop("needs", None) in (None, *filled)]


def left_out(blocks: Mapping[str, str | None]) -> list[str]:
    """Return which automations need a notification block that is not there, each with the option that names one."""
    found = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    absent = ((one["name"], one["needs"]) for one in found if "needs" in one and not blocks.get(one["needs"]))
    return [f"{name}: it needs --{place}, a notification block of the server" for name, place in absent]


def apply(client: SyncPrefectClient, blocks: Mapping[str, str | None], refusals: int = REFUSALS) -> list[str]:
    """Make or replace the automations on the server, and return their names.

    Args:
        client: Of the server.
        blocks: people, pager → notification block, "<type>/<name>"; None leaves out what needs it.
        refusals: In a week, after which the schedule of an index is paused.

    Raises: InvalidSettings when the server has no such block.
    """
    ids = {place: _block(client, name) for place, name in blocks.items() if name}
    wanted = [AutomationCore.model_validate(one) for one in automations({**ids, "refusals": str(refusals)})]
    for automation in wanted:
        for earlier in client.read_automations_by_name(automation.name):
            client.delete_automation(earlier.id)
        client.create_automation(automation)
    return [automation.name for automation in wanted]


def _block(client: SyncPrefectClient, name: str) -> str:
    """Return the id of a block "<type>/<name>"."""
    kind, _, block = name.partition("/")
    try:
        return str(client.read_block_document_by_name(block, kind).id)
    except ObjectNotFound as error:
        raise InvalidSettings(
            f"the server has no block {name}: make it under Blocks in its UI, and name it as type/name, "
            "such as slack-webhook/ops"
        ) from error
