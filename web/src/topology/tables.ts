/** The calls, and the parts: what the graph shows, for whoever reads rather than looks. */

import { byId } from "../view/element";
import type { Difference, Edge, Session, Topology } from "./model";
import { button, Rows } from "./rows";
import * as words from "./words";

export interface Choices {
  onSession(id: string): void;
  onHangUp(id: string): void;
  onNode(id: string): void;
}

/** Of the calls' table. */
const AGE = 3;

export class Tables {
  private readonly sessions = new Rows(byId("sessions", HTMLTableSectionElement));
  private readonly parts = new Rows(byId("parts", HTMLTableSectionElement));
  private readonly none = byId("no-sessions", HTMLElement);
  private topology: Topology | null = null;

  constructor(private readonly choices: Choices) {}

  show(topology: Topology, difference: Difference, now: number): void {
    this.topology = topology;
    for (const id of difference.gone.sessions) this.sessions.remove(id);
    for (const id of difference.gone.nodes) this.parts.remove(id);
    for (const id of difference.sessions) {
      const session = topology.sessions.get(id);
      if (session !== undefined) this.showSession(session, now);
    }
    for (const id of this.touched(difference)) this.showPart(id);
    this.none.hidden = topology.sessions.size > 0;
  }

  /** Time has passed: only the ages are others. */
  tick(now: number): void {
    for (const session of this.topology?.sessions.values() ?? [])
      this.sessions.set(session.id, AGE, words.age(now - session.startedAt));
  }

  choose(session: string | null, node: string | null): void {
    this.sessions.mark(session);
    this.parts.mark(node);
  }

  private showSession(session: Session, now: number): void {
    const { id } = session;
    const short = words.short(id);
    const make = () => [
      button(short, `Details of call ${short}`, () => { this.choices.onSession(id); }),
      "", "", "", "", "", "", "",
      button("Hang up", `Hang up call ${short}`, () => { this.choices.onHangUp(id); }),
    ];
    const row = this.sessions.show(id, make, [
      null,
      `${session.mode} · ${words.spoken(session.inputMode)}`,
      session.persona,
      words.age(now - session.startedAt),
      words.doing(session),
      String(session.userTurns + session.agentTurns),
      words.tools(session.tools, session.toolFailures),
      session.turnMs === null ? "–" : words.duration(session.turnMs),
      null,
    ]);
    row.dataset.state = session.state;
  }

  private showPart(id: string): void {
    const node = this.topology?.nodes.get(id);
    if (node === undefined) return;
    const name = words.callOf(id) === null ? words.name(node) : `${node.name} ${words.short(id)}`;
    const make = () => [button(name, `Details of ${name}`, () => { this.choices.onNode(id); }), "", "", "", "", ""];
    const edges = [...(this.topology?.edges.values() ?? [])].filter((edge) => edge.source === id || edge.target === id);
    const row = this.parts.show(id, make, [
      null,
      words.kind(node.kind),
      words.health(node.health),
      node.reason,
      words.load(node),
      this.traffic(edges),
    ]);
    row.dataset.health = node.health;
  }

  private traffic(edges: readonly Edge[]): string {
    return [...new Set(edges.map((edge) => words.traffic(edge)).filter((text) => text !== ""))].join("; ");
  }

  /** The nodes that changed, and those at the ends of edges that did. */
  private touched(difference: Difference): Set<string> {
    const ends = difference.edges.flatMap((id) => {
      const edge = this.topology?.edges.get(id);
      return edge === undefined ? [] : [edge.source, edge.target];
    });
    return new Set([...difference.nodes, ...ends]);
  }
}

