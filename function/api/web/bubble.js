/** Tooltip above the element that is pointed at or focused; Escape closes it. */

import { element } from "./dom.js";

const GAP = 8;

/** Adds tooltips to the elements of an area that match `selector`, now or later; `data-bubble` is the text. */
export function bubble(area, selector) {
  const shown = element("span", { class: "bubble", "aria-hidden": "true", hidden: "" });
  document.body.append(shown);
  let owner = null;

  const place = () => {
    const [line] = owner.getClientRects();
    const room = document.documentElement.clientWidth - shown.offsetWidth - GAP;
    const above = line.top - shown.offsetHeight - GAP;
    shown.style.left = `${Math.max(GAP, Math.min(line.left, room))}px`;
    shown.style.top = `${above > GAP ? above : line.bottom + GAP}px`;
  };

  const show = ({ target }) => {
    owner = target.closest(selector);
    shown.hidden = !owner;
    if (!owner) return;
    shown.textContent = owner.dataset.bubble;
    place();
  };

  const hide = () => {
    owner = null;
    shown.hidden = true;
  };

  for (const event of ["pointerover", "focusin"]) area.addEventListener(event, show);
  for (const event of ["pointerout", "focusout"]) area.addEventListener(event, hide);
  addEventListener("keydown", ({ key }) => key === "Escape" && hide());
  // A focus often scrolls; elements that scroll by themselves send the page no event.
  addEventListener("scroll", () => {
    if (owner?.isConnected) place();
    else hide();
  }, { capture: true, passive: true });
}
