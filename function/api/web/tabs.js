/** The WAI-ARIA tabs pattern: arrow keys move and select, one tab is in the tab order. */

const STEPS = { ArrowRight: 1, ArrowLeft: -1 };

export function tabs(list, onSelect) {
  const all = [...list.querySelectorAll("[role=tab]")];

  const select = (chosen) => {
    for (const tab of all) {
      const selected = tab === chosen;
      tab.setAttribute("aria-selected", String(selected));
      tab.tabIndex = selected ? 0 : -1;
      document.getElementById(tab.getAttribute("aria-controls")).hidden = !selected;
    }
    onSelect(chosen.id);
  };

  list.addEventListener("click", ({ target }) => {
    const tab = target.closest("[role=tab]");
    if (tab) select(tab);
  });

  list.addEventListener("keydown", (event) => {
    const at = all.indexOf(document.activeElement);
    const next = {
      Home: 0,
      End: all.length - 1,
      ...(event.key in STEPS && { [event.key]: (at + STEPS[event.key] + all.length) % all.length }),
    }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    all[next].focus();
    select(all[next]);
  });
}
