/** Draws the graph with cytoscape: nodes at their places, edges lit by a change of class. Nothing here runs by itself. */

import cytoscape from "cytoscape";

import { edgeClasses, nodeClasses } from "./look";
import type { Difference, Edge, Topology } from "./model";
import { GAP, NODE, place, type Places } from "./place";
import * as words from "./words";

/** What the drawing takes from the page's style sheet. */
interface Colours {
  readonly paper: string;
  readonly raised: string;
  readonly ink: string;
  readonly quiet: string;
  readonly line: string;
  readonly accent: string;
  readonly stop: string;
  readonly warn: string;
  readonly hearing: string;
}

export class Graph {
  private readonly cy: cytoscape.Core;
  private topology: Topology | null = null;
  private chosenPath: ReadonlySet<string> = new Set();
  private chosenNode: string | null = null;
  private places: Places = { of: new Map(), width: 0, height: 0 };

  constructor(
    private readonly box: HTMLElement,
    onNode: (id: string) => void,
  ) {
    holdStyleBack();
    this.cy = cytoscape({
      container: box,
      style: sheet(colours()),
      layout: { name: "preset" },
      // It stands still: who looks for a part finds it where it was.
      userZoomingEnabled: false,
      userPanningEnabled: false,
      boxSelectionEnabled: false,
      autoungrabify: true,
      autounselectify: true,
    });
    this.cy.on("tap", "node", (event) => {
      onNode((event.target as cytoscape.NodeSingular).id());
    });
    new ResizeObserver(() => {
      this.settle();
    }).observe(parentOf(box));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.cy.style(sheet(colours()));
    });
  }

  /** Brings the drawing to `topology`, of which `difference` is new. */
  show(topology: Topology, difference: Difference): void {
    this.topology = topology;
    this.cy.batch(() => {
      for (const id of [...difference.gone.edges, ...difference.gone.nodes]) this.cy.getElementById(id).remove();
      for (const id of difference.nodes) this.showNode(id);
      for (const id of difference.edges) this.showEdge(id);
    });
    if (difference.moved) this.settle();
  }

  /** Marks a call's path and a node, or none. */
  choose(path: readonly string[], node: string | null): void {
    const nodeBefore = this.chosenNode;
    this.chosenPath = new Set(path);
    this.chosenNode = node;
    this.cy.batch(() => {
      for (const id of this.topology?.edges.keys() ?? []) this.showEdge(id);
      for (const id of [nodeBefore, node]) if (id !== null) this.showNode(id);
    });
  }

  private showNode(id: string): void {
    const node = this.topology?.nodes.get(id);
    if (node === undefined) return;
    const classes = nodeClasses(node, id === this.chosenNode);
    const label = words.label(node);
    const drawn = this.cy.getElementById(id);
    if (drawn.empty()) {
      this.cy.add({ group: "nodes", data: { id, label }, classes });
      return;
    }
    if (drawn.data("label") !== label) drawn.data("label", label);
    drawn.classes(classes);
  }

  private showEdge(id: string): void {
    const edge = this.topology?.edges.get(id);
    if (edge === undefined) return;
    const part = this.chosenPath.size === 0 ? null : this.chosenPath.has(id) ? "in" : "out";
    const classes = edgeClasses(edge, this.isUpright(edge), part);
    const drawn = this.cy.getElementById(id);
    if (drawn.empty()) {
      this.cy.add({ group: "edges", data: { id, source: edge.source, target: edge.target }, classes });
      return;
    }
    drawn.classes(classes);
  }

  /** Whether it joins two nodes of one column. */
  private isUpright({ source, target }: Edge): boolean {
    return this.places.of.get(source)?.x === this.places.of.get(target)?.x;
  }

  /** Gives every node its place. */
  private settle(): void {
    if (this.topology === null) return;
    this.places = place(this.topology.nodes.values(), parentOf(this.box).clientWidth);
    this.box.style.width = `${this.places.width}px`;
    this.box.style.height = `${this.places.height}px`;
    this.cy.resize();
    this.cy.batch(() => {
      for (const id of this.topology?.edges.keys() ?? []) this.showEdge(id);
      for (const [id, position] of this.places.of) this.cy.getElementById(id).position({ ...position });
    });
    this.cy.viewport({ zoom: 1, pan: { x: 0, y: 0 } });
  }
}

/** Cytoscape writes a style element of its own unless one of this id is there. The page's content security policy
 * forbids that, and topology.css says the same. */
function holdStyleBack(): void {
  const mark = document.createElement("meta");
  mark.id = "__________cytoscape_stylesheet";
  document.head.append(mark);
}

function parentOf(box: HTMLElement): HTMLElement {
  const parent = box.parentElement;
  if (parent === null) throw new Error("the graph stands nowhere");
  return parent;
}

function colours(): Colours {
  const style = getComputedStyle(document.documentElement);
  const named = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    paper: named("paper"),
    raised: named("raised"),
    ink: named("ink"),
    quiet: named("quiet"),
    line: named("line"),
    accent: named("accent"),
    stop: named("stop"),
    warn: named("warn"),
    hearing: named("hearing"),
  };
}

function sheet(colour: Colours): cytoscape.StylesheetJson {
  return [
    {
      selector: "node",
      style: {
        shape: "round-rectangle",
        width: NODE.width,
        height: NODE.height,
        "background-color": colour.raised,
        "border-width": 1.5,
        "border-color": colour.line,
        label: "data(label)",
        color: colour.ink,
        "font-family": "system-ui, sans-serif",
        "font-size": 12,
        "text-valign": "center",
        "text-halign": "center",
        "text-wrap": "wrap",
        "text-max-width": `${NODE.width - 8}px`,
        "overlay-opacity": 0,
      },
    },
    { selector: "node.up", style: { "border-color": colour.accent } },
    { selector: "node.degraded", style: { "border-color": colour.warn, "border-width": 2.5 } },
    { selector: "node.down", style: { "border-color": colour.stop, "border-width": 2.5, color: colour.stop } },
    { selector: "node.absent", style: { "border-style": "dashed", color: colour.quiet, "background-color": colour.paper } },
    { selector: "node.unknown", style: { "border-style": "dotted", color: colour.quiet } },
    { selector: "node.chosen", style: { "border-width": 4 } },
    {
      selector: "edge",
      style: {
        "curve-style": "taxi",
        "taxi-direction": "horizontal",
        // Right behind the source, in the space between two columns.
        "taxi-turn": GAP / 2,
        width: 1,
        "line-color": colour.line,
        "overlay-opacity": 0,
      },
    },
    { selector: "edge.upright", style: { "taxi-direction": "vertical" } },
    { selector: "edge.lit", style: { "z-index": 1 } },
    { selector: "edge.one", style: { width: 2.5 } },
    { selector: "edge.some", style: { width: 4 } },
    { selector: "edge.many", style: { width: 6 } },
    { selector: "edge.record", style: { "line-color": colour.quiet } },
    { selector: "edge.tools", style: { "line-color": colour.warn } },
    { selector: "edge.hearing", style: { "line-color": colour.hearing } },
    { selector: "edge.speaking", style: { "line-color": colour.accent } },
    { selector: "edge.dim", style: { opacity: 0.2 } },
  ];
}
