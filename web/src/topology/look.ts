/** What an edge looks like: classes, which the graph's style sheet gives a colour and a width. */

import type { Doing, Edge } from "./model";

/** Which of the three ways a call uses: speech, tools, or the record. */
const LANES: Readonly<Record<Doing, Lane>> = {
  listening: "hearing",
  thinking: "tools",
  planning: "tools",
  acting: "tools",
  preparing: "speaking",
  speaking: "speaking",
  recording: "record",
};

type Lane = "hearing" | "speaking" | "tools" | "record";

/** Where several use one edge, the first of these is shown. */
const ORDER: readonly Lane[] = ["speaking", "hearing", "tools", "record"];

const MANY = 10;

/** What becomes of an edge beside a call that is chosen; `null` where none is. */
export type Part = "in" | "out" | null;

export function edgeClasses(edge: Edge, upright: boolean, part: Part): string {
  const always = [upright && "upright", part === "out" && "dim"];
  const uses = Object.entries(edge.doing) as [Doing, number][];
  if (uses.length === 0) return classes(...always);
  const lanes = new Set(uses.map(([doing]) => LANES[doing]));
  const most = Math.max(...uses.map(([, count]) => count));
  const width = most === 1 ? "one" : most < MANY ? "some" : "many";
  return classes(...always, "lit", ORDER.find((lane) => lanes.has(lane)), width);
}

function classes(...names: (string | false | undefined)[]): string {
  return names.filter((name) => typeof name === "string").join(" ");
}
