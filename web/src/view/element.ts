/** Two small helpers around the DOM. */

export function element(tag: string, className: string, text: string): HTMLElement {
  const node = document.createElement(tag);
  if (className !== "") node.className = className;
  node.textContent = text;
  return node;
}

/** The page's own element of this id and kind; the page is broken without it. */
export function byId<T extends HTMLElement>(id: string, kind: new () => T): T {
  const node = document.getElementById(id);
  if (!(node instanceof kind)) throw new Error(`index.html lacks #${id}`);
  return node;
}
