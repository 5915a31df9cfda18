/** The topology as the page holds it. */

export const KINDS = [
  "client",
  "gateway",
  "engine",
  "transcriber",
  "synthesizer",
  "bridge",
  "orchestrator",
  "agent",
  "tool",
  "database",
] as const;
export type Kind = (typeof KINDS)[number];

export const HEALTHS = ["up", "degraded", "down", "absent", "unknown"] as const;
export type Health = (typeof HEALTHS)[number];

export const DOINGS = ["listening", "thinking", "planning", "acting", "preparing", "speaking", "recording"] as const;
export type Doing = (typeof DOINGS)[number];

export const STATES = ["waiting", "live", "away"] as const;
export type State = (typeof STATES)[number];

export interface Node {
  readonly id: string;
  readonly kind: Kind;
  readonly name: string;
  readonly health: Health;
  readonly reason: string;
  readonly load: Readonly<Record<string, number>>;
}

export interface Edge {
  readonly id: string;
  readonly source: string;
  readonly target: string;
  /** Calls that may use it. */
  readonly sessions: number;
  /** Calls that use it now, by what they do. */
  readonly doing: Readonly<Partial<Record<Doing, number>>>;
}

export interface Session {
  readonly id: string;
  readonly mode: string;
  readonly persona: string;
  readonly voice: string;
  readonly client: string;
  readonly inputMode: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly state: State;
  readonly doing: readonly Doing[];
  /** The tools that run for it. */
  readonly deeds: readonly string[];
  readonly userTurns: number;
  readonly agentTurns: number;
  readonly bargeIns: number;
  readonly tools: number;
  readonly toolFailures: number;
  readonly turnMs: number | null;
  /** Ids of the edges that it uses now. */
  readonly path: readonly string[];
}

export interface Latency {
  readonly span: string;
  readonly count: number;
  readonly p50: number;
  readonly p95: number;
}

export interface Totals {
  /** Milliseconds since 1970. */
  readonly asOf: number;
  readonly sessions: number;
  readonly turns: number;
  readonly tools: number;
  readonly toolFailures: number;
  readonly hour: readonly Latency[];
  readonly day: readonly Latency[];
}

/** Everything at one moment. Maps keep the order in which the gateway told. */
export interface Topology {
  readonly at: number;
  readonly nodes: ReadonlyMap<string, Node>;
  readonly edges: ReadonlyMap<string, Edge>;
  readonly sessions: ReadonlyMap<string, Session>;
  readonly totals: Totals | null;
}

/** What the stream tells: all of it, or what makes the next one out of the last. */
export interface Told {
  readonly whole: boolean;
  readonly at: number;
  readonly nodes: readonly Node[];
  readonly edges: readonly Edge[];
  readonly sessions: readonly Session[];
  readonly gone: { readonly nodes: readonly string[]; readonly edges: readonly string[]; readonly sessions: readonly string[] };
  readonly totals: Totals | null;
}

/** The ids of what must be drawn anew, and of what is gone. */
export interface Difference {
  readonly nodes: readonly string[];
  readonly edges: readonly string[];
  readonly sessions: readonly string[];
  readonly gone: Told["gone"];
  /** Whether nodes came or went, so that all find new places. */
  readonly moved: boolean;
}

export const EMPTY: Topology = { at: 0, nodes: new Map(), edges: new Map(), sessions: new Map(), totals: null };
