/** What the spans of a turn are called, in the order in which they pass. */

import type { Spans } from "../call/events";

const TITLES: Readonly<Record<string, string>> = {
  endpoint: "Making sure that you were done",
  transcript: "Making out your last words",
  intent: "Small talk, or a task?",
  dispatch: "Handing the task to its tool",
  tool: "The tool at work",
  injection_wait: "Waiting for a free moment",
  first_audio: "From knowing your words to the first sound",
  turn: "From your last word to the first sound",
};

export interface SpanRow {
  readonly span: string;
  readonly title: string;
  readonly ms: number;
  /** Of the longest, 0 to 1. */
  readonly share: number;
}

/** What was measured, in order; a span that is not known here comes last, by its own name. */
export function spanRows(spans: Spans): SpanRow[] {
  const order = Object.keys(TITLES);
  const place = (span: string) => (order.includes(span) ? order.indexOf(span) : order.length);
  const longest = Math.max(...Object.values(spans), 1);
  return Object.entries(spans)
    .sort(([one], [other]) => place(one) - place(other))
    .map(([span, ms]) => ({ span, title: TITLES[span] ?? span.replaceAll("_", " "), ms, share: ms / longest }));
}

/** How long the person waited for the first sound after their last word, or what else was measured. */
export function spanSummary(spans: Spans): string {
  if (spans.turn !== undefined) return latency(spans);
  return spans.tool === undefined ? "times" : `the tool took ${duration(spans.tool)}`;
}

/** How long the answer took; "" where it was not measured. */
export function latency(spans: Spans): string {
  return spans.turn === undefined ? "" : `answered in ${duration(spans.turn)}`;
}

export function duration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
