/** Shows how loud the microphone is: a bar, and the ring around the button. */

import { Level } from "../audio/level";

/** 1 s of chunks. Who asks a screen reader for the value gets one of just now; it says none by itself. */
const TOLD_EVERY = 50;

export class Meter {
  private level = new Level();
  private filled = 0;
  private drawn = 0;
  private chunks = 0;
  private frame: number | null = null;

  /**
   * @param node The bar, with the role of a meter, 0 to 100.
   * @param stage Has `--level`, 0 to 1, for what it holds.
   */
  constructor(
    private readonly node: HTMLElement,
    private readonly stage: HTMLElement,
  ) {
    this.clear();
  }

  /** @param rms Of the next 20 ms, 0 to 1. */
  push(rms: number): void {
    this.filled = this.level.push(rms);
    if (this.chunks % TOLD_EVERY === 0) this.tell();
    this.chunks += 1;
    // Chunks come oftener than some screens draw, and none draws a hidden tab.
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  /** Nothing is heard. */
  clear(): void {
    this.level = new Level();
    this.filled = this.chunks = 0;
    this.tell();
    this.draw();
  }

  private tell(): void {
    this.node.ariaValueNow = String(Math.round(this.filled * 100));
    this.node.ariaValueText = this.level.word;
  }

  private draw(): void {
    const filled = Math.round(this.filled * 100) / 100;
    if (filled === this.drawn) return;
    this.drawn = filled;
    this.stage.style.setProperty("--level", String(filled));
  }
}
