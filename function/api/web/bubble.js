/** A small text above whatever is pointed at or focused, which Escape sends away. */

import { element } from "./dom.js";

const GAP = 8;

/** For what `selector` finds in an area, now or later; the text is its attribute `data-bubble`. */
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
  // A focus often scrolls; what scrolls by itself does not tell the page.
  addEventListener("scroll", () => {
    if (owner?.isConnected) place();
    else hide();
  }, { capture: true, passive: true });
}
