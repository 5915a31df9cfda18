/** Shows what the wait for an answer was made of: a line that opens into a table with bars. */

import type { Spans } from "../call/events";
import { element, foldable } from "./element";
import { duration, spanRows, spanSummary } from "./span_words";

export function fillSpans(details: HTMLDetailsElement, spans: Spans): void {
  details.className = "spans";
  details.dataset.testid = "spans";
  const table = document.createElement("table");
  const caption = element("caption", "unseen", "What the wait was made of");
  const head = element("tr", "unseen", "");
  head.append(heading("Span", "col"), heading("Time", "col"));
  const rows = spanRows(spans).map(({ span, title, ms, share }) => {
    const row = element("tr", "", "");
    row.dataset.span = span;
    const time = element("td", "", duration(ms));
    const bar = element("span", "bar", "");
    bar.style.setProperty("--share", share.toFixed(3));
    time.append(bar);
    row.append(heading(title, "row"), time);
    return row;
  });
  table.append(caption, head, ...rows);
  foldable(details, spanSummary(spans), table);
}

function heading(text: string, scope: "col" | "row"): HTMLElement {
  const cell = element("th", "", text);
  cell.setAttribute("scope", scope);
  return cell;
}
