import { expect, it } from "vitest";

import { edgeClasses } from "../../src/topology/look";
import { edge } from "./samples";

it("lights an edge by what goes over it, and the wider the more calls do", () => {
  expect(edgeClasses(edge("a", "b"), false, null)).toBe("");
  expect(edgeClasses(edge("a", "b", { listening: 1 }), false, null)).toBe("lit hearing one");
  expect(edgeClasses(edge("a", "b", { listening: 3, speaking: 1 }), false, null)).toBe("lit speaking some");
  expect(edgeClasses(edge("a", "b", { acting: 10 }), false, null)).toBe("lit tools many");
  expect(edgeClasses(edge("a", "b", { recording: 1 }), true, null)).toBe("upright lit record one");
});

it("dims all that the chosen call does not use", () => {
  expect(edgeClasses(edge("a", "b", { speaking: 1 }), false, "out")).toBe("dim lit speaking one");
  expect(edgeClasses(edge("a", "b", { speaking: 1 }), false, "in")).toBe("lit speaking one");
});
