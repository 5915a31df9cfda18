/** The page: what the person presses and types goes to the call, what comes of it is shown. */

import type { Change, Kind } from "./audio/devices";
import { askOnce, MicrophoneError } from "./audio/microphone";
import type { MicrophoneFault } from "./audio/microphone_fault";
import { type Call, type Ending, isOpen } from "./call/call";
import type { CallEvent } from "./call/events";
import { Line } from "./call/line";
import { advance, close, EMPTY, note, take, type } from "./call/transcript";
import { ofThisBrowser } from "./memory";
import { Announcer, announcements } from "./view/announcements";
import { Composer } from "./view/composer";
import { Conversation } from "./view/conversation";
import { DeviceChoice } from "./view/device_choice";
import { showDock, showFacts } from "./view/dock";
import { setText } from "./view/element";
import { page } from "./view/elements";
import { showTrouble, trouble } from "./view/faults";
import { Hold } from "./view/hold";
import { Menu } from "./view/menu";
import { Meter } from "./view/meter";
import { listenForKeys } from "./view/shortcuts";
import { latency } from "./view/span_words";
import * as words from "./view/words";

const ANNOUNCE = "antiphon.announce";

/** Who listens and answers in this call. */
interface Engine {
  readonly mode: string;
  readonly reason: string | null;
  readonly recognizer: string | null;
}

const conversation = new Conversation(page.transcript, page.main, (approval, approve) => line?.answer(approval, approve));
const meter = new Meter(page.meter, page.controls);
const announcer = new Announcer(page.announcer);
const menu = new Menu({
  onLocked: () => {
    page.dock.hidden = true;
    show();
  },
  onUnlocked: () => {
    page.dock.hidden = false;
    show();
    page.call.focus();
  },
  onSaid: (text) => {
    // A call says more of how it stands, or ended.
    if (call === null) setText(page.status, text);
  },
});
const composer = new Composer(page.composer, page.text, send);
const devices = new DeviceChoice(
  {
    microphone: page.microphone,
    loudspeaker: page.loudspeaker,
    name: page.nameDevices,
    fixed: page.fixedLoudspeaker,
  },
  { onUse: useDevice, onChange: onDeviceChange },
);

let line: Line | null = null;
let call: Call | null = null;
let transcript = EMPTY;
let announced = EMPTY;
let muted = false;
/** The person talks in this call; else they type. */
let voiced = false;
/** The browser has been asked for a microphone, in the call. */
let opening = false;
/** There is no microphone, and the page says what to do. */
let troubled = false;
let engine: Engine | null = null;

page.call.addEventListener("click", () => {
  if (line?.open === true) line.hangUp();
  else startCall(true);
});

page.mute.addEventListener("click", toggleMute);

const hold = new Hold(page.hold, {
  onPress: () => {
    transcript = take(transcript);
    line?.press();
    show();
  },
  onRelease: () => {
    line?.release();
    meter.clear();
    show();
  },
});

page.pushToTalk.addEventListener("click", (event) => {
  hold.letGo();
  silence();
  line?.choose(page.pushToTalk.checked);
  show();
  const byPointer = event.detail > 0;
  if (byPointer) giveSpaceBar();
});

page.openSettings.addEventListener("click", () => {
  page.settings.showModal();
  void devices.refresh();
  if (line?.open !== true) void menu.refresh();
});

page.openHelp.addEventListener("click", openHelp);
page.nameDevices.addEventListener("click", () => void nameDevices());

page.announce.checked = ofThisBrowser.read(ANNOUNCE) !== "";
page.announce.addEventListener("change", () => {
  ofThisBrowser.write(ANNOUNCE, page.announce.checked ? "on" : "");
});

listenForKeys(page.shortcuts, {
  "?": openHelp,
  "/": () => {
    composer.focus();
  },
  m: () => {
    if (!page.mute.hidden) toggleMute();
  },
});

// Also where a phone only puts the page away: a call nobody sees must not go on listening.
window.addEventListener("pagehide", () => line?.hangUp());

if (!window.isSecureContext) tellTrouble("insecure");
show();
void menu.refresh();
void devices.refresh();

function openHelp(): void {
  page.help.showModal();
}

function startCall(withMicrophone: boolean): void {
  transcript = announced = EMPTY;
  muted = false;
  voiced = withMicrophone;
  engine = null;
  troubled = false;
  line = new Line(
    {
      ...menu.chosen,
      pushToTalk: page.pushToTalk.checked,
      timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    },
    devices.chosen,
    withMicrophone,
    { onCall, onEvent, onLevel, onMicrophoneLost: () => void onMicrophoneLost(), onTyped },
  );
}

/** Sends what was typed, into a call of its own where there is none. */
function send(text: string): void {
  if (line?.open !== true) startCall(false);
  line?.type(text);
}

function toggleMute(): void {
  if (line?.hasMicrophone === true) mute(!muted);
  else if (!opening) {
    // Who asks for a microphone wants to be heard. One that only takes another's place stays as silent as that was.
    mute(false);
    void useMicrophone(devices.chosen.microphone);
  }
  show();
}

function mute(on: boolean): void {
  muted = on;
  silence();
  if (on) meter.clear();
}

/** Has the microphone send silence or sound. Who holds a button to talk needs no second one to be silent; once they no
 * longer do, who was muted is again. */
function silence(): void {
  if (line !== null) line.muted = muted && !page.pushToTalk.checked;
}

function onCall(changed: Call): void {
  const before = call?.phase.kind;
  call = changed;
  const { phase, session } = changed;
  if (session !== null) engine ??= { mode: session.mode, reason: session.fallbackReason, recognizer: null };
  if (!isOpen(changed)) {
    hold.letGo();
    transcript = close(transcript);
    meter.clear();
  }
  if (phase.kind === "ended" && before !== "ended") onEnd(phase.ending);
  show();
  if (phase.kind === before) return;
  announcer.say(words.milestone(changed));
  if (phase.kind !== "live") return;
  // Now the browser tells the devices' names.
  void devices.refresh();
  // The focus is still on the button that started the call, and a space bar there would end it.
  if (before === "connecting" && document.activeElement === page.call) giveSpaceBar();
}

function onEnd(ending: Ending): void {
  if (ending.kind === "no_sound") tellTrouble(ending.fault);
  // Another engine may be free by now; and a key that was taken back is asked for again.
  void menu.refresh();
}

/** Puts the focus where the space bar talks. */
function giveSpaceBar(): void {
  if (!page.hold.hidden) page.hold.focus({ preventScroll: true });
}

function onEvent(event: CallEvent): void {
  if (event.kind === "agent_sounded") return;
  if (event.kind === "engine_changed") {
    if (engine !== null && engine.mode !== event.mode) transcript = note(transcript, words.engineChange(event));
    engine = event;
  }
  transcript = advance(transcript, event);
  show();
}

function onTyped(item: string, text: string): void {
  transcript = type(transcript, item, text);
  show();
}

function onLevel(level: number): void {
  const heard = page.pushToTalk.checked ? line?.held === true : !muted;
  if (heard) meter.push(level);
}

// Devices.

function useDevice(kind: Kind, id: string): void {
  if (line?.open !== true) return;
  if (kind === "microphone") {
    if (voiced) void useMicrophone(id);
    return;
  }
  line.useLoudspeaker(id).catch(() => {
    tell("That loudspeaker can't be used. Choose another one.");
  });
}

/** Has the call hear this microphone, or tells why it can't. */
async function useMicrophone(id: string): Promise<void> {
  if (line === null || opening) return;
  opening = true;
  try {
    await line.useMicrophone(id);
    voiced = true;
    void devices.refresh();
  } catch (error) {
    if (!(error instanceof MicrophoneError)) throw error;
    const { title, advice } = trouble(error.fault);
    tell(`${title} ${advice}`);
  } finally {
    opening = false;
    show();
  }
}

async function onMicrophoneLost(): Promise<void> {
  const before = devices.chosen.microphone;
  meter.clear();
  show();
  // Where the chosen one went away, another is in use when this is back.
  await devices.refresh();
  if (opening || devices.chosen.microphone !== before) return;
  tell("The microphone went away.");
  await useMicrophone("");
}

function onDeviceChange(change: Change): void {
  tell(words.deviceChange(change));
}

/** Says something in the conversation, and in the settings where they are open. */
function tell(text: string): void {
  setText(page.devicesSaid, text);
  if (line?.open !== true) return;
  transcript = note(transcript, text);
  show();
}

async function nameDevices(): Promise<void> {
  setText(page.devicesSaid, "");
  try {
    await askOnce();
    await devices.refresh();
  } catch (error) {
    if (!(error instanceof MicrophoneError)) throw error;
    const { title, advice } = trouble(error.fault);
    setText(page.devicesSaid, `${title} ${advice}`);
  }
}

function tellTrouble(fault: MicrophoneFault): void {
  const { hostname, port } = window.location;
  showTrouble(page.trouble, trouble(fault, hostname, port === "" ? "8999" : port));
  troubled = true;
}

// What is shown.

function show(): void {
  for (const text of announcements(announced, transcript, page.announce.checked)) announcer.say(text);
  announced = transcript;
  conversation.show(transcript);
  page.welcome.hidden = transcript.entries.length > 0;
  page.trouble.hidden = menu.locked || !troubled;
  page.greeting.hidden = menu.locked || troubled;
  setText(page.invitation, words.invitation(page.pushToTalk.checked));
  setText(page.latency, latency(transcript.spans));
  if (call === null) return;
  showDock(call, transcript, microphone());
  showFacts(isOpen(call) ? facts(call) : [], isOpen(call) ? (engine?.reason ?? null) : null);
}

function microphone(): words.MicrophoneUse {
  if (line?.hasMicrophone !== true) return "none";
  if (page.pushToTalk.checked) return line.held ? "held" : "waiting";
  return muted ? "muted" : "open";
}

function facts({ session }: Call): [string, string][] {
  if (session === null || engine === null) return [];
  return [
    ["Persona", menu.title(session.persona)],
    ["Voice", menu.title(session.voice)],
    ["Engine", words.mode(engine.mode)],
    ["Recogniser", engine.recognizer ?? ""],
  ];
}
