import type { PathMatch } from "../../../model/http/match.ts";

/** A place in the tree of paths: how what leads to it goes on, and which rules end here. Rules are numbers, in order. */
interface Node {
  label: string;
  /** By the first letter of their labels. */
  readonly children: Map<number, Node>;
  readonly exact: number[];
  /** Whole segments: they hold where the path ends here, or goes on with a slash. */
  readonly segments: number[];
  readonly letters: number[];
}

const nodeOf = (label: string): Node => ({
  label,
  children: new Map(),
  exact: [],
  segments: [],
  letters: [],
});

const slash = 0x2f;

/**
 * Finds which rules a path fits, by one walk down a radix tree: it takes as long as the path is, however many rules there
 * are. Built once for each host of a route table; never changed while it is asked.
 */
export class PathIndex {
  readonly #root = nodeOf("");

  /** @param rule greater than those that were added before. */
  add(kind: Exclude<PathMatch["kind"], "regex">, value: string, rule: number): void {
    const node = this.#nodeFor(value);
    if (kind === "exact") node.exact.push(rule);
    else if (kind === "prefix") node.segments.push(rule);
    else node.letters.push(rule);
  }

  /** @param into gets the lists of the rules whose path fits, none of them empty. */
  collect(path: string, into: (readonly number[])[]): void {
    let node: Node | undefined = this.#root;
    let at = 0;
    for (;;) {
      if (node.letters.length > 0) into.push(node.letters);
      const over = at === path.length;
      if (node.segments.length > 0 && (over || path.charCodeAt(at) === slash)) into.push(node.segments);
      if (over) {
        if (node.exact.length > 0) into.push(node.exact);
        return;
      }
      node = node.children.get(path.charCodeAt(at));
      if (node === undefined || !path.startsWith(node.label, at)) return;
      at += node.label.length;
    }
  }

  #nodeFor(value: string): Node {
    let node = this.#root;
    let at = 0;
    while (at < value.length) {
      const first = value.charCodeAt(at);
      const child = node.children.get(first);
      if (child === undefined) {
        const leaf = nodeOf(value.slice(at));
        node.children.set(first, leaf);
        return leaf;
      }
      const shared = sharedLength(child.label, value, at);
      node = shared === child.label.length ? child : split(node, child, shared);
      at += shared;
    }
    return node;
  }
}

function sharedLength(label: string, value: string, at: number): number {
  let length = 1;
  while (length < label.length && label[length] === value[at + length]) length++;
  return length;
}

/** @returns the new node between the two, which has the first letters of the child's label. */
function split(parent: Node, child: Node, length: number): Node {
  const middle = nodeOf(child.label.slice(0, length));
  parent.children.set(middle.label.charCodeAt(0), middle);
  child.label = child.label.slice(length);
  middle.children.set(child.label.charCodeAt(0), child);
  return middle;
}
