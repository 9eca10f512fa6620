/** The WAI-ARIA tabs pattern: arrow keys move and select, one tab is in the tab order. */

import { choose, rove } from "./roving.js";

/** Returns a function to call after tabs were hidden or shown: it leaves a hidden tab. */
export function tabs(list, onSelect) {
  const all = [...list.querySelectorAll("[role=tab]")];
  const shown = () => all.filter((tab) => !tab.hidden);
  const panelOf = (tab) => document.getElementById(tab.getAttribute("aria-controls"));

  const select = (chosen) => {
    choose(all, chosen);
    for (const tab of all) {
      tab.setAttribute("aria-selected", String(tab === chosen));
      panelOf(tab).hidden = tab !== chosen;
    }
    onSelect(chosen);
  };

  list.addEventListener("click", ({ target }) => {
    const tab = target.closest("[role=tab]");
    if (tab) select(tab);
  });
  rove(list, shown, select);

  return () => {
    const selected = all.find((tab) => tab.getAttribute("aria-selected") === "true");
    const next = selected.hidden ? shown()[0] ?? selected : selected;
    const leaves = next !== selected && panelOf(selected).contains(document.activeElement);
    select(next);
    if (leaves) next.focus();
  };
}
