import { errorAt } from "../../lib/findings.ts";
import type { Mapping } from "../envoy/map/context.ts";
import type { Node } from "../envoy/node.ts";
import { type Origin, type Reference, referencesOf } from "./origins.ts";

/** A resource of the configuration itself, and those that it names. */
interface OwnResource {
  readonly node: Node;
  readonly references: readonly Reference[];
}

/** The resources of the configuration itself that name others of control planes, and so wait for them as theirs do. */
export class OwnResources {
  /** Those that are served. */
  followed: readonly OwnResource[] = [];
  readonly #known = new WeakMap<Node, OwnResource>();
  readonly #isReachable: (origin: Origin) => boolean;

  constructor(isReachable: (origin: Origin) => boolean) {
    this.#isReachable = isReachable;
  }

  /** Finds them in a bootstrap file. */
  waitingIn({
    bootstrap,
    mapping,
  }: {
    readonly bootstrap: Node;
    readonly mapping: Mapping;
  }): ReadonlySet<Node> {
    const { directory, report } = mapping;
    const fixed = bootstrap.node("static_resources");
    const waiting = new Set<Node>();
    for (const node of [...(fixed?.nodes("listeners") ?? []), ...(fixed?.nodes("clusters") ?? [])]) {
      const references = referencesOf(node, { own: undefined, directory, report });
      if (references.length === 0) continue;
      if (node.text("name") === "")
        report(errorAt(node.path, "needs a name, because it waits for what a control plane sends"));
      this.#known.set(node, { node, references });
      waiting.add(node);
    }
    return waiting;
  }

  /** @returns references of those that were followed until now, and of those that are from now on. */
  follow(waiting: ReadonlySet<Node>): readonly [before: Reference[], now: Reference[]] {
    const before = this.#references();
    this.followed = [...waiting].flatMap((node) => this.#known.get(node) ?? []);
    return [before, this.#references()];
  }

  #references(): Reference[] {
    const named = this.followed.flatMap(({ references }) => references);
    return named.filter(({ origin }) => this.#isReachable(origin));
  }
}
