/** What the topology says, in plain words. */

import type { Standing } from "./connection";
import type { Doing, Edge, Health, Kind, Node, Session, State } from "./model";

const HEALTHS: Readonly<Record<Health, string>> = {
  up: "works",
  degraded: "works in part",
  down: "does not work",
  absent: "not set up",
  unknown: "not known",
};

/** Beside the colour, for whoever does not see it. */
const MARKS: Readonly<Record<Health, string>> = { up: "", degraded: "!", down: "✕", absent: "–", unknown: "?" };

const KINDS: Readonly<Record<Kind, string>> = {
  client: "Client",
  gateway: "Gateway",
  engine: "Engine",
  transcriber: "Recogniser",
  synthesizer: "Voice",
  bridge: "Bridge",
  orchestrator: "Orchestrator",
  agent: "Agent",
  tool: "Tool",
  database: "Database",
};

const DOINGS: Readonly<Record<Doing, string>> = {
  listening: "hears the user",
  thinking: "decides what is wanted",
  planning: "plans",
  acting: "uses a tool",
  preparing: "makes an answer",
  speaking: "speaks",
  recording: "writes it down",
};

const STATES: Readonly<Record<State, string>> = {
  waiting: "has not begun",
  live: "quiet",
  away: "client lost, may come back",
};

const SPANS: Readonly<Record<string, string>> = {
  endpoint: "Pause that ends a turn",
  transcript: "Final words behind it",
  intent: "Decision what is wanted",
  dispatch: "Until the tool is asked",
  tool: "Tool",
  injection_wait: "Wait for a free moment",
  first_audio: "First sound of the voice",
  turn: "Answer: words end to sound",
  barge_in_stop: "Quiet after a barge-in",
  connect: "Engine connected",
  engine_frame: "One frame of the engine",
};

/** What a number of a node's load counts: for one, and for more. */
const LOADS: Readonly<Record<string, readonly [string, string]>> = {
  sessions: ["call", "calls"],
  free: ["place free", "places free"],
  utterances: ["in hand", "in hand"],
  running: ["running", "running"],
  waiting: ["row waits", "rows wait"],
  agents: ["agent", "agents"],
  tools: ["tool", "tools"],
  calls: ["call so far", "calls so far"],
  failures: ["failure", "failures"],
};

/** How the id of such a node begins. */
const CLIENT = "client:";

/** Made once: `toLocaleString` makes one each time, which takes longer than all else in a row. */
const NUMBERS = new Intl.NumberFormat();

/** Numbers that say what there is, rather than what is done. */
const AT_REST = new Set(["free", "agents", "tools", "calls", "failures"]);

export function health(health: Health): string {
  return HEALTHS[health];
}

export function kind(kind: Kind): string {
  return KINDS[kind];
}

/** The call that a client's node stands for, where that is one alone. */
export function callOf(nodeId: string): string | null {
  return nodeId.startsWith(CLIENT) ? nodeId.slice(CLIENT.length) : null;
}

/** "3 calls · 97 places free". */
export function load(node: Node): string {
  return Object.entries(node.load)
    .map(([name, count]) => {
      const [one, more] = LOADS[name] ?? [name.replaceAll("_", " "), name.replaceAll("_", " ")];
      return `${count} ${count === 1 ? one : more}`;
    })
    .join(" · ");
}

export function mark(health: Health): string {
  return MARKS[health];
}

/** A node by its name as one says it. */
export function name(node: Node): string {
  return node.kind === "tool" || node.kind === "agent" ? spoken(node.name) : node.name;
}

/** The end of an id, by which one tells calls apart. */
export function short(id: string): string {
  return id.slice(-8);
}

/** The first thing that a node has to do now, "" where it has nothing to; of a call's own client the call. */
export function work(node: Node): string {
  if (callOf(node.id) !== null) return short(node.id);
  const first = Object.entries(node.load).find(([name, count]) => count > 0 && !AT_REST.has(name));
  return first === undefined ? "" : load({ ...node, load: Object.fromEntries([first]) });
}

/** What a call does now: "hears the user, speaks". */
export function doing(session: Session): string {
  if (session.doing.length === 0) return STATES[session.state];
  const shown = session.doing.filter((each) => each !== "recording" || session.doing.length === 1);
  return shown.map((each) => (each === "acting" ? acting(session) : DOINGS[each])).join(", ");
}

function acting(session: Session): string {
  const tools = session.deeds.map(spoken).join(" and ");
  return tools === "" ? DOINGS.acting : `uses ${tools}`;
}

/** What goes over an edge now: "3 hear the user, 1 speaks". */
export function traffic(edge: Edge): string {
  const uses = Object.entries(edge.doing) as [Doing, number][];
  return uses.map(([each, count]) => `${DOINGS[each]} (${count})`).join(", ");
}

export function span(name: string): string {
  return SPANS[name] ?? name.replaceAll("_", " ");
}

/** "480 ms" or "1.7 s". */
export function duration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** "2:05" or "1:02:05". */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (part: number) => String(part).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** "5", or "5, of which 1 failed". */
export function tools(count: number, failures: number): string {
  return failures === 0 ? number(count) : `${number(count)}, ${number(failures)} failed`;
}

/** "61,000", as one writes it here. */
export function number(count: number): string {
  return NUMBERS.format(count);
}

/** How the connection stands. It is read aloud when it changes, so it holds no seconds that run. */
export function standing(standing: Standing): string {
  switch (standing.kind) {
    case "connecting":
      return "Connecting …";
    case "live":
      return "Live.";
    case "key_needed":
      return "";
    case "lost": {
      const why = standing.detail === "" ? "" : ` (${standing.detail})`;
      return `No connection since ${clock(standing.since)}${why}. What you see is as it was then. Trying again …`;
    }
  }
}

export function clock(at: number): string {
  return new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

/** A name out of code as one says it: `tell_time` becomes "tell time". */
export function spoken(name: string): string {
  return name.replaceAll("_", " ");
}
