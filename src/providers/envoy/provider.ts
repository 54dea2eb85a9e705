import { isDeepStrictEqual } from "node:util";
import type { EffectiveValue, EnvoyView, Proposal, Provider } from "../provider.ts";
import type { Driven } from "../xds/driven.ts";
import { DrivenProvider } from "../xds/driven-provider.ts";
import { waitingFor } from "../xds/waiting.ts";
import {
  type EnvoyOptions,
  type LoadedEnvoy,
  mapBootstrap,
  type ReadBootstrap,
  readBootstrap,
  readEnvoyFile,
} from "./load.ts";
import type { Node } from "./node.ts";

/** A bootstrap file that was read, with the control planes that it names; undefined: none. */
interface Read extends ReadBootstrap {
  readonly driven: Driven | undefined;
  /** The resources that wait for others of a control plane. */
  readonly waiting: ReadonlySet<Node>;
  /** All of it but what comes from control planes. It is without faults. */
  readonly own: Omit<LoadedEnvoy, "file">;
}

/** A bootstrap file of Envoy's, and the control planes that it names. The file is read on request. */
export class EnvoyProvider extends DrivenProvider implements Provider {
  readonly #options: EnvoyOptions;
  #file: string | undefined;
  #served: LoadedEnvoy | undefined;
  /** Read, and not proposed yet. */
  #early: Read | undefined;
  /** The file as it is served; before anything is, as it was read first. */
  #read: Read | undefined;
  /** Whether something is served. */
  #isServing = false;
  /** The part of the file that named the control planes which are asked. */
  #drivenBy: unknown;

  constructor(options: EnvoyOptions) {
    super();
    this.#options = options;
  }

  get source(): string {
    return this.#file ?? this.#options.file;
  }

  async early(): Promise<Proposal | undefined> {
    this.isAlone = true;
    const read = await this.#readAgain();
    this.#early = read;
    this.#read = read;
    return read.driven && waitingFor(read.driven.source.names, read.own);
  }

  /** @param onlyNews whether control planes alone have news: the file counts as it is served. */
  async propose(onlyNews = false): Promise<Proposal> {
    const read = (onlyNews ? this.#read : undefined) ?? this.#early ?? (await this.#readAgain());
    this.#early = undefined;
    if (!this.#isServing && this.driven === undefined && read.driven !== undefined) {
      this.#drivenBy = namesOf(read);
      this.drive(read.driven);
      await read.driven.begin(read.own.model, read.waiting);
    }
    const driven = this.driven ?? read.driven;
    // Files that it names may have changed since it was read.
    const isKnown = !onlyNews && read.waiting.size === 0;
    const mapped = isKnown ? read.own : await mapBootstrap(read, false, read.waiting);
    const completed = await driven?.complete(mapped.model, read.waiting);
    const { model } = completed ?? mapped;
    const loaded: LoadedEnvoy = { ...read.own, model, file: this.source };
    this.#served ??= loaded;
    this.#read ??= read;
    const heard: Proposal["heard"] = ({ ok }) => {
      if (!ok) return;
      this.#isServing = true;
      this.#served = loaded;
      if (read !== this.#read) this.#follow(read);
      this.#read = read;
      completed?.serves();
    };
    return { model, warnings: loaded.warnings, effective: loaded.effective, heard };
  }

  async #readAgain(): Promise<Read> {
    if (this.#file === "-")
      throw new Error(
        "the configuration came from standard input, which cannot be read again; start umay with a file",
      );
    const { file, text, settings } = await readEnvoyFile({
      ...this.#options,
      file: this.#file ?? this.#options.file,
    });
    const read = await readBootstrap(text, settings);
    const driven = await this.#drivenOf(read);
    const waiting = (this.driven ?? driven)?.source.waitingIn(read) ?? new Set();
    const own = await mapBootstrap(read, false);
    this.#file = file;
    return { ...read, driven, waiting, own };
  }

  /** The control planes that a file names. Nobody is asked yet. */
  async #drivenOf({ bootstrap, mapping }: ReadBootstrap): Promise<Driven | undefined> {
    if (!bootstrap.has("dynamic_resources")) return undefined;
    // A start without a control plane pays nothing for it.
    const { drivenBy } = await import("../xds/bootstrap-source.ts");
    return drivenBy(bootstrap, mapping, this.board, this.notices);
  }

  /** Another file is served: control planes are asked that it is the first to name. */
  #follow(read: Read): void {
    const { own, waiting, driven } = read;
    if (this.driven !== undefined) {
      this.driven.source.follow(waiting);
      if (!isDeepStrictEqual(namesOf(read), this.#drivenBy))
        this.notices.warn({}, "changes of node and dynamic_resources count from the next start on");
    } else if (driven !== undefined) {
      this.#drivenBy = namesOf(read);
      this.drive(driven);
      driven
        .begin(own.model, waiting, false)
        .catch((error: Error) =>
          this.notices.warn({ err: error }, "the control plane can't be asked: this is a defect of umay"),
        );
    }
  }

  get envoy(): EnvoyView {
    return this.view(
      () => ({ id: this.#read?.bootstrap.node("node")?.text("id") ?? "" }),
      () => this.#read?.bootstrap,
    );
  }

  async effective(): Promise<readonly EffectiveValue[]> {
    return (await this.#served?.effective()) ?? [];
  }
}

/** The part of a file that names control planes, and umay to them. */
function namesOf({ parsed }: ReadBootstrap): unknown {
  const { dynamic_resources, dynamicResources, node } = parsed.tree as Readonly<Record<string, unknown>>;
  return [dynamic_resources ?? dynamicResources, node];
}
