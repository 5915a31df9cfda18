/** The rows of a table by their ids: what did not change is not touched. */

import * as view from "../view/element";
import { takeOut } from "./focus";

/** What stands in a cell: text, or an element that stays for as long as the row does. */
export type Cell = string | HTMLElement;

interface Row {
  readonly element: HTMLTableRowElement;
  /** Of each cell its text, which is changed in its place: `textContent` would make a new one. */
  readonly texts: readonly Text[];
  /** What stands in them; asking the document costs more than remembering. */
  readonly shown: string[];
}

export class Rows {
  private readonly rows = new Map<string, Row>();

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
      const cells = make().map((content, place) => cell(content, place === 0));
      row = { element: document.createElement("tr"), texts: cells.map(() => new Text()), shown: cells.map(() => "") };
      for (const [place, text] of row.texts.entries()) cells[place]?.append(text);
      row.element.append(...cells);
      row.element.dataset.id = id;
      this.body.append(row.element);
      this.rows.set(id, row);
    }
    texts.forEach((text, place) => { if (text !== null) this.set(id, place, text); });
    return row.element;
  }

  remove(id: string): void {
    const row = this.rows.get(id);
    if (row !== undefined) takeOut(row.element);
    this.rows.delete(id);
  }

  /** Changes one cell's text, where the row is there. */
  set(id: string, place: number, text: string): void {
    const row = this.rows.get(id);
    const shown = row?.texts[place];
    if (row === undefined || shown === undefined || row.shown[place] === text) return;
    row.shown[place] = text;
    shown.data = text;
  }

  mark(chosen: string | null): void {
    for (const [id, { element }] of this.rows) element.ariaCurrent = id === chosen ? "true" : null;
  }
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
  const made = view.element(head ? "th" : "td", "", typeof content === "string" ? content : "");
  if (head) made.setAttribute("scope", "row");
  if (typeof content !== "string") made.append(content);
  return made;
}
