/** The rows of a table by their ids: what did not change is not touched. */

import { element } from "../view/element";

/** What stands in a cell: text, or an element that stays for as long as the row does. */
export type Cell = string | HTMLElement;

export class Rows {
  private readonly rows = new Map<string, HTMLTableRowElement>();

  constructor(private readonly body: HTMLTableSectionElement) {}

  /**
   * Shows a row; a new one comes last.
   *
   * @param make the cells of a new row; its first is the row's head
   * @param texts what stands now in the cells that are text, in their order; null leaves a cell as it is
   */
  show(id: string, make: () => readonly Cell[], texts: readonly (string | null)[]): HTMLTableRowElement {
    let row = this.rows.get(id);
    if (row === undefined) {
      row = document.createElement("tr");
      row.append(...make().map((content, place) => cell(content, place === 0)));
      row.dataset.id = id;
      this.body.append(row);
      this.rows.set(id, row);
    }
    texts.forEach((text, place) => {
      const shown = row.cells[place];
      if (text !== null && shown !== undefined) setText(shown, text);
    });
    return row;
  }

  remove(id: string): void {
    this.rows.get(id)?.remove();
    this.rows.delete(id);
  }

  /** Changes one cell's text, where the row is there. */
  set(id: string, place: number, text: string): void {
    const shown = this.rows.get(id)?.cells[place];
    if (shown !== undefined) setText(shown, text);
  }

  mark(chosen: string | null): void {
    for (const [id, row] of this.rows) row.ariaCurrent = id === chosen ? "true" : null;
  }
}

/** Writing the same text again would cost a layout, and have screen readers say it again. */
export function setText(node: HTMLElement, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

export function button(label: string, name: string, onPress: () => void): HTMLButtonElement {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "small";
  made.textContent = label;
  // What it does is clear from its row to the eye alone.
  made.ariaLabel = name;
  made.addEventListener("click", onPress);
  return made;
}

function cell(content: Cell, head: boolean): HTMLElement {
  const made = element(head ? "th" : "td", "", typeof content === "string" ? content : "");
  if (head) made.setAttribute("scope", "row");
  if (typeof content !== "string") made.append(content);
  return made;
}
