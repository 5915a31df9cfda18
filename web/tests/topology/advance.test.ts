import { expect, it } from "vitest";

import { advance } from "../../src/topology/advance";
import { EMPTY, type Told } from "../../src/topology/model";
import { edge, node, session } from "./samples";

const NOTHING = { nodes: [], edges: [], sessions: [] };

const told = (fields: Partial<Told>): Told => ({ whole: false, at: 1, ...NOTHING, gone: NOTHING, totals: null, ...fields });

const whole = advance(EMPTY, told({ whole: true, nodes: [node("a"), node("b")], edges: [edge("a", "b")], sessions: [session("s")] }));

it("takes a snapshot for all there is", () => {
  expect([...whole.topology.nodes.keys()]).toEqual(["a", "b"]);
  expect(whole.difference).toEqual({ nodes: ["a", "b"], edges: ["a>b"], sessions: ["s"], gone: NOTHING, moved: true });
});

it("draws anew what changed and nothing else", () => {
  const lit = { ...edge("a", "b"), doing: { speaking: 1 } };
  const next = advance(whole.topology, told({ edges: [lit] }));
  expect(next.difference).toEqual({ ...NOTHING, edges: ["a>b"], gone: NOTHING, moved: false });
  expect(next.topology.edges.get("a>b")).toBe(lit);
  expect(next.topology.nodes.get("a")).toBe(whole.topology.nodes.get("a"));
});

it("finds new places once nodes come or go", () => {
  expect(advance(whole.topology, told({ nodes: [node("a")] })).difference.moved).toBe(false);
  expect(advance(whole.topology, told({ nodes: [node("c")] })).difference.moved).toBe(true);
  const less = advance(whole.topology, told({ gone: { ...NOTHING, nodes: ["b"], edges: ["a>b"] } }));
  expect(less.difference.moved).toBe(true);
  expect([...less.topology.nodes.keys()]).toEqual(["a"]);
});

it("knows after a lost connection who went meanwhile", () => {
  const next = advance(whole.topology, told({ whole: true, nodes: [node("a")], sessions: [session("t")] }));
  expect(next.difference.gone).toEqual({ nodes: ["b"], edges: ["a>b"], sessions: ["s"] });
  expect(next.difference.sessions).toEqual(["t"]);
});

it("keeps the totals until others are told", () => {
  const totals = { asOf: 1, sessions: 1, turns: 2, tools: 3, toolFailures: 0, hour: [], day: [] };
  const counted = advance(whole.topology, told({ totals })).topology;
  expect(advance(counted, told({})).topology.totals).toBe(totals);
  expect(advance(counted, told({ whole: true })).topology.totals).toBeNull();
});
