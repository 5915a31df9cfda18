/** The voice overlay: how many calls, turns and tools, and how long things take. */

import { byId, setText } from "../view/element";
import type { Latency, Topology } from "./model";
import { Rows } from "./rows";
import * as words from "./words";

export class Overlay {
  private readonly spans = new Rows(byId("spans", HTMLTableSectionElement));
  private readonly tiles = {
    active: byId("active", HTMLElement),
    total: byId("total", HTMLElement),
    turns: byId("turns", HTMLElement),
    tools: byId("tools", HTMLElement),
    latency: byId("latency", HTMLElement),
    asOf: byId("as-of", HTMLElement),
  };
  private shownSpans = new Set<string>();

  show({ sessions, totals }: Topology): void {
    setText(this.tiles.active, words.number(sessions.size));
    if (totals === null) return;
    setText(this.tiles.total, words.number(totals.sessions));
    setText(this.tiles.turns, words.number(totals.turns));
    setText(this.tiles.tools, words.tools(totals.tools, totals.toolFailures));
    setText(this.tiles.latency, percentiles(totals.hour.find((each) => each.span === "turn")));
    setText(this.tiles.asOf, `Counted at ${words.clock(totals.asOf)}.`);
    this.showSpans(totals.hour, totals.day);
  }

  private showSpans(hour: readonly Latency[], day: readonly Latency[]): void {
    const names = new Set([...day, ...hour].map((each) => each.span));
    for (const span of this.shownSpans) if (!names.has(span)) this.spans.remove(span);
    for (const span of names) {
      const [lately, today] = [hour, day].map((spans) => spans.find((each) => each.span === span));
      this.spans.show(span, () => ["", "", "", ""], [
        words.span(span),
        percentiles(lately),
        percentiles(today),
        words.number(today?.count ?? lately?.count ?? 0),
      ]);
    }
    this.shownSpans = names;
  }
}

/** Half of them were as fast as the first number, 95 of a hundred as the second. */
function percentiles(latency: Latency | undefined): string {
  return latency === undefined ? "–" : `${words.duration(latency.p50)} / ${words.duration(latency.p95)}`;
}
