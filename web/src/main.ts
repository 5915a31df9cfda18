/** The page: what the person presses goes to the call, what comes of it is shown. */

import { type Call, isOpen } from "./call/call";
import type { CallEvent } from "./call/events";
import { Line } from "./call/line";
import { activity, advance, close, EMPTY, note, take } from "./call/transcript";
import { Conversation } from "./view/conversation";
import { byId, element } from "./view/element";
import { Hold } from "./view/hold";
import * as words from "./view/words";
import * as rest from "./wire/rest";

/** Speech into a good microphone has a root mean square of about 0.1; the ring is full there. */
const FULL_LEVEL = 0.1;

const page = {
  facts: byId("facts", HTMLElement),
  main: byId("main", HTMLElement),
  welcome: byId("welcome", HTMLElement),
  transcript: byId("transcript", HTMLElement),
  status: byId("status", HTMLElement),
  call: byId("call", HTMLButtonElement),
  callLabel: byId("call-label", HTMLElement),
  mute: byId("mute", HTMLButtonElement),
  muteLabel: byId("mute-label", HTMLElement),
  controls: byId("controls", HTMLElement),
  hold: byId("hold", HTMLButtonElement),
  latency: byId("latency", HTMLElement),
  personas: byId("personas", HTMLElement),
  persona: byId("persona", HTMLSelectElement),
  voices: byId("voices", HTMLElement),
  voice: byId("voice", HTMLSelectElement),
  pushToTalk: byId("push-to-talk", HTMLInputElement),
  invitation: byId("invitation", HTMLElement),
};

/** Who listens and answers in this call. */
interface Engine {
  readonly mode: string;
  readonly reason: string | null;
  readonly recognizer: string | null;
}

const conversation = new Conversation(page.transcript, page.main);

let line: Line | null = null;
let call: Call | null = null;
let transcript = EMPTY;
let muted = false;
let engine: Engine | null = null;
let titles = new Map<string, string>();

page.call.addEventListener("click", () => {
  if (line?.open === true) line.hangUp();
  else startCall();
});

page.mute.addEventListener("click", () => {
  mute(!muted);
  show();
});

const hold = new Hold(page.hold, {
  onPress: () => {
    transcript = take(transcript);
    line?.press();
    show();
  },
  onRelease: () => {
    line?.release();
    onLevel(0);
    show();
  },
});

page.pushToTalk.addEventListener("click", (event) => {
  hold.letGo();
  // Who holds a button to talk needs no second one to be silent.
  mute(false);
  line?.choose(page.pushToTalk.checked);
  show();
  const byPointer = event.detail > 0;
  if (byPointer) giveSpaceBar();
});

// Also where a phone only puts the page away: a call nobody sees must not go on listening.
window.addEventListener("pagehide", () => line?.hangUp());

show();
void offer();

function mute(on: boolean): void {
  muted = on;
  if (line !== null) line.muted = on;
}

function startCall(): void {
  transcript = EMPTY;
  muted = false;
  engine = null;
  line = new Line(
    {
      persona: page.persona.value,
      voice: page.voice.value,
      pushToTalk: page.pushToTalk.checked,
      timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    },
    { onCall, onEvent, onLevel, onMicrophoneLost },
  );
}

function onCall(changed: Call): void {
  const begins = changed.phase.kind === "live" && call?.phase.kind === "connecting";
  call = changed;
  const { session } = changed;
  if (session !== null) engine ??= { mode: session.mode, reason: session.fallbackReason, recognizer: null };
  if (!isOpen(changed)) {
    hold.letGo();
    transcript = close(transcript);
    onLevel(0);
  }
  show();
  // The focus is still on the button that started the call, and a space bar there would end it.
  if (begins) giveSpaceBar();
}

/** Puts the focus where the space bar talks. */
function giveSpaceBar(): void {
  if (!page.hold.hidden) page.hold.focus({ preventScroll: true });
}

function onEvent(event: CallEvent): void {
  if (event.kind === "agent_sounded") return;
  if (event.kind === "engine_changed") engine = event;
  transcript = advance(transcript, event);
  show();
}

function onLevel(level: number): void {
  const heard = !page.pushToTalk.checked || line?.held === true;
  page.controls.style.setProperty("--level", heard ? Math.min(1, level / FULL_LEVEL).toFixed(2) : "0");
}

function onMicrophoneLost(): void {
  transcript = note(transcript, "The microphone went away. Connect it and call again.");
  show();
}

function show(): void {
  conversation.show(transcript);
  page.welcome.hidden = transcript.entries.length > 0;
  page.invitation.textContent = words.invitation(page.pushToTalk.checked);
  page.latency.textContent = words.latency(transcript.spans);
  page.latency.title = words.spanList(transcript.spans);
  if (call !== null) showCall(call);
}

function showCall(shown: Call): void {
  const open = isOpen(shown);
  const live = shown.phase.kind === "live";
  page.call.dataset.phase = shown.phase.kind;
  page.callLabel.textContent = open ? (live ? "Hang up" : "Cancel") : "Talk";
  setText(page.status, words.status(shown, activity(transcript), microphone()));
  const byHand = page.pushToTalk.checked;
  page.mute.hidden = !live || byHand;
  page.mute.ariaPressed = String(muted);
  page.muteLabel.textContent = muted ? "Unmute" : "Mute";
  // What is said while the connection is gone is kept, so the button stays.
  page.hold.hidden = !byHand || !(live || shown.phase.kind === "reconnecting");
  page.hold.ariaPressed = String(line?.held === true);
  page.controls.dataset.holding = String(!page.hold.hidden);
  page.personas.hidden = page.voices.hidden = open;
  showFacts(open ? shown : null);
}

function microphone(): words.MicrophoneUse {
  if (page.pushToTalk.checked) return line?.held === true ? "held" : "waiting";
  return muted ? "muted" : "open";
}

function showFacts(shown: Call | null): void {
  const session = shown?.session ?? null;
  if (session === null || engine === null) {
    page.facts.replaceChildren();
    return;
  }
  const title = (name: string) => titles.get(name) ?? name;
  const facts = [title(session.persona), title(session.voice), words.mode(engine.mode), engine.recognizer ?? ""];
  page.facts.textContent = facts.filter((fact) => fact !== "").join(" · ");
  if (engine.reason !== null) page.facts.append(element("span", "reason", engine.reason));
}

/** Shows what can be chosen, and whether a call can be had. */
async function offer(): Promise<void> {
  try {
    const [personas, voices, offers] = await Promise.all([rest.personas(), rest.voices(), rest.offers()]);
    titles = new Map([...personas, ...voices].map((choice) => [choice.name, choice.title]));
    fillSelect(page.persona, personas);
    const own = { name: "", title: "The persona's own", description: "", isDefault: true };
    fillSelect(page.voice, [own, ...voices.map((voice) => ({ ...voice, isDefault: false }))]);
    setText(page.status, words.offers(offers));
  } catch (error) {
    if (!(error instanceof rest.Refused)) throw error;
    setText(page.status, words.refusal(error.refusal));
  }
}

function fillSelect(select: HTMLSelectElement, choices: readonly rest.Choice[]): void {
  select.replaceChildren(
    ...choices.map((choice) => {
      const option = new Option(choice.title, choice.name, choice.isDefault, choice.isDefault);
      option.title = choice.description;
      return option;
    }),
  );
}

/** Writing the same text again would have screen readers say it again. */
function setText(node: HTMLElement, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}
