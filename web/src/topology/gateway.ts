/** What the page asks of the gateway beside the stream: one call whole. */

import { type Json, list, number, object, text } from "../wire/json";
import { addressOf, request } from "../wire/rest";

/** A line of what happened in a call. */
export interface Line {
  readonly who: "user" | "agent" | "tool";
  readonly text: string;
  /** Of a turn: cut short; of a tool: its row's status. */
  readonly state: string;
}

/**
 * The turns and tools of a call, in the order of time.
 *
 * @throws Refused
 */
export async function linesOf(id: string): Promise<Line[]> {
  const { body } = await request(addressOf(id));
  return readLines(body);
}

export function readLines(body: unknown): Line[] {
  const whole = object(body);
  const turns = list(whole?.turns).map(object).filter((row) => row !== null);
  const tools = list(whole?.tool_invocations).map(object).filter((row) => row !== null);
  const timed = [...turns.map((row) => ({ at: row.started_at, line: turn(row) })), ...tools.map((row) => ({ at: row.requested_at, line: tool(row) }))];
  // A turn that never sounded has no time, and nothing to show.
  const known = timed.filter(({ at, line }) => text(at) !== null && line.text !== "");
  return known.sort((a, b) => Date.parse(text(a.at) ?? "") - Date.parse(text(b.at) ?? "")).map(({ line }) => line);
}

function turn(row: Json): Line {
  const who = row.speaker === "user" ? "user" : "agent";
  return { who, text: text(row.text) ?? "", state: row.interrupted === true ? "cut" : "" };
}

function tool(row: Json): Line {
  const took = number(row.latency_ms);
  const status = text(row.status) ?? "";
  return { who: "tool", text: text(row.action) ?? "", state: took === null ? status : `${status}, ${Math.round(took)} ms` };
}
