/** Small helpers around the DOM. */

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

/** Fills what unfolds. Its first line stays the same element, so that it keeps the focus. */
export function foldable(details: HTMLDetailsElement, line: string | readonly Node[], body: Node): void {
  const known = details.querySelector("summary");
  const summary = known ?? document.createElement("summary");
  if (typeof line === "string") setText(summary, line);
  else summary.replaceChildren(...line);
  if (known === null) {
    details.append(summary);
    // At the end of the conversation it would unfold out of sight.
    details.addEventListener("toggle", () => {
      if (details.open) details.scrollIntoView({ block: "nearest" });
    });
  }
  while (summary.nextSibling !== null) summary.nextSibling.remove();
  details.append(body);
}

/** Writing the same text again would have screen readers say it again. */
export function setText(node: HTMLElement, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}
