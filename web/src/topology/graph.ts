/**
 * Draws the graph: its edges with cytoscape, lit by a change of class; its nodes as buttons over them.
 *
 * Whatever changes on the canvas has all of it drawn anew: with sixty nodes and their text 14 ms of script, measured at a
 * load average of 7, where all that a change costs now is 3.
 */

import cytoscape from "cytoscape";

import { edgeClasses } from "./look";
import type { Difference, Edge, Topology } from "./model";
import { Nodes } from "./nodes";
import { GAP, NODE, place, type Places } from "./place";

/** What the drawing takes from the page's style sheet. */
const COLOURS = ["line", "quiet", "accent", "warn", "hearing"] as const;
type Colours = Readonly<Record<(typeof COLOURS)[number], string>>;

export class Graph {
  private readonly cy: cytoscape.Core;
  private readonly nodes: Nodes;
  private topology: Topology | null = null;
  private chosenPath: ReadonlySet<string> = new Set();
  private places: Places = { of: new Map(), width: 0, height: 0 };

  /**
   * @param box as large as the graph
   * @param canvas fills it, for the edges
   * @param list fills it too, for the nodes
   */
  constructor(
    private readonly box: HTMLElement,
    canvas: HTMLElement,
    list: HTMLElement,
    onNode: (id: string) => void,
  ) {
    this.nodes = new Nodes(list, onNode);
    holdStyleBack();
    this.cy = cytoscape({
      container: canvas,
      style: sheet(colours()),
      layout: { name: "preset" },
      // It stands still: who looks for a part finds it where it was.
      userZoomingEnabled: false,
      userPanningEnabled: false,
      boxSelectionEnabled: false,
      autoungrabify: true,
      autounselectify: true,
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
    for (const id of difference.gone.nodes) this.nodes.remove(id);
    this.cy.batch(() => {
      for (const id of [...difference.gone.edges, ...difference.gone.nodes]) this.cy.getElementById(id).remove();
      for (const id of difference.nodes) this.showNode(id);
      for (const id of difference.edges) this.showEdge(id);
    });
    if (difference.moved) this.settle();
  }

  /** Marks a call's path and a node, or none. */
  choose(path: readonly string[], node: string | null): void {
    this.chosenPath = new Set(path);
    this.nodes.choose(node);
    this.cy.batch(() => {
      this.showEdges();
    });
  }

  private showNode(id: string): void {
    const node = this.topology?.nodes.get(id);
    if (node === undefined) return;
    this.nodes.show(node);
    if (this.cy.getElementById(id).empty()) this.cy.add({ group: "nodes", data: { id } });
  }

  private showEdges(): void {
    for (const id of this.topology?.edges.keys() ?? []) this.showEdge(id);
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
      this.showEdges();
      for (const [id, position] of this.places.of) this.cy.getElementById(id).position({ ...position });
    });
    this.cy.viewport({ zoom: 1, pan: { x: 0, y: 0 } });
    this.nodes.place(this.places);
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
  return Object.fromEntries(COLOURS.map((name) => [name, style.getPropertyValue(`--${name}`).trim()])) as Colours;
}

function sheet(colour: Colours): cytoscape.StylesheetJson {
  return [
    // It takes the room of its button, so that edges end there.
    { selector: "node", style: { shape: "rectangle", width: NODE.width, height: NODE.height, visibility: "hidden" } },
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
