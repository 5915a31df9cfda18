/** Shows the transcript as a list of bubbles and badges, changing only what has changed. */

import {
  type AgentEntry,
  type Entry,
  type Transcript,
  type UserEntry,
  wordsOf,
} from "../call/transcript";
import { ApprovalCard, type OnAnswer } from "./approval";
import { element } from "./element";
import { fillSpans } from "./spans";
import { fillTool } from "./tool";

/** Within this many pixels of its end the list follows what comes. */
const FOLLOW_PX = 80;

interface Row {
  readonly node: HTMLLIElement;
  readonly card: ApprovalCard;
  entry: Entry;
}

export class Conversation {
  private readonly rows = new Map<string, Row>();

  /**
   * @param list Holds the rows.
   * @param scroller Scrolls them.
   * @param onAnswer The person answered a tool that asks for their consent.
   */
  constructor(
    private readonly list: HTMLElement,
    private readonly scroller: HTMLElement,
    private readonly onAnswer: OnAnswer,
  ) {}

  show(transcript: Transcript): void {
    const follows = this.scroller.scrollHeight - this.scroller.scrollTop - this.scroller.clientHeight < FOLLOW_PX;
    const wanted = new Set(transcript.entries.map((entry) => entry.id));
    for (const [id, row] of this.rows) {
      if (wanted.has(id)) continue;
      row.card.remove();
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
      row = { node: document.createElement("li"), card: new ApprovalCard(this.onAnswer), entry };
      this.rows.set(entry.id, row);
      this.list.append(row.node);
    }
    row.entry = entry;
    fill(row, entry);
  }
}

function fill({ node, card }: Row, entry: Entry): void {
  switch (entry.kind) {
    case "user":
      fillUser(node, entry);
      break;
    case "agent":
      fillAgent(node, entry);
      break;
    case "tool":
      fillTool(node, entry, card);
      break;
    case "notice":
      node.className = "notice";
      node.textContent = entry.text;
  }
}

function fillUser(node: HTMLLIElement, entry: UserEntry): void {
  bubble(node, "user", entry.state, entry.state === "partial");
  node.replaceChildren(speaker("You"), element("span", "words", wordsOf(entry)));
  if (entry.state === "unheard") node.append(element("span", "remark", entry.typed ? "not sent" : "not understood"));
}

function fillAgent(node: HTMLLIElement, entry: AgentEntry): void {
  bubble(node, "agent", entry.state, entry.state === "speaking");
  const said = node.querySelector("p") ?? document.createElement("p");
  said.replaceChildren(speaker("Agent"), element("span", "words", entry.text));
  if (entry.unsaid !== "") said.append(" ", element("span", "unseen", "Not said: "), element("s", "unsaid", entry.unsaid));
  if (entry.bargedIn) said.append(element("span", "remark", "you spoke over it"));
  else if (entry.state === "cut") said.append(element("span", "remark", "cut short"));
  else if (entry.state === "failed") said.append(element("span", "remark", "failed"));
  if (said.parentNode !== node) node.append(said);
  if (Object.keys(entry.spans).length === 0) return;
  // What the person has unfolded stays so while the words go on.
  const details = node.querySelector("details") ?? document.createElement("details");
  fillSpans(details, entry.spans);
  if (details.parentNode !== node) node.append(details);
}

function bubble(node: HTMLLIElement, role: string, state: string, busy: boolean): void {
  node.className = `bubble ${role}`;
  node.dataset.testid = "bubble";
  node.dataset.role = role;
  node.dataset.state = state;
  node.ariaBusy = String(busy);
}

/** Says who speaks to those who can't see on which side the bubble stands. */
function speaker(name: string): HTMLElement {
  return element("span", "unseen", `${name}: `);
}
