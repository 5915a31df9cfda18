/** The nodes of the graph as buttons over its edges: to be read, focused and pressed as any other. */

import { element, setText } from "../view/element";
import { takeOut } from "./focus";
import type { Node } from "./model";
import { NODE, type Places } from "./place";
import * as words from "./words";

interface Drawn {
  readonly item: HTMLElement;
  readonly button: HTMLButtonElement;
  readonly mark: HTMLElement;
  readonly name: HTMLElement;
  readonly work: HTMLElement;
  readonly health: HTMLElement;
}

export class Nodes {
  private readonly drawn = new Map<string, Drawn>();

  constructor(
    private readonly list: HTMLElement,
    private readonly onPress: (id: string) => void,
  ) {}

  show(node: Node): void {
    const drawn = this.drawn.get(node.id) ?? this.add(node.id);
    drawn.button.dataset.health = node.health;
    // Shown to a pointer that rests there, and read aloud with the name.
    if (drawn.button.title !== node.reason) drawn.button.title = node.reason;
    setText(drawn.mark, words.mark(node.health));
    setText(drawn.name, words.name(node));
    setText(drawn.work, words.work(node));
    setText(drawn.health, `, ${words.health(node.health)}`);
  }

  remove(id: string): void {
    const drawn = this.drawn.get(id);
    if (drawn !== undefined) takeOut(drawn.item);
    this.drawn.delete(id);
  }

  place(places: Places): void {
    for (const [id, { x, y }] of places.of) {
      const style = this.drawn.get(id)?.item.style;
      style?.setProperty("left", `${x - NODE.width / 2}px`);
      style?.setProperty("top", `${y - NODE.height / 2}px`);
    }
  }

  choose(id: string | null): void {
    for (const [each, { button }] of this.drawn) button.ariaPressed = String(each === id);
  }

  private add(id: string): Drawn {
    const [item, mark, name] = [element("li", "", ""), element("span", "mark", ""), element("span", "name", "")];
    const [work, health] = [element("span", "work", ""), element("span", "unseen", "")];
    const button = document.createElement("button");
    button.type = "button";
    button.ariaPressed = "false";
    mark.ariaHidden = "true";
    item.style.setProperty("width", `${NODE.width}px`);
    item.style.setProperty("height", `${NODE.height}px`);
    button.append(mark, name, work, health);
    button.addEventListener("click", () => { this.onPress(id); });
    item.dataset.id = id;
    item.append(button);
    this.list.append(item);
    const drawn = { item, button, mark, name, work, health };
    this.drawn.set(id, drawn);
    return drawn;
  }
}
