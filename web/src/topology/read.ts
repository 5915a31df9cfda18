/** From the stream's JSON to the page's own words. What is not as it should be is passed over. */

import { type Json, list, number, object, parse, text } from "../wire/json";
import { DOINGS, type Edge, HEALTHS, KINDS, type Latency, type Node, type Session, STATES, type Told, type Totals } from "./model";

/** One event of the stream; null for one that the page does not know. */
export function readEvent(name: string, data: string): Told | null {
  if (name !== "snapshot" && name !== "change") return null;
  const fields = object(parse(data));
  if (fields === null) return null;
  const gone = object(fields.gone);
  return {
    whole: name === "snapshot",
    at: time(fields.at),
    nodes: rows(fields.nodes, readNode),
    edges: rows(fields.edges, readEdge),
    sessions: rows(fields.sessions, readSession),
    gone: { nodes: texts(gone?.nodes), edges: texts(gone?.edges), sessions: texts(gone?.sessions) },
    totals: readTotals(object(fields.totals)),
  };
}

function readNode(fields: Json): Node | null {
  const id = text(fields.id);
  const kind = oneOf(KINDS, fields.kind);
  if (id === null || kind === null) return null;
  return {
    id,
    kind,
    name: text(fields.name) ?? id,
    health: oneOf(HEALTHS, fields.health) ?? "unknown",
    reason: text(fields.reason) ?? "",
    load: numbers(fields.load),
  };
}

function readEdge(fields: Json): Edge | null {
  const [id, source, target] = [text(fields.id), text(fields.source), text(fields.target)];
  if (id === null || source === null || target === null) return null;
  const counts = numbers(fields.doing);
  const doing = Object.fromEntries(DOINGS.flatMap((each) => (counts[each] === undefined ? [] : [[each, counts[each]]])));
  return { id, source, target, sessions: number(fields.sessions) ?? 0, doing };
}

function readSession(fields: Json): Session | null {
  const id = text(fields.session_id);
  if (id === null) return null;
  const deeds = list(fields.deeds).map((deed) => text(object(deed)?.tool) ?? "");
  return {
    id,
    mode: text(fields.mode) ?? "",
    persona: text(fields.persona) ?? "",
    voice: text(fields.voice) ?? "",
    client: text(fields.client) ?? "",
    inputMode: text(fields.input_mode) ?? "",
    startedAt: time(fields.started_at),
    state: oneOf(STATES, fields.state) ?? "live",
    doing: list(fields.doing).flatMap((each) => oneOf(DOINGS, each) ?? []),
    deeds: deeds.filter((tool) => tool !== ""),
    userTurns: number(fields.user_turns) ?? 0,
    agentTurns: number(fields.agent_turns) ?? 0,
    bargeIns: number(fields.barge_ins) ?? 0,
    tools: number(fields.tools) ?? 0,
    toolFailures: number(fields.tool_failures) ?? 0,
    turnMs: number(fields.turn_ms),
    path: texts(fields.path),
  };
}

function readTotals(fields: Json | null): Totals | null {
  if (fields === null) return null;
  return {
    asOf: time(fields.as_of),
    sessions: number(fields.sessions) ?? 0,
    turns: number(fields.turns) ?? 0,
    tools: number(fields.tools) ?? 0,
    toolFailures: number(fields.tool_failures) ?? 0,
    hour: rows(fields.hour, readLatency),
    day: rows(fields.day, readLatency),
  };
}

function readLatency(fields: Json): Latency | null {
  const [span, count, p50, p95] = [text(fields.span), number(fields.count), number(fields.p50), number(fields.p95)];
  return span === null || count === null || p50 === null || p95 === null ? null : { span, count, p50, p95 };
}

function rows<T>(value: unknown, read: (fields: Json) => T | null): T[] {
  return list(value).flatMap((row) => {
    const fields = object(row);
    return (fields === null ? null : read(fields)) ?? [];
  });
}

function texts(value: unknown): string[] {
  return list(value).flatMap((each) => text(each) ?? []);
}

function numbers(value: unknown): Record<string, number> {
  return Object.fromEntries(
    Object.entries(object(value) ?? {}).flatMap(([name, each]) => {
      const found = number(each);
      return found === null ? [] : [[name, found]];
    }),
  );
}

function oneOf<T extends string>(known: readonly T[], value: unknown): T | null {
  return known.find((each) => each === value) ?? null;
}

/** ISO 8601 as milliseconds since 1970. */
function time(value: unknown): number {
  const found = Date.parse(text(value) ?? "");
  return Number.isNaN(found) ? 0 : found;
}
