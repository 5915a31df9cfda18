/** The topology's page: what the stream tells goes to graph, tables and overlay; what is pressed, to the gateway. */

import type { Refusal } from "../call/call";
import { byId, setText } from "../view/element";
import { KeyForm } from "../view/key_form";
import { endSession, personas, Refused } from "../wire/rest";
import { advance } from "./advance";
import { Connection, type Standing } from "./connection";
import { type Chosen, Details } from "./details";
import { Graph } from "./graph";
import { EMPTY, type Told, type Topology } from "./model";
import { Overlay } from "./overlay";
import { Tables } from "./tables";
import * as words from "./words";

/** Ages are told in seconds. */
const TICK_MS = 1000;

const page = {
  main: byId("main", HTMLElement),
  standing: byId("standing", HTMLElement),
  again: byId("again", HTMLButtonElement),
  key: byId("key", HTMLElement),
  confirm: byId("confirm", HTMLDialogElement),
  confirmText: byId("confirm-text", HTMLElement),
  confirmYes: byId("confirm-yes", HTMLButtonElement),
  confirmNo: byId("confirm-no", HTMLButtonElement),
  notice: byId("notice", HTMLElement),
};

let topology: Topology = EMPTY;
let standing: Standing = { kind: "connecting" };
let chosen: Chosen = null;
let ending: string | null = null;

const overlay = new Overlay();
const graph = new Graph(byId("graph", HTMLElement), byId("edges", HTMLElement), byId("nodes", HTMLElement), chooseNode);
const tables = new Tables({
  onSession: (id) => { choose({ kind: "session", id }); },
  onNode: chooseNode,
  onHangUp: askToHangUp,
});
const details = new Details(askToHangUp, () => {
  chosen = null;
  mark();
});
const keyForm = new KeyForm(page.key, unlock);
const connection = new Connection({ onTold, onStanding });

page.again.addEventListener("click", () => { connection.again(); });
page.confirmNo.addEventListener("click", () => { page.confirm.close(); });
page.confirmYes.addEventListener("click", () => {
  page.confirm.close();
  if (ending !== null) void hangUp(ending);
});
setInterval(tick, TICK_MS);

function onTold(told: Told): void {
  const next = advance(topology, told);
  topology = next.topology;
  // Before its row goes: the focus comes back to the button there.
  if (page.confirm.open) askNoMoreOfThePast();
  graph.show(topology, next.difference);
  tables.show(topology, next.difference, Date.now());
  overlay.show(topology);
  details.show(topology);
  // The path of a call that is watched moves with it.
  if (chosen?.kind === "session" && next.difference.sessions.includes(chosen.id)) mark();
}

function onStanding(changed: Standing): void {
  standing = changed;
  page.main.dataset.stale = String(standing.kind !== "live");
  page.again.hidden = standing.kind !== "lost";
  if (standing.kind === "key_needed") keyForm.show();
  setText(page.standing, words.standing(standing));
}

/** Why the gateway does not take the key that was given; null where it does, and is followed. */
async function unlock(): Promise<Refusal | null> {
  try {
    await personas();
  } catch (error) {
    if (error instanceof Refused) return error.refusal;
    throw error;
  }
  connection.again();
  return null;
}

function tick(): void {
  if (standing.kind === "live") tables.tick(Date.now());
}

function choose(what: Exclude<Chosen, null>): void {
  chosen = what;
  details.open(what, topology);
  mark();
}

function chooseNode(id: string): void {
  const call = words.callOf(id);
  choose(call === null ? { kind: "node", id } : { kind: "session", id: call });
}

function mark(): void {
  const session = chosen?.kind === "session" ? chosen.id : null;
  const node = chosen?.kind === "node" ? chosen.id : null;
  graph.choose(session === null ? [] : (topology.sessions.get(session)?.path ?? []), node);
  tables.choose(session, node);
}

function askToHangUp(id: string): void {
  const session = topology.sessions.get(id);
  if (session === undefined) return;
  ending = id;
  const lasted = words.age(Date.now() - session.startedAt);
  page.confirmText.textContent = `End the call ${words.short(id)} with ${session.persona}? It has lasted ${lasted}.`;
  page.confirm.showModal();
}

/** Nobody is asked whether to end a call that is over. */
function askNoMoreOfThePast(): void {
  if (ending === null || topology.sessions.has(ending)) return;
  page.confirm.close();
  setText(page.notice, `Call ${words.short(ending)} is over.`);
}

async function hangUp(id: string): Promise<void> {
  try {
    await endSession(id);
    setText(page.notice, `Call ${words.short(id)} was ended.`);
  } catch (error) {
    setText(page.notice, `Call ${words.short(id)} goes on: ${error instanceof Error ? error.message : "the gateway refused."}`);
  }
}
