import type { Finding } from "../../lib/findings.ts";
import { guardFiles } from "../../material/guards.ts";
import { listenerFiles, poolFiles } from "../../material/parts.ts";
import type { Pool } from "../../model/pool.ts";
import { mapCluster } from "../envoy/map/clusters.ts";
import type { Mapping } from "../envoy/map/context.ts";
import { type MappedListener, mapListener } from "../envoy/map/listeners.ts";
import { Node } from "../envoy/node.ts";

/** Another resource that was asked for while one was mapped. */
interface Need {
  readonly kind: "routes" | "secret" | "endpoints";
  readonly name: string;
  /** Undefined: it was not there. */
  readonly found: object | undefined;
}

/** The outcome of mapping a resource. */
export interface MappedResource<T> {
  /** Undefined: it can't be served, as the findings say, or it waits for something. */
  readonly value: T | undefined;
  readonly findings: readonly Finding[];
  /** The messages that the findings are about: its own, and those that it needs and that are there. */
  readonly sources: readonly Node[];
  /** The things that it needs and that are not there yet. */
  readonly missing: readonly string[];
}

/** The outcome of mapping a resource, and the conditions under which it holds. */
interface Known<T> extends MappedResource<T> {
  readonly needs: readonly Need[];
  /** Whether what was missing was not waited for. */
  readonly late: boolean;
}

/**
 * Maps resources, each once as long as nothing changes that it needs: of ten thousand clusters one changes at a time. One that
 * names files of certificates is mapped anew each time, because they may have changed.
 */
export class MappedResources<T> {
  readonly #map: (node: Node, mapping: Mapping) => Promise<T | undefined>;
  readonly #hasFiles: (value: T) => boolean;
  readonly #known = new WeakMap<Node, Known<T>>();

  private constructor(
    map: (node: Node, mapping: Mapping) => Promise<T | undefined>,
    hasFiles: (value: T) => boolean,
  ) {
    this.#map = map;
    this.#hasFiles = hasFiles;
  }

  static clusters(): MappedResources<Pool> {
    return new MappedResources<Pool>(mapCluster, (pool) => poolFiles(pool).length > 0);
  }

  static listeners(): MappedResources<MappedListener> {
    return new MappedResources<MappedListener>(
      (node, mapping) => mapListener(node, 0, mapping),
      ({ listener, tables }) =>
        listenerFiles(listener.tls).length > 0 ||
        tables.some(({ guards }) => guards.some((guard) => guardFiles(guard).length > 0)),
    );
  }

  /** @param late whether what is not there is not waited for any more. */
  async of(node: Node, mapping: Mapping, late: boolean): Promise<MappedResource<T>> {
    const known = this.#known.get(node);
    if (known !== undefined && known.late === late && isCurrent(known, mapping)) return known;
    const needs: Need[] = [];
    const findings: Finding[] = [];
    const noted = <Found extends object>(
      kind: Need["kind"],
      find: (name: string) => Found | undefined,
    ): typeof find => {
      return (name) => {
        const found = find(name);
        needs.push({ kind, name, found });
        return found;
      };
    };
    const value = await this.#map(node, {
      ...mapping,
      isLate: late,
      report: (finding) => void findings.push(finding),
      routes: noted("routes", mapping.routes),
      secret: noted("secret", mapping.secret),
      endpoints: noted("endpoints", mapping.endpoints),
    });
    const missing = needs
      .filter((need) => need.found === undefined)
      .map((need) => `${need.kind} ${need.name}`);
    const sources = [node, ...needs.flatMap(({ found }) => (found instanceof Node ? [found] : []))];
    const mapped = { value, findings, sources, missing, needs, late };
    if (value === undefined || !this.#hasFiles(value)) this.#known.set(node, mapped);
    else this.#known.delete(node);
    return mapped;
  }
}

const isCurrent = ({ needs }: Known<unknown>, mapping: Mapping): boolean =>
  needs.every(({ kind, name, found }) => mapping[kind](name) === found);
