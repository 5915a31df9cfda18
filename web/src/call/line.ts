/** The shell of a call: does what the rules order, and tells them what comes of it. */

import type { Chosen } from "../audio/devices";
import { chooseLoudspeaker, Loudspeaker } from "../audio/loudspeaker";
import type { Captured, PlaybackReport } from "../audio/messages";
import { Microphone, MicrophoneError } from "../audio/microphone";
import { toBase64 } from "../audio/pcm";
import * as realtime from "../wire/realtime";
import { endSession, makeSession, Refused, type Wish } from "../wire/rest";
import { begin, type Call, type Happening, isOpen, type Order, type Session, type Step, step } from "./call";
import type { CallEvent } from "./events";
import { type FloorOrder, PushToTalk } from "./push_to_talk";
import { Typing, type TypingOrder } from "./typing";
import { type Sound, Uplink } from "./uplink";

/** A socket that has not opened by now is given up. */
const OPENING_MS = 5_000;

export interface Listener {
  onCall(call: Call): void;
  onEvent(event: CallEvent): void;
  /** `level`: the microphone's root mean square, 0 to 1; comes every 20 ms. */
  onLevel(level: number): void;
  /** The microphone went away during the call, which goes on. */
  onMicrophoneLost(): void;
  /** What was typed is on its way, as this item. */
  onTyped(item: string, text: string): void;
}

export class Line {
  private call: Call;
  private readonly context = new AudioContext({ latencyHint: "interactive" });
  private microphone: Microphone | null = null;
  private loudspeaker: Loudspeaker | null = null;
  private socket: WebSocket | null = null;
  private timer: number | undefined;
  private pushToTalk: boolean;
  private silenced = false;
  private readonly floor = new PushToTalk();
  private readonly typing = new Typing();
  private readonly uplink: Uplink;

  /**
   * Starts a call. Must run in the handler of a click or a key: browsers allow sound only then.
   *
   * @param withMicrophone False for a call that is typed; `useMicrophone` gives it one later.
   */
  constructor(
    private readonly wish: Wish,
    private readonly devices: Chosen,
    withMicrophone: boolean,
    private readonly listener: Listener,
  ) {
    this.pushToTalk = wish.pushToTalk;
    this.uplink = new Uplink({
      isOpen: () => this.socket?.readyState === WebSocket.OPEN,
      buffered: () => this.socket?.bufferedAmount ?? 0,
      send: (message) => this.socket?.send(message),
    });
    const first = begin(withMicrophone);
    this.call = first.call;
    this.follow(first);
    listener.onCall(first.call);
  }

  get open(): boolean {
    return isOpen(this.call);
  }

  set muted(on: boolean) {
    this.silenced = on;
    if (this.microphone !== null) this.microphone.muted = on;
  }

  get hasMicrophone(): boolean {
    return this.microphone !== null;
  }

  /**
   * Hears this microphone from now on.
   *
   * @param id "" is the system's choice.
   * @throws MicrophoneError The one before, where there is one, stays.
   */
  async useMicrophone(id: string): Promise<void> {
    const next = await this.openMicrophone(id);
    // The call may have ended while the browser asked.
    if (!this.open) {
      next.close();
      return;
    }
    this.microphone?.close();
    this.microphone = next;
  }

  /** Plays by this loudspeaker from now on; "" is the system's choice. */
  async useLoudspeaker(id: string): Promise<void> {
    await chooseLoudspeaker(this.context, id);
  }

  /** Sends what the person typed, and wants an answer to it. */
  type(text: string): void {
    this.carryOutTyping(this.typing.type(text));
  }

  /** The person pressed yes or no to a question for their consent. */
  answer(approval: string, approve: boolean): void {
    this.send(realtime.answerApproval(approval, approve));
  }

  /** Whether the person has the floor by hand. */
  get held(): boolean {
    return this.floor.held;
  }

  /** Changes how the person takes the floor; sound goes up, or no longer does, from this moment on. */
  choose(pushToTalk: boolean): void {
    if (pushToTalk === this.pushToTalk) return;
    this.carryOut(pushToTalk ? this.floor.begin() : this.floor.finish());
    this.pushToTalk = pushToTalk;
    this.send(realtime.chooseInput(pushToTalk));
  }

  press(): void {
    if (this.pushToTalk) this.carryOut(this.floor.press());
  }

  release(): void {
    this.floor.release();
  }

  hangUp(): void {
    this.happen({ kind: "hung_up" });
  }

  private happen(happening: Happening): void {
    this.follow(step(this.call, happening));
  }

  private follow(next: Step): void {
    const before = this.call.phase;
    this.call = next.call;
    for (const order of next.orders) this.obey(order);
    // What is still to be done for a call that ended is no news of it: another may be under way.
    if (next.call.phase !== before) this.listener.onCall(next.call);
  }

  private obey(order: Order): void {
    switch (order.kind) {
      case "open_sound":
        void this.openSound(order.microphone);
        break;
      case "make_session":
        void this.makeSession();
        break;
      case "connect":
        this.connect(order.session, order.after);
        break;
      case "ask_for_pcm":
        this.send(realtime.askForPcm());
        break;
      case "retry":
        this.timer = window.setTimeout(() => {
          this.happen({ kind: "retry_due" });
        }, order.afterMs);
        break;
      case "close_socket":
        this.dropSocket()?.close(1000);
        break;
      case "end_session":
        void this.endSession(order.session);
        break;
      case "release":
        window.clearTimeout(this.timer);
        this.releaseSound();
        break;
    }
  }

  private async openSound(withMicrophone: boolean): Promise<void> {
    try {
      if (withMicrophone) this.microphone = await this.openMicrophone(this.devices.microphone);
      await this.openLoudspeaker();
    } catch (error) {
      this.happen({ kind: "microphone_failed", fault: error instanceof MicrophoneError ? error.fault : "other" });
      if (!(error instanceof MicrophoneError)) console.error("no sound", error);
    }
    if (this.open) this.happen({ kind: "sound_opened" });
    // The person may have hung up while the browser asked for the microphone.
    else this.releaseSound();
  }

  private async openMicrophone(id: string): Promise<Microphone> {
    const opened = await Microphone.open(
      this.context,
      id,
      (chunk) => {
        this.takeChunk(chunk);
      },
      () => {
        this.loseMicrophone(opened);
      },
    );
    opened.muted = this.silenced;
    return opened;
  }

  private loseMicrophone(lost: Microphone): void {
    if (this.microphone !== lost) return;
    this.microphone = null;
    lost.close();
    this.carryOut(this.floor.finish());
    this.listener.onMicrophoneLost();
  }

  /** Without a loudspeaker the call goes on in words. */
  private async openLoudspeaker(): Promise<void> {
    if (!Loudspeaker.isPossible) return;
    // A device that went away since it was chosen is no reason to be silent.
    await chooseLoudspeaker(this.context, this.devices.loudspeaker).catch(() => undefined);
    this.loudspeaker = await Loudspeaker.open(this.context, (report) => {
      this.sendReport(report);
    });
    // A context made in a click runs, except where the browser wanted another gesture first.
    await this.context.resume();
  }

  private async makeSession(): Promise<void> {
    try {
      this.happen({ kind: "session_made", session: await makeSession(this.wish) });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.happen({ kind: "session_refused", refusal: error.refusal });
    }
  }

  private async endSession(session: Session): Promise<void> {
    try {
      await endSession(session.id);
    } catch (error) {
      // Whoever hung up has gone; the gateway lets go of it by itself.
      if (!(error instanceof Refused)) throw error;
    }
  }

  private connect(session: Session, after: number | null): void {
    const url = realtime.socketUrl(session.realtimeUrl, window.location.href, session.id, after);
    const socket = new WebSocket(url, realtime.subprotocols(session.secret));
    this.socket = socket;
    const deadline = window.setTimeout(() => {
      socket.close();
    }, OPENING_MS);
    socket.onopen = () => {
      window.clearTimeout(deadline);
      this.uplink.flush();
      this.happen({ kind: "socket_opened" });
    };
    socket.onmessage = (message: MessageEvent<unknown>) => {
      if (typeof message.data === "string") this.receive(message.data);
    };
    socket.onclose = (close) => {
      window.clearTimeout(deadline);
      this.socket = null;
      this.happen({ kind: "socket_lost", code: close.code, reason: close.reason, at: performance.now() });
    };
  }

  private receive(message: string): void {
    const { number, event } = realtime.decode(message);
    this.happen({ kind: "event_arrived", number, event });
    if (event === null) return;
    this.sound(event);
    this.carryOut(this.floor.hear(event));
    this.carryOutTyping(this.typing.hear(event));
    if (event.kind === "session_opened" && this.loudspeaker === null) this.send(realtime.askForText());
    // A session that could not be resumed knows only how it was made.
    if (event.kind === "session_opened" && event.settings.pushToTalk !== this.pushToTalk) {
      this.send(realtime.chooseInput(this.pushToTalk));
    }
    this.listener.onEvent(event);
  }

  /** What an event means for the loudspeaker. */
  private sound(event: CallEvent): void {
    switch (event.kind) {
      case "agent_started":
        // An answer that was cut while it was ducked never came back up.
        this.loudspeaker?.duck(false);
        break;
      case "agent_sounded":
        this.loudspeaker?.play(event.response, event.item, event.samples);
        break;
      case "agent_fell_silent":
        this.loudspeaker?.finish(event.item);
        break;
      case "agent_ended":
        if (event.status === "cancelled") this.loudspeaker?.drop(event.response);
        break;
      case "barged_in":
        if (event.what === "barge_in") this.loudspeaker?.drop(event.response);
        break;
      case "audio_cleared":
        this.loudspeaker?.drop(event.response);
        break;
      case "ducked":
        this.loudspeaker?.duck(event.on);
        break;
    }
  }

  private takeChunk(chunk: Captured): void {
    this.listener.onLevel(chunk.level);
    const orders = this.floor.push(chunk);
    if (this.pushToTalk) this.carryOut(orders);
    else this.sendChunk(chunk, "live");
  }

  private carryOut(orders: readonly FloorOrder[]): void {
    for (const order of orders) {
      switch (order.kind) {
        case "send":
          this.sendChunk(order.chunk, "whole");
          break;
        case "commit":
          this.send(realtime.commitTurn());
          this.send(realtime.askForAnswer());
          break;
        case "clear":
          this.send(realtime.clearTurn());
          break;
        case "cancel":
          this.send(realtime.cancel(order.response));
          this.loudspeaker?.drop(order.response);
          break;
        case "hush":
          this.loudspeaker?.drop(null);
      }
    }
  }

  /** What was typed before the call is live waits for the connection. */
  private carryOutTyping(orders: readonly TypingOrder[]): void {
    if (!this.open) return;
    for (const order of orders) {
      switch (order.kind) {
        case "cancel":
          this.uplink.say(realtime.cancel(order.response));
          break;
        case "hush":
          this.loudspeaker?.drop(null);
          break;
        case "type":
          this.uplink.say(realtime.typeText(order.item, order.text));
          this.listener.onTyped(order.item, order.text);
          break;
        case "ask":
          this.uplink.say(realtime.askForAnswer(order.id));
      }
    }
  }

  private sendChunk(chunk: Captured, sound: Sound): void {
    if (this.goesOn) this.uplink.sound(realtime.appendAudio(toBase64(chunk.samples)), sound);
  }

  private sendReport(report: PlaybackReport): void {
    for (const played of report) this.send(realtime.reportPlayed(played));
  }

  private send(message: string): void {
    if (this.goesOn) this.uplink.say(message);
  }

  /** Whether there is a session at the other end, be it out of reach for a while. */
  private get goesOn(): boolean {
    return ["live", "reconnecting"].includes(this.call.phase.kind);
  }

  /** Takes the socket out of service, so that its close is no loss. */
  private dropSocket(): WebSocket | null {
    const socket = this.socket;
    this.socket = null;
    if (socket === null) return null;
    socket.onopen = socket.onmessage = socket.onclose = null;
    return socket;
  }

  private releaseSound(): void {
    this.microphone?.close();
    this.loudspeaker?.close();
    this.microphone = this.loudspeaker = null;
    if (this.context.state !== "closed") void this.context.close();
  }
}
