/** A node, an edge and a call, for tests. */

import type { Edge, Node, Session } from "../../src/topology/model";

export function node(id: string, fields: Partial<Node> = {}): Node {
  return { id, kind: "tool", name: id, health: "up", reason: "", load: {}, ...fields };
}

export function edge(source: string, target: string, doing: Edge["doing"] = {}): Edge {
  return { id: `${source}>${target}`, source, target, sessions: 1, doing };
}

export function session(id: string, fields: Partial<Session> = {}): Session {
  return {
    id,
    mode: "local",
    persona: "plain",
    voice: "fern",
    client: "Mozilla/5.0",
    inputMode: "duplex",
    startedAt: 0,
    state: "live",
    doing: [],
    deeds: [],
    userTurns: 0,
    agentTurns: 0,
    bargeIns: 0,
    tools: 0,
    toolFailures: 0,
    turnMs: null,
    path: [],
    ...fields,
  };
}
