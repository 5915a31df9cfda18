/** Where each node stands: in columns, from the client on the left to the tools on the right. */

import type { Kind, Node } from "./model";

export const NODE = { width: 128, height: 40 } as const;

/** Between the middles of two nodes, at least and at most. */
const PITCH = { least: 48, most: 72 } as const;
export const GAP = 24;
const MARGIN = 12;

/** More tools than that below each other stand in a second column, half a row lower: the ways to it pass between. */
const MOST_ROWS = 20;

const COLUMNS: readonly (readonly Kind[])[] = [
  ["client"],
  // The database under the gateway, its only neighbour: from the far end its edge would cross everything.
  ["gateway", "database"],
  // The synthesizer next to the engines, the last of which it speaks for.
  ["engine", "synthesizer", "transcriber", "bridge"],
  ["orchestrator"],
  ["agent"],
  ["tool"],
];

export interface Place {
  readonly x: number;
  readonly y: number;
}

export interface Places {
  readonly of: ReadonlyMap<string, Place>;
  readonly width: number;
  readonly height: number;
}

/**
 * @param room the width that there is, in CSS pixels; the places may need more
 */
export function place(nodes: Iterable<Node>, room: number): Places {
  const all = [...nodes];
  const columns = COLUMNS.flatMap((kinds) => wrapped(kinds.flatMap((kind) => all.filter((node) => node.kind === kind))));
  const rows = Math.max(1, ...columns.map((column) => column.nodes.length + column.lower));
  const height = rows * PITCH.least + 2 * MARGIN;
  const width = Math.max(room, columns.length * (NODE.width + GAP) - GAP + 2 * MARGIN);
  const step = columns.length < 2 ? 0 : (width - 2 * MARGIN - NODE.width) / (columns.length - 1);
  const of = new Map<string, Place>();
  columns.forEach((column, index) => {
    const x = Math.round(MARGIN + NODE.width / 2 + index * step);
    const pitch = column.wrapped ? PITCH.least : Math.min(PITCH.most, (height - 2 * MARGIN) / column.nodes.length);
    const top = height / 2 - ((column.nodes.length - 1) * pitch) / 2 + column.lower * pitch;
    column.nodes.forEach((node, row) => of.set(node.id, { x, y: Math.round(top + row * pitch) }));
  });
  return { of, width, height };
}

interface Column {
  readonly nodes: readonly Node[];
  readonly wrapped: boolean;
  /** Rows that it stands lower than its neighbour. */
  readonly lower: number;
}

/** A column, or several of the same length where it is too long; of an empty one nothing is left. */
function wrapped(nodes: readonly Node[]): Column[] {
  const count = Math.ceil(nodes.length / MOST_ROWS);
  const rows = Math.ceil(nodes.length / Math.max(1, count));
  return Array.from({ length: count }, (_, index) => ({
    nodes: nodes.slice(index * rows, (index + 1) * rows),
    wrapped: count > 1,
    lower: (index % 2) / 2,
  }));
}
