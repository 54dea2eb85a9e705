import { errorAt, warningAt } from "../../../../lib/findings.ts";
import type { Guard } from "../../../../model/http/guard.ts";
import type { Node, UnknownExtension } from "../../node.ts";
import { whyNoExtension } from "../../schema/registry.ts";
import type { Mapping } from "../context.ts";
import { inOrder, type RouteParts } from "./parts.ts";
import { type AppliedFilter, applied, ignored } from "./registry.ts";

/** A filter of an `HttpConnectionManager`. */
export interface HttpFilter extends AppliedFilter {
  readonly name: string;
  readonly config: Node;
  /** Only where a route switches it on. */
  readonly isDisabled: boolean;
}

/** The guards of a table, as its filters make them. */
export class TableGuards {
  readonly guards = new Map<string, Guard>();
  readonly #made = new Map<Node, Map<string, Promise<Guard | undefined>>>();
  /** The `RateLimit`s of routes and hosts that a filter has asked for. */
  readonly asked = new Set<Node>();
  readonly #firstNames = new Map<Node, string>();
  readonly #read = new Map<Node, unknown>();
  /** By the name that is wanted: the last number that it got. */
  readonly #numbers = new Map<string, number>();
  readonly #table: string;

  constructor(table: string) {
    this.#table = table;
  }

  /**
   * The name of the guard that a message describes, which is made once.
   * @param kind the first part of its name. @param make gets the name, and that of the message's first guard.
   * @param variant of routes for which it is another guard. @returns undefined after an error.
   */
  async nameOf(
    from: Node,
    kind: "auth" | "faults" | "process" | "rate_limits" | "rules",
    label: string,
    make: (name: string, first: string) => Guard | undefined | Promise<Guard | undefined>,
    variant = "",
  ): Promise<string | undefined> {
    const variants = this.#made.get(from) ?? new Map<string, Promise<Guard | undefined>>();
    this.#made.set(from, variants);
    let made = variants.get(variant);
    if (made === undefined) {
      const name = this.#freeName(`${kind}.${this.#table}/${label}`);
      const first = this.#firstNames.get(from) ?? name;
      this.#firstNames.set(from, first);
      made = Promise.resolve(make(name, first));
      variants.set(variant, made);
      const guard = await made;
      if (guard !== undefined) this.guards.set(guard.name, guard);
    }
    return (await made)?.name;
  }

  /** The things that a filter reads in a message, which is read once, however many routes it is for. */
  once<T>(from: Node, read: () => T): T {
    if (!this.#read.has(from)) this.#read.set(from, read());
    return this.#read.get(from) as T;
  }

  #freeName(wanted: string): string {
    const nameAt = (number: number): string => (number === 1 ? wanted : `${wanted}#${number}`);
    let number = this.#numbers.get(wanted) ?? 1;
    while (this.guards.has(nameAt(number))) number++;
    this.#numbers.set(wanted, number);
    return nameAt(number);
  }
}

/** The filters of a connection manager that do something, in their order. */
export function readFilters(filters: readonly Node[], mapping: Mapping): readonly HttpFilter[] {
  const found: HttpFilter[] = [];
  for (const filter of filters) {
    const config = filter.extension("typed_config");
    const name = filter.text("name");
    const isDisabled = filter.flag("disabled") === true;
    if (config === undefined) {
      mapping.report(errorAt(filter.path, "has no typed_config"));
      continue;
    }
    const kind = "type" in config ? config.type.name : config.url;
    if (ignored.has(kind)) continue;
    const known = applied[kind];
    if (known !== undefined && "type" in config) found.push({ name, config, isDisabled, ...known });
    else if (!isDisabled) unknownFilter(filter, config, mapping);
  }
  return found;
}

function unknownFilter(filter: Node, config: Node | UnknownExtension, { report }: Mapping): void {
  const what = "type" in config ? config.type.name : config.url;
  const why = whyNoExtension(what);
  const message = `umay has no HTTP filter ${what}${why === undefined ? "" : `: ${why}`}`;
  if (filter.flag("is_optional") === true) report(warningAt(filter.path, `has no effect: ${message}`));
  else report(errorAt(filter.path, message));
}

/**
 * Lets filters change a route.
 * @param levels the route, its virtual host, its table: what the first of them says about a filter counts.
 */
export async function applyFilters(
  filters: readonly HttpFilter[],
  levels: readonly Node[],
  parts: RouteParts,
  guards: TableGuards,
  mapping: Mapping,
): Promise<void> {
  for (const filter of filters) {
    const { all, isDisabled } = overrideOf(filter, levels);
    if (isDisabled ?? filter.isDisabled) continue;
    for (const each of inOrder(parts))
      await filter.apply({ ...filter, own: all[0], all }, each, guards, mapping);
  }
}

const wrapper = "FilterConfig";

/** The words of a route about a filter. */
interface Override {
  /** Its settings, the most specific first. */
  readonly all: readonly Node[];
  /** Undefined: it says nothing. */
  readonly isDisabled?: boolean;
}

/** The most specific level that mentions a filter switches it on or off. */
function overrideOf({ name, override }: HttpFilter, levels: readonly Node[]): Override {
  const all: Node[] = [];
  let isMentioned = false;
  for (const level of levels) {
    const given = level.map("typed_per_filter_config").get(name);
    if (given === undefined || !("type" in given)) continue;
    const isDisabled = given.kind === wrapper && given.flag("disabled") === true;
    if (isDisabled && !isMentioned) return { all, isDisabled };
    isMentioned = true;
    const own = given.kind === wrapper ? given.extension("config") : given;
    // Another type is an error, which is told of by checkOverrides.
    if (own !== undefined && "type" in own && own.type.name === override) all.push(own);
  }
  return isMentioned ? { all, isDisabled: false } : { all };
}

/** Tells of settings of routes that nothing can be made of. @param manager undefined: nobody knows which filters there are. */
export function checkOverrides(level: Node, manager: Node | undefined, { report }: Mapping): void {
  const filters = manager?.nodes("http_filters");
  for (const [name, given] of level.map("typed_per_filter_config")) {
    const meant = filters?.filter((filter) => filter.text("name") === name);
    if (meant?.length === 0) {
      report(warningAt(given.path, `has no effect: there is no filter ${JSON.stringify(name)} here`));
      continue;
    }
    const own = "type" in given && given.kind === wrapper ? given.extension("config") : given;
    if (own === undefined || ("url" in own && own.url === "")) continue;
    if (!("type" in own)) report(errorAt(own.path, `umay has no ${own.url}${whyOf(own.url)}`));
    else for (const filter of meant ?? []) checkType(own, filter, report);
  }
}

function checkType(own: Node, filter: Node, report: Mapping["report"]): void {
  const config = filter.extension("typed_config");
  const expected = config !== undefined && "type" in config ? applied[config.type.name]?.override : undefined;
  if (expected !== undefined && own.type.name !== expected)
    report(errorAt(own.path, `expected ${expected}, got ${own.type.name}`));
}

const whyOf = (url: string): string => {
  const why = whyNoExtension(url);
  return why === undefined ? "" : `: ${why}`;
};
