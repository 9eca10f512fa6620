/** One of many in the tab order: arrow keys, Home and End move among them (WAI-ARIA's roving tabindex). */

const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/** `all()` gives the elements in order. `onMove(element)` gets the element that has the focus now. */
export function rove(list, all, onMove = () => {}) {
  list.addEventListener("keydown", (event) => {
    const elements = all();
    const at = elements.indexOf(document.activeElement);
    if (at < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
    const next = {
      Home: 0,
      End: elements.length - 1,
      ...(event.key in STEPS && { [event.key]: (at + STEPS[event.key] + elements.length) % elements.length }),
    }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    choose(elements, elements[next]);
    elements[next].focus();
    onMove(elements[next]);
  });
}

/** Makes the Tab key reach one element. */
export function choose(elements, chosen) {
  for (const each of elements) each.tabIndex = each === chosen ? 0 : -1;
}
