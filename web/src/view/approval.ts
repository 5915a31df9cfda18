/** Asks for the person's consent to a tool: the question, two buttons, and how long an answer counts. */

import type { Approval } from "../call/events";
import { element, setText } from "./element";

export type OnAnswer = (approval: string, approve: boolean) => void;

const SECOND_MS = 1_000;

export class ApprovalCard {
  readonly node = element("div", "approval", "");
  private readonly question = element("p", "question", "");
  // A timer is not announced as it counts.
  private readonly left = element("span", "left", "");
  private readonly buttons: HTMLButtonElement[];
  private shown: Approval | null = null;
  private closesAt = 0;
  private ticking: number | undefined;

  constructor(onAnswer: OnAnswer) {
    this.node.setAttribute("role", "group");
    this.left.setAttribute("role", "timer");
    this.node.dataset.testid = "approval";
    this.buttons = [true, false].map((approve) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = approve ? "Approve" : "Deny";
      button.dataset.testid = approve ? "approve" : "deny";
      button.addEventListener("click", () => {
        if (this.shown === null) return;
        // The gateway tells what became of it; until then one answer is enough.
        for (const each of this.buttons) each.disabled = true;
        onAnswer(this.shown.id, approve);
      });
      return button;
    });
    this.node.append(this.question, ...this.buttons, this.left);
  }

  show(approval: Approval): void {
    const before = this.shown;
    this.shown = approval;
    if (before?.id === approval.id && before.tries === approval.tries) return;
    setText(this.question, approval.question);
    this.node.ariaLabel = approval.question;
    for (const each of this.buttons) each.disabled = false;
    this.closesAt = performance.now() + approval.openMs;
    window.clearInterval(this.ticking);
    this.ticking = window.setInterval(() => {
      this.tick();
    }, SECOND_MS);
    this.tick();
  }

  /** The question is answered, or was let go. */
  remove(): void {
    window.clearInterval(this.ticking);
    // Whoever pressed by the keyboard goes on at the tool that they pressed for.
    const next = this.node.contains(document.activeElement) ? this.node.parentElement?.querySelector("summary") : null;
    this.node.remove();
    next?.focus({ preventScroll: true });
  }

  private tick(): void {
    const seconds = Math.max(0, Math.ceil((this.closesAt - performance.now()) / SECOND_MS));
    setText(this.left, `${String(seconds)} s left`);
    // A call that ended takes its conversation off the page.
    if (!this.node.isConnected && seconds === 0) window.clearInterval(this.ticking);
  }
}
