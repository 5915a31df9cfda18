import { expect, it } from "vitest";

import type { Kind } from "../../src/topology/model";
import { NODE, place } from "../../src/topology/place";
import { node } from "./samples";

const many = (kind: Kind, count: number) => Array.from({ length: count }, (_, n) => node(`${kind} ${n}`, { kind }));

const DEPLOYMENT = [
  ...many("client", 5),
  ...many("gateway", 1),
  ...many("engine", 4),
  ...many("synthesizer", 1),
  ...many("transcriber", 1),
  ...many("bridge", 1),
  ...many("orchestrator", 1),
  ...many("agent", 8),
  ...many("tool", 37),
  ...many("database", 1),
];

it("puts no node over another, and none outside", () => {
  const places = place(DEPLOYMENT, 1200);
  const all = [...places.of.values()];
  expect(all).toHaveLength(DEPLOYMENT.length);
  for (const [index, one] of all.entries()) {
    expect(one.x).toBeGreaterThanOrEqual(NODE.width / 2);
    expect(one.x).toBeLessThanOrEqual(places.width - NODE.width / 2);
    expect(one.y).toBeGreaterThanOrEqual(NODE.height / 2);
    expect(one.y).toBeLessThanOrEqual(places.height - NODE.height / 2);
    for (const other of all.slice(index + 1))
      expect(Math.abs(one.x - other.x) >= NODE.width || Math.abs(one.y - other.y) >= NODE.height).toBe(true);
  }
});

it("reads from left to right: client, gateway, parts, orchestrator, agents, tools", () => {
  const { of } = place(DEPLOYMENT, 1200);
  const x = (id: string) => of.get(id)?.x ?? NaN;
  const row = ["client 0", "gateway 0", "bridge 0", "orchestrator 0", "agent 0", "tool 0"].map(x);
  expect(row).toEqual([...row].sort((a, b) => a - b));
  expect(new Set(row).size).toBe(row.length);
  expect(x("database 0")).toBe(x("gateway 0"));
});

it("gives the same nodes the same places", () => {
  expect(place(DEPLOYMENT, 1200)).toEqual(place(DEPLOYMENT, 1200));
});

it("needs more room than there is rather than to be unreadable", () => {
  expect(place(DEPLOYMENT, 300).width).toBeGreaterThan(900);
  expect(place([], 300)).toMatchObject({ width: 300 });
});
