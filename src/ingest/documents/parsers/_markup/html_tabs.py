"""The labels of tabs, each for the panel that it shows: their row at the top of a page's tabs is not read."""

from itertools import islice
from typing import Any

_LEVELS = 4  # around a panel where tabs without names are looked for
_LONGEST = 200  # characters


class TabLabels:
    """Finds the tab of a panel: by the names that either gives the other, or else by its place."""

    def __init__(self, root: Any) -> None:
        """Remember the page; its tabs are found when first asked for."""
        self._root = root
        self._by_name: dict[str, Any] | None = None
        self._around: dict[Any, dict[Any, Any] | None] = {}  # panel → tab in an element, None without tabs

    def tab_of(self, panel: Any) -> Any:
        """Return the tab that shows a panel, None without one."""
        if self._by_name is None:
            self._by_name = _names(self._root.xpath("//*[@role='tab']"))
        if not self._by_name:
            return None
        names = [f"#{panel.get('id')}", *(panel.get("aria-labelledby") or "").split()[:1]]
        found = next((self._by_name[name] for name in names if name in self._by_name), None)
        return found if found is not None else self._beside(panel)

    def _beside(self, panel: Any) -> Any:
        """Return the tab with a panel's place among as many tabs as there are panels, None without one."""
        for around in islice(panel.iterancestors(), _LEVELS):
            if around not in self._around:
                tabs, panels = (around.xpath(f".//*[@role='{role}']") for role in ("tab", "tabpanel"))
                pairs = zip(panels, tabs, strict=True) if len(tabs) == len(panels) else ()
                self._around[around] = dict(pairs) if tabs else None
            if (found := self._around[around]) is not None:
                return found.get(panel)
        return None


def _names(tabs: list[Any]) -> dict[str, Any]:
    """Return the tabs by their own names, and by "#" and the names of what they show."""
    found: dict[str, Any] = {}
    for tab in reversed(tabs):
        found[tab.get("id") or ""] = tab
        found |= dict.fromkeys((f"#{name}" for name in (tab.get("aria-controls") or "").split()[:1]), tab)
        for link in (tab, *islice(tab.iter("a"), 1)):
            if (target := link.get("href") or "")[:1] == "#":
                found[target] = tab
    return found


def label_of(text: str, panel: Any) -> str:
    """Return the label to read before a panel, "" if the panel says it itself."""
    begins = " ".join("".join(islice(panel.itertext(), _LONGEST)).split())
    return "" if len(text) > _LONGEST or begins.startswith(text) else text
