/** What the loudspeaker plays next: a jitter buffer that knows which response each sample belongs to. */

import { Resampler } from "./resampler";

/** Sound held back before an answer starts; covers the jitter of a calm network. */
const TARGET_MS = 60;

/** The target grows by this much when the buffer runs dry in the middle of an answer … */
const TARGET_STEP_MS = 40;

/** … up to this, which is all that the gateway sends ahead. */
const TARGET_MAX_MS = 200;

/** A dropped answer fades out over this long, so that the cut does not click. */
const FADE_MS = 10;

/** Sound that may wait at all. The gateway sends at most 200 ms ahead, so more means that the audio device stood
 * still; the oldest is dropped then, and counted. */
const LIMIT_MS = 5_000;

/** Dropped responses that are remembered, so that late sound of theirs is known. */
const STALE_KEPT = 64;

/** How much of an item has been played. */
export interface Played {
  readonly item: string;
  readonly ms: number;
  /** True in the item's last report: it was played to its end, or dropped. */
  readonly ended: boolean;
}

interface Segment {
  readonly response: string;
  readonly item: string;
  samples: Float32Array;
}

interface Item {
  readonly response: string;
  readonly resampler: Resampler;
  /** No more sound will come. */
  finished: boolean;
  /** Samples of the output rate that went to the loudspeaker. */
  rendered: number;
  reported: number;
  /** The buffer ran dry in it; a gap only once more sound of it comes. */
  dry: boolean;
  gaps: number;
}

function newItem(response: string, resampler: Resampler): Item {
  return { response, resampler, finished: false, rendered: 0, reported: 0, dry: false, gaps: 0 };
}

export class Playout {
  /** Gaps that were heard in the middle of an item, because its sound came late. */
  gaps = 0;
  /** Samples of the output rate that were dropped because the buffer was full. */
  overflowed = 0;

  private queue: Segment[] = [];
  private queued = 0;
  private readonly items = new Map<string, Item>();
  private readonly stale = new Set<string>();
  private playing = false;
  private waited = 0;
  private targetMs = TARGET_MS;

  /**
   * @param from Rate of the samples that are given, in hertz.
   * @param to Rate of the samples that are rendered, in hertz.
   */
  constructor(
    private readonly from: number,
    private readonly to: number,
  ) {}

  /** Puts sound behind what waits already; sound of a dropped response is ignored. */
  enqueue(response: string, itemId: string, samples: Float32Array): void {
    if (this.stale.has(response)) return;
    let item = this.items.get(itemId);
    if (item === undefined) {
      item = newItem(response, new Resampler(this.from, this.to));
      this.items.set(itemId, item);
    }
    if (item.dry) this.countGap(item);
    this.append({ response, item: itemId, samples: item.resampler.push(samples) });
  }

  /** Tells that no more sound of an item will come. */
  finish(itemId: string): void {
    const item = this.items.get(itemId);
    if (item === undefined || item.finished) return;
    item.finished = true;
    this.append({ response: item.response, item: itemId, samples: item.resampler.flush() });
  }

  /** Forgets all sound of a response at once, and what may still come of it; null means every response so far. */
  drop(response: string | null): void {
    const gone = (candidate: string) => response === null || candidate === response;
    if (response !== null) this.remember(response);
    const head = this.queue[0];
    const tail = this.playing && head !== undefined && gone(head.response) ? this.fadingTail(head) : [];
    this.queue = [...tail, ...this.queue.filter((segment) => !gone(segment.response))];
    this.queued = this.queue.reduce((sum, segment) => sum + segment.samples.length, 0);
    for (const item of this.items.values()) {
      if (!gone(item.response)) continue;
      this.remember(item.response);
      item.finished = true;
    }
  }

  /** Fills `output` with what is to be heard now, silence where there is nothing. */
  render(output: Float32Array): void {
    output.fill(0);
    if (!this.playing && !this.mayStart(output.length)) return;
    this.playing = true;
    let filled = 0;
    while (filled < output.length) {
      const segment = this.queue[0];
      if (segment === undefined) {
        this.playing = false;
        this.waited = 0;
        return;
      }
      const taken = segment.samples.subarray(0, output.length - filled);
      output.set(taken, filled);
      filled += taken.length;
      this.advance(segment, taken.length);
    }
  }

  /** What was played since the last call, an item a row; with `ended` in an item's last. */
  reports(): Played[] {
    const rows: Played[] = [];
    for (const [id, item] of this.items) {
      const ended = this.hasEnded(id, item);
      if (item.rendered === item.reported && !ended) continue;
      item.reported = item.rendered;
      rows.push({ item: id, ms: Math.round((item.rendered * 1000) / this.to), ended });
      if (ended) this.forget(id, item);
    }
    return rows;
  }

  /** True when an item came to its end since the last report. */
  get anyEnded(): boolean {
    for (const [id, item] of this.items) if (this.hasEnded(id, item)) return true;
    return false;
  }

  private hasEnded(id: string, item: Item): boolean {
    return item.finished && !this.queue.some((segment) => segment.item === id);
  }

  private append(segment: Segment): void {
    if (segment.samples.length === 0) return;
    this.queue.push(segment);
    this.queued += segment.samples.length;
    while (this.queued > this.samplesIn(LIMIT_MS)) {
      const oldest = this.queue.shift();
      if (oldest === undefined) return;
      this.queued -= oldest.samples.length;
      this.overflowed += oldest.samples.length;
    }
  }

  private mayStart(elapsed: number): boolean {
    const head = this.queue[0];
    if (head === undefined) {
      this.waited = 0;
      return false;
    }
    this.waited += elapsed;
    const target = this.samplesIn(this.targetMs);
    return this.queued >= target || this.waited >= target || this.items.get(head.item)?.finished === true;
  }

  private advance(segment: Segment, taken: number): void {
    this.queued -= taken;
    const item = this.items.get(segment.item);
    if (item !== undefined) item.rendered += taken;
    if (taken < segment.samples.length) {
      segment.samples = segment.samples.subarray(taken);
      return;
    }
    this.queue.shift();
    if (item !== undefined) item.dry = this.queue.length === 0 && !item.finished;
  }

  /** Sound that came too late asks for a deeper buffer. */
  private countGap(item: Item): void {
    this.gaps++;
    item.gaps++;
    item.dry = false;
    this.targetMs = Math.min(TARGET_MAX_MS, this.targetMs + TARGET_STEP_MS);
  }

  /** An item that was played without a gap lets the buffer shrink again. */
  private forget(id: string, item: Item): void {
    this.items.delete(id);
    if (item.gaps === 0) this.targetMs = Math.max(TARGET_MS, this.targetMs - TARGET_STEP_MS / 2);
  }

  /** The next few milliseconds of the response that plays, fading to nothing. */
  private fadingTail(head: Segment): Segment[] {
    const length = this.samplesIn(FADE_MS);
    const samples = new Float32Array(length);
    let filled = 0;
    for (const segment of this.queue) {
      if (segment.item !== head.item || filled === length) break;
      const part = segment.samples.subarray(0, length - filled);
      samples.set(part, filled);
      filled += part.length;
    }
    const faded = samples.subarray(0, filled).map((sample, i) => sample * (1 - (i + 1) / filled));
    return [{ response: head.response, item: head.item, samples: faded }];
  }

  private remember(response: string): void {
    this.stale.add(response);
    const oldest = this.stale.values().next();
    if (this.stale.size > STALE_KEPT && oldest.done !== true) this.stale.delete(oldest.value);
  }

  private samplesIn(ms: number): number {
    return Math.round((ms * this.to) / 1000);
  }
}
