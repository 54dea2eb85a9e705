import { describeReadError, readWhole } from "../../lib/read-file.ts";
import { FileWatch, stampOf } from "../../lib/watch-files.ts";
import { parseYaml } from "../envoy/read/yaml.ts";
import { nameOfAny } from "../envoy/schema/registry.ts";
import { ConfigError, type ProviderLogger } from "../provider.ts";
import { type Carrier, type CarrierEvents, takeAgain } from "./carrier.ts";
import { type Judge, type Kind, kindNames, kinds, type Received, Resources } from "./resources.ts";

/** Time that a writer has to finish, in milliseconds. */
const settle = 100;
/** A fault may be half a change: it counts when it is still there after this time, in milliseconds. */
const patience = 1_000;
/** Time between two looks, for file systems that don't report changes, in milliseconds. */
const poll = 5_000;
/** The largest file that is read, in bytes. */
const largest = 64 * 1024 * 1024;

export interface FileOptions extends CarrierEvents {
  /** Absolute. */
  readonly path: string;
  readonly judge: Judge;
  readonly logger?: ProviderLogger | undefined;
}

/**
 * Follows a file with a `DiscoveryResponse`, in YAML or JSON, as Envoy does (`path_config_source`). A file that can't be read
 * changes nothing, and a bad resource keeps its last good version.
 */
export class FileCarrier implements Carrier {
  readonly resources: ReadonlyMap<Kind, Resources> = new Map(
    kindNames.map((kind) => [kind, new Resources(kind)]),
  );
  readonly #options: FileOptions;
  #watch: FileWatch | undefined;
  #stamp: string | undefined;
  #problem: string | undefined;
  #since = 0;
  #told: string | undefined;
  #looked = false;
  /** Names were asked for since the file was read. */
  #isAsked = false;
  #stopped = false;
  /** The resources of the file as it was last read. */
  #found: ReadonlyMap<Kind, readonly Received[]> = new Map();

  constructor(options: FileOptions) {
    this.#options = options;
  }

  get complete(): boolean {
    return this.#looked && !this.#isAsked;
  }

  get unreachable(): boolean {
    return this.#problem !== undefined;
  }

  start(): void {
    if (this.#stopped || this.#watch !== undefined) return;
    const { path, logger } = this.#options;
    const onBlind = (error: Error): void =>
      logger?.warn(
        { file: path, err: error },
        `a folder can't be watched; it is looked at every ${poll / 1000} s`,
      );
    this.#watch = new FileWatch(
      () => [path],
      () => this.#look(),
      { settle, poll, onBlind },
    );
  }

  stop(): void {
    this.#stopped = true;
    this.#watch?.stop();
  }

  again(): Promise<void> {
    return takeAgain(this, this.#options);
  }

  ask(kind: Kind, more: readonly string[], less: readonly string[]): void {
    const resources = this.resources.get(kind)!;
    for (const name of less) resources.wanted.delete(name);
    for (const name of more) resources.wanted.add(name);
    resources.forget(less);
    if (more.length === 0) return;
    this.#isAsked = true;
    this.#stamp = undefined;
    this.#watch?.lookAgain(0);
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    const { path, logger } = this.#options;
    try {
      const stamp = await stampOf(path);
      if (stamp === this.#stamp || this.#stopped) return;
      const found = await readResources(path);
      if (typeof found === "string") return this.#suspect(found);
      this.#stamp = stamp;
      this.#problem = undefined;
      this.#told = undefined;
      this.#found = found;
      await this.#take();
    } catch (error) {
      logger?.warn(
        { file: path, err: error },
        "a file of resources can't be followed: this is a defect of umay",
      );
    }
  }

  async #take(): Promise<void> {
    const { path, judge, logger, taken } = this.#options;
    this.#isAsked = false;
    for (const kind of kindNames) {
      const resources = this.resources.get(kind)!;
      const received = this.#found.get(kind) ?? [];
      const { refusals, changes } = await resources.take(received, judge);
      const there = new Set(received.map(({ name }) => name));
      const known = kinds[kind].wildcard ? [...resources.names] : [...resources.wanted];
      const left = resources.gone(known.filter((name) => !there.has(name)));
      if (refusals.length > 0)
        logger?.warn(
          { file: path, kind, refusal: refusals.join("; ") },
          "resources of a file are refused; their last good version is served on",
        );
      taken(kind, [...changes, ...left]);
    }
    this.#looked = true;
    this.#options.looked();
  }

  #suspect(problem: string): void {
    const now = performance.now();
    if (this.#problem !== problem) this.#since = now;
    this.#problem = problem;
    this.#stamp = undefined;
    const left = this.#looked ? this.#since + patience - now : 0;
    if (left > 0) this.#watch?.lookAgain(left);
    if (left > 0 || this.#told === problem) return;
    this.#told = problem;
    this.#looked = true;
    this.#isAsked = false;
    const { path, logger, looked } = this.#options;
    logger?.warn({ file: path }, `${path} ${problem}; what was there before is served on`);
    looked();
  }
}

/** @returns the resources of a file by kind, or its fault as the end of a sentence that names it. */
async function readResources(path: string): Promise<ReadonlyMap<Kind, readonly Received[]> | string> {
  let text: string;
  try {
    text = (await readWhole(path, largest)).toString("utf8");
  } catch (error) {
    return describeReadError(error);
  }
  try {
    const { tree } = parseYaml(text, path);
    const response = tree as { readonly resources?: unknown } | null;
    if (!Array.isArray(response?.resources)) return "has no list named resources";
    return sorted(response.resources);
  } catch (error) {
    if (error instanceof ConfigError) return `can't be read: ${error.message}`;
    throw error;
  }
}

function sorted(list: readonly unknown[]): ReadonlyMap<Kind, readonly Received[]> | string {
  const found = new Map<Kind, Received[]>();
  for (const [index, each] of list.entries()) {
    const tree = unwrapped(each as Tree | null);
    const type = nameOfAny(String(tree?.["@type"]));
    const kind = kindNames.find((name) => kinds[name].type === type);
    if (kind === undefined)
      return `has a resource of another type than umay knows: resources[${index}], ${type}`;
    const name = String(tree?.["name"] ?? tree?.["cluster_name"] ?? tree?.["clusterName"] ?? "");
    const received = { name, version: "", bytes: Buffer.from(JSON.stringify(tree)), tree };
    const others = found.get(kind);
    if (others === undefined) found.set(kind, [received]);
    else others.push(received);
  }
  return found;
}

interface Tree {
  readonly [key: string]: unknown;
}

/** A resource may stand in a message that has its name and version. */
function unwrapped(tree: Tree | null): Tree | null {
  const isWrapped = nameOfAny(String(tree?.["@type"])) === "envoy.service.discovery.v3.Resource";
  return isWrapped ? ((tree?.["resource"] ?? null) as Tree | null) : tree;
}
