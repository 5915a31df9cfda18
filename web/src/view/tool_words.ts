/** What a tool's badge says: its name, how far it got, and what it was given and gave. */

import type { ToolRun } from "../call/events";
import { isRunning } from "../call/transcript";
import { duration } from "./span_words";

/** A status of the gateway's table as one says it. */
const STATES: Readonly<Record<string, string>> = {
  requested: "about to start",
  awaiting_approval: "asks you",
  running: "running",
  success: "done",
  error: "failed",
  cancelled: "cancelled",
  denied: "you said no",
  superseded: "replaced by what you said next",
  unknown: "nobody knows whether it was done",
};

/** Why nobody's consent was had, by the error's code. */
const WITHOUT_CONSENT: Readonly<Record<string, string>> = {
  expired: "not done: you gave no answer",
  not_understood: "not done: no clear answer",
};

/** A tool by its name as one says it: `convert_units` becomes "convert units". */
export function tool(run: ToolRun): string {
  return run.action.replaceAll("_", " ");
}

/** @param progress What it said last of its work, or "". */
export function toolStatus(run: ToolRun, progress = ""): string {
  const state = WITHOUT_CONSENT[run.error?.code ?? ""] ?? STATES[run.status] ?? run.status;
  if (run.status === "success" && run.latencyMs !== null) return `${state} in ${duration(run.latencyMs)}`;
  return isRunning(run) && run.status === "running" && progress !== "" ? progress : state;
}

/** A name and what stands behind it. */
export type Fact = readonly [name: string, value: string];

/** Arguments, or a result, as lines; what is no object is one line without a name. */
export function factsOf(value: unknown): Fact[] {
  if (value === null || value === undefined) return [];
  if (typeof value !== "object" || Array.isArray(value)) return [["", said(value)]];
  return Object.entries(value)
    .filter(([, each]) => each !== null && each !== "")
    .map(([name, each]) => [name.replaceAll("_", " "), said(each)]);
}

function said(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

/** When it was asked for, how long until it began, and how long it took. */
export function times(run: ToolRun, locale?: string): Fact[] {
  const facts: Fact[] = [];
  const requested = run.requestedAt === null ? NaN : Date.parse(run.requestedAt);
  const started = run.startedAt === null ? NaN : Date.parse(run.startedAt);
  if (!Number.isNaN(requested)) facts.push(["Asked for at", new Date(requested).toLocaleTimeString(locale)]);
  if (!Number.isNaN(started - requested)) facts.push(["Began", `${duration(started - requested)} later`]);
  if (run.latencyMs !== null) facts.push(["Took", duration(run.latencyMs)]);
  return facts;
}
