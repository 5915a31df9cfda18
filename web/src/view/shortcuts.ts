/** Keys of the page: `?` help, `/` the text, `m` mute. They can be switched off (WCAG 2.1.4), for who talks to the machine
 * and whose words are taken for keys. */

import { ofThisBrowser } from "../memory";

/** Where a letter is a letter. */
const WRITING = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable], dialog[open]";

const NAME = "antiphon.shortcuts";
const OFF = "off";

/**
 * Listens for them as long as the page is open.
 *
 * @param box Switches them on and off, and is remembered.
 * @param deeds By key, as `KeyboardEvent.key` names it.
 */
export function listenForKeys(box: HTMLInputElement, deeds: Readonly<Record<string, () => void>>): void {
  box.checked = ofThisBrowser.read(NAME) !== OFF;
  box.addEventListener("change", () => {
    ofThisBrowser.write(NAME, box.checked ? "" : OFF);
  });
  window.addEventListener("keydown", (event) => {
    const deed = deeds[event.key];
    if (!box.checked || deed === undefined || event.repeat || event.isComposing) return;
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target instanceof Element && event.target.closest(WRITING) !== null) return;
    event.preventDefault();
    deed();
  });
}
