/** Shows one run of a tool as a badge that unfolds. */

import { isRunning, type ToolEntry } from "../call/transcript";
import type { ApprovalCard } from "./approval";
import { element, foldable } from "./element";
import { type Fact, factsOf, times, tool, toolStatus } from "./tool_words";

/** @param card Asks for the person's consent where the tool waits for it. */
export function fillTool(node: HTMLLIElement, entry: ToolEntry, card: ApprovalCard): void {
  const { run, progress } = entry;
  node.className = "tool";
  node.dataset.testid = "tool";
  node.dataset.tool = run.action;
  node.dataset.status = run.status;
  node.ariaBusy = String(isRunning(run));
  const details = node.querySelector("details") ?? document.createElement("details");
  const line = [
    element("span", "unseen", "Tool: "),
    element("span", "name", tool(run)),
    " ",
    element("span", "state", toolStatus(run, progress.at(-1))),
  ].map((part) => (typeof part === "string" ? document.createTextNode(part) : part));
  foldable(details, line, body(entry));
  if (details.parentNode !== node) node.replaceChildren(details);
  if (run.status !== "awaiting_approval" || run.approval === null) card.remove();
  else {
    card.show(run.approval);
    if (card.node.parentNode !== node) node.append(card.node);
  }
}

function body({ run, progress }: ToolEntry): HTMLElement {
  const list = element("dl", "", "");
  const add = (term: string, ...parts: HTMLElement[]) => {
    const value = element("dd", "", "");
    value.append(...parts);
    list.append(element("dt", "", term), value);
  };
  add("Tool", element("code", "", run.action));
  if (run.agent !== "") add("Agent", element("span", "", run.agent));
  const given = factsOf(run.arguments);
  if (given.length > 0) add("Given", lines(given));
  if (run.approval !== null) {
    add("Asked", element("span", "", run.approval.question));
    if (run.approval.answer !== null) add("You said", element("span", "", run.approval.answer));
  }
  if (progress.length > 0) add("Progress", steps(progress));
  const result = factsOf(run.result);
  if (result.length > 0) add("Result", lines(result));
  if (run.error !== null) {
    const { message, code } = run.error;
    add("Error", element("span", "", message === "" ? code : message), element("code", "code", code));
  }
  for (const [term, value] of times(run)) add(term, element("span", "", value));
  return list;
}

function lines(facts: readonly Fact[]): HTMLElement {
  const list = element("ul", "lines", "");
  for (const [name, value] of facts) {
    const line = element("li", "", "");
    if (name !== "") line.append(element("span", "term", `${name}: `));
    line.append(element("span", "value", value));
    list.append(line);
  }
  return list;
}

function steps(progress: readonly string[]): HTMLElement {
  const list = element("ol", "lines", "");
  list.append(...progress.map((step) => element("li", "", step)));
  return list;
}
