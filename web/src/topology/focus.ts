/** Where the focus goes when what held it does: nowhere, a keyboard would begin at the top of the page again. */

/** Takes `item` out of its list; a focus in it goes to its neighbour, or to the region around. */
export function takeOut(item: HTMLElement): void {
  const heir = item.contains(document.activeElement) ? heirOf(item) : null;
  item.remove();
  heir?.focus();
}

/** The scrolling region around `element`, which takes the focus. */
export function regionOf(element: Element): HTMLElement | null {
  return element.closest<HTMLElement>("[role=region]");
}

function heirOf(item: HTMLElement): HTMLElement | null {
  const neighbour = item.nextElementSibling ?? item.previousElementSibling;
  // Its first button, which shows details: nobody is to hang up another call than the one that they were at.
  return neighbour?.querySelector("button") ?? regionOf(item);
}
