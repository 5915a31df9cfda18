/** Shows the transcript as a list of bubbles and badges, changing only what has changed. */

import {
  type AgentEntry,
  type Entry,
  isRunning,
  type ToolEntry,
  type Transcript,
  type UserEntry,
  wordsOf,
} from "../call/transcript";
import { element } from "./element";
import * as words from "./words";

/** Within this many pixels of its end the list follows what comes. */
const FOLLOW_PX = 80;

interface Row {
  readonly node: HTMLLIElement;
  entry: Entry;
}

export class Conversation {
  private readonly rows = new Map<string, Row>();

  /**
   * @param list Holds the rows.
   * @param scroller Scrolls them.
   */
  constructor(
    private readonly list: HTMLElement,
    private readonly scroller: HTMLElement,
  ) {}

  show(transcript: Transcript): void {
    const follows = this.scroller.scrollHeight - this.scroller.scrollTop - this.scroller.clientHeight < FOLLOW_PX;
    const wanted = new Set(transcript.entries.map((entry) => entry.id));
    for (const [id, row] of this.rows) {
      if (wanted.has(id)) continue;
      row.node.remove();
      this.rows.delete(id);
    }
    for (const entry of transcript.entries) this.showEntry(entry);
    // Before the first word there is something to read from the top.
    if (follows && transcript.entries.length > 0) this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  private showEntry(entry: Entry): void {
    let row = this.rows.get(entry.id);
    if (row?.entry === entry) return;
    if (row === undefined) {
      row = { node: document.createElement("li"), entry };
      this.rows.set(entry.id, row);
      this.list.append(row.node);
    }
    row.entry = entry;
    fill(row.node, entry);
  }
}

function fill(node: HTMLLIElement, entry: Entry): void {
  switch (entry.kind) {
    case "user":
      fillUser(node, entry);
      break;
    case "agent":
      fillAgent(node, entry);
      break;
    case "tool":
      fillTool(node, entry);
      break;
    case "notice":
      node.className = "notice";
      node.textContent = entry.text;
  }
}

function fillUser(node: HTMLLIElement, entry: UserEntry): void {
  bubble(node, "user", entry.state, entry.state === "partial");
  node.replaceChildren(speaker("You"), element("span", "words", wordsOf(entry)));
  if (entry.state === "unheard") node.append(element("span", "remark", "not understood"));
}

function fillAgent(node: HTMLLIElement, entry: AgentEntry): void {
  bubble(node, "agent", entry.state, entry.state === "speaking");
  node.replaceChildren(speaker("Agent"), element("span", "words", entry.text));
  if (entry.unsaid !== "") node.append(" ", element("s", "unsaid", entry.unsaid));
  if (entry.bargedIn) node.append(element("span", "remark", "you spoke over it"));
  else if (entry.state === "cut") node.append(element("span", "remark", "cut short"));
  else if (entry.state === "failed") node.append(element("span", "remark", "failed"));
}

function fillTool(node: HTMLLIElement, entry: ToolEntry): void {
  const { run, progress } = entry;
  node.className = "tool";
  node.dataset.testid = "tool";
  node.dataset.tool = run.action;
  node.dataset.status = run.status;
  node.ariaBusy = String(isRunning(run));
  // What the person has unfolded stays so while the run goes on.
  const details = node.querySelector("details") ?? document.createElement("details");
  const summary = element("summary", "", "");
  summary.append(element("span", "name", words.tool(run)), element("span", "state", words.toolStatus(run, progress)));
  details.replaceChildren(summary, ...toolFacts(entry));
  if (details.parentNode !== node) node.replaceChildren(details);
}

function toolFacts({ run }: ToolEntry): HTMLElement[] {
  const facts: [string, unknown][] = [
    ["Agent", run.agent],
    ["Arguments", run.arguments],
    ["Result", run.result],
    ["Error", run.error],
  ];
  const list = element("dl", "", "");
  for (const [term, value] of facts) {
    if (value === null || value === "") continue;
    list.append(element("dt", "", term), element("dd", "", typeof value === "string" ? value : JSON.stringify(value, null, 2)));
  }
  return [list];
}

function bubble(node: HTMLLIElement, role: string, state: string, busy: boolean): void {
  node.className = `bubble ${role}`;
  node.dataset.testid = "bubble";
  node.dataset.role = role;
  node.dataset.state = state;
  // A screen reader waits for words that still change.
  node.ariaBusy = String(busy);
}

/** Says who speaks to those who can't see on which side the bubble stands. */
function speaker(name: string): HTMLElement {
  return element("span", "unseen", `${name}: `);
}
