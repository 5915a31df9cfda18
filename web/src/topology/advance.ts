/** Lays what was told over what is known, and says what must be drawn anew. */

import type { Difference, Told, Topology } from "./model";

export function advance(known: Topology, told: Told): { topology: Topology; difference: Difference } {
  const nodes = merged(known.nodes, told.nodes, (node) => node.id, told.whole, told.gone.nodes);
  const edges = merged(known.edges, told.edges, (edge) => edge.id, told.whole, told.gone.edges);
  const sessions = merged(known.sessions, told.sessions, (session) => session.id, told.whole, told.gone.sessions);
  return {
    topology: {
      at: told.at,
      nodes: nodes.rows,
      edges: edges.rows,
      sessions: sessions.rows,
      totals: told.totals ?? (told.whole ? null : known.totals),
    },
    difference: {
      nodes: nodes.changed,
      edges: edges.changed,
      sessions: sessions.changed,
      gone: { nodes: nodes.gone, edges: edges.gone, sessions: sessions.gone },
      moved: nodes.gone.length > 0 || nodes.changed.some((id) => !known.nodes.has(id)),
    },
  };
}

interface Merged<T> {
  readonly rows: ReadonlyMap<string, T>;
  readonly changed: readonly string[];
  readonly gone: readonly string[];
}

function merged<T>(
  old: ReadonlyMap<string, T>,
  told: readonly T[],
  key: (row: T) => string,
  whole: boolean,
  gone: readonly string[],
): Merged<T> {
  const rows = new Map(whole ? [] : old);
  for (const row of told) rows.set(key(row), row);
  for (const id of gone) rows.delete(id);
  return {
    rows,
    changed: told.map(key).filter((id) => rows.has(id)),
    // After a lost connection a whole snapshot comes, which names nobody who went meanwhile.
    gone: [...old.keys()].filter((id) => !rows.has(id)),
  };
}
