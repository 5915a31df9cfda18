/** The panel beside the graph: one part, or one call, with all that is known of it. */

import { byId, element, setText } from "../view/element";
import { regionOf } from "./focus";
import * as gateway from "./gateway";
import type { Node, Session, Topology } from "./model";
import { button } from "./rows";
import * as words from "./words";

export type Chosen = { readonly kind: "node" | "session"; readonly id: string } | null;

export class Details {
  private readonly panel = byId("details", HTMLElement);
  private readonly title = byId("details-title", HTMLElement);
  private readonly facts = byId("details-facts", HTMLElement);
  private readonly actions = byId("details-actions", HTMLElement);
  private readonly lines = byId("details-lines", HTMLElement);
  private chosen: Chosen = null;
  private openedBy: Element | null = null;
  private openedIn: HTMLElement | null = null;

  constructor(
    private readonly onHangUp: (id: string) => void,
    private readonly onClose: () => void,
  ) {
    byId("details-close", HTMLButtonElement).addEventListener("click", () => { this.close(); });
    this.panel.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
    });
  }

  open(chosen: Exclude<Chosen, null>, topology: Topology): void {
    this.chosen = chosen;
    this.openedBy = document.activeElement;
    this.openedIn = this.openedBy && regionOf(this.openedBy);
    this.panel.hidden = false;
    this.lines.replaceChildren();
    this.actions.replaceChildren(...(chosen.kind === "session" ? this.sessionActions(chosen.id) : []));
    this.show(topology);
    this.title.focus({ preventScroll: false });
  }

  /** Shows what is known by now. */
  show(topology: Topology): void {
    if (this.chosen === null) return;
    const { kind, id } = this.chosen;
    if (kind === "session") this.showSession(id, topology.sessions.get(id));
    else this.showNode(topology.nodes.get(id), topology);
  }

  private close(): void {
    this.chosen = null;
    this.panel.hidden = true;
    const back = this.openedBy?.isConnected === true ? this.openedBy : this.openedIn;
    if (back instanceof HTMLElement) back.focus();
    this.onClose();
  }

  private showSession(id: string, session: Session | undefined): void {
    setText(this.title, `Call ${words.short(id)}`);
    if (session === undefined) {
      this.fill([["Now", "over"]]);
      for (const made of this.actions.querySelectorAll<HTMLElement>("[data-live]")) {
        if (made === document.activeElement) this.title.focus();
        made.hidden = true;
      }
      return;
    }
    this.fill([
      ["Now", words.doing(session)],
      ["Engine", session.mode],
      ["Persona", `${session.persona}, voice ${session.voice}`],
      ["Floor", session.inputMode === "push_to_talk" ? "push to talk" : "full duplex"],
      ["Client", session.client === "" ? "unnamed" : session.client],
      ["Began", words.clock(session.startedAt)],
      ["Turns", `${session.userTurns} of the user, ${session.agentTurns} of the agent`],
      ["Barge-ins", String(session.bargeIns)],
      ["Tools", words.tools(session.tools, session.toolFailures)],
      ["Last answer", session.turnMs === null ? "not measured" : words.duration(session.turnMs)],
      ["Session", session.id],
    ]);
  }

  private showNode(node: Node | undefined, topology: Topology): void {
    if (node === undefined) {
      this.fill([["Now", "gone"]]);
      return;
    }
    setText(this.title, node.name);
    const edges = [...topology.edges.values()].filter((edge) => edge.source === node.id || edge.target === node.id);
    const traffic = edges.map((edge) => {
      const other = topology.nodes.get(edge.source === node.id ? edge.target : edge.source);
      return [other?.name ?? "", words.traffic(edge)] as const;
    });
    this.fill([
      ["Kind", words.kind(node.kind)],
      ["Health", words.health(node.health)],
      ["", node.reason],
      ["Load", words.load(node)],
      ...traffic.filter(([, text]) => text !== "").map(([name, text]) => [`With ${name}`, text] as const),
    ]);
  }

  private fill(facts: readonly (readonly [string, string])[]): void {
    const known = facts.filter(([, value]) => value !== "");
    // Built anew only where a row came or went: else a selection would be lost twice a second.
    if (this.facts.childElementCount !== 2 * known.length)
      this.facts.replaceChildren(...known.flatMap(() => [document.createElement("dt"), document.createElement("dd")]));
    known.forEach(([name, value], place) => {
      const [term, description] = [this.facts.children[2 * place], this.facts.children[2 * place + 1]];
      if (term instanceof HTMLElement) setText(term, name);
      if (description instanceof HTMLElement) setText(description, value);
    });
  }

  private sessionActions(id: string): HTMLElement[] {
    const end = button("Hang up", "Hang up this call", () => { this.onHangUp(id); });
    end.dataset.live = "";
    return [button("What was said", "What was said in this call", () => void this.showLines(id)), end];
  }

  private async showLines(id: string): Promise<void> {
    this.lines.replaceChildren(element("li", "quiet", "Asking …"));
    let found: HTMLElement[];
    try {
      found = (await gateway.linesOf(id)).map((line) => {
        const what = line.who === "tool" ? `${words.spoken(line.text)} (${line.state})` : line.text + (line.state === "cut" ? " …" : "");
        const shown = element("li", "", what);
        shown.prepend(element("span", "who", `${line.who}: `));
        return shown;
      });
      if (found.length === 0) found = [element("li", "quiet", "Nothing yet.")];
    } catch (error) {
      found = [element("li", "quiet", `It can't be shown: ${error instanceof Error ? error.message : ""}`)];
    }
    if (this.chosen?.id === id) this.lines.replaceChildren(...found);
  }
}
