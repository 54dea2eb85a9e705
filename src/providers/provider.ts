import type { Result } from "../lib/result.ts";
import type { Backend } from "../model/backend.ts";
import type { Model } from "../model/model.ts";
import type { EndpointsDiscovery } from "../model/pool.ts";

/**
 * A provider reads one form of configuration (a TOML file, say) and makes models of it. The control plane asks for a
 * proposal at the start, at each request for a reload, and when the provider has news.
 */
export interface Provider {
  /** The source of the configuration for the log: a file's absolute path, or `-` for standard input. */
  readonly source: string;
  /**
   * The newest configuration, whole and valid. A provider may leave out a part that it refuses, with a warning. This call
   * changes nothing: a caller may only want to see what would change.
   * @param onlyNews whether only the provider's own news are asked for: what it reads on request stays as it was read.
   * @throws ConfigError when umay can't run with the configuration, Error when the provider can't be reached.
   */
  propose(onlyNews?: boolean): Promise<Proposal>;
  /**
   * The part of the first proposal that can be served while something is waited for; a start asks for it before {@link propose},
   * unless it takes over from another umay. It has its own words for what is missing (`Model.incomplete`). Undefined, or
   * resolves to undefined, where nothing is waited for.
   * @throws ConfigError as {@link propose}.
   */
  early?(): Promise<Proposal | undefined>;
  /**
   * Calls `news` whenever there may be another proposal, until `signal` aborts. It may call as often as it likes: all calls
   * during one reload lead to one more. Undefined when the provider never has news.
   */
  watch?(news: () => void, signal: AbortSignal): void;
  /** Ends what proposals have started, such as a connection. Undefined where they start nothing. */
  close?(): void;
  /** Where it says what happens between proposals, from now on. Undefined when it has nothing to say. */
  logTo?(logger: ProviderLogger): void;
  /**
   * Follows the endpoints of a Service, for pools of its proposals that find their backends so. Undefined when it makes none.
   * @param changed called when there may be others, until `signal` aborts.
   * @returns gives the present ones; undefined: they are not known yet.
   */
  endpoints?(
    spec: EndpointsDiscovery,
    changed: () => void,
    signal: AbortSignal,
  ): () => readonly Backend[] | undefined;
  /** How it stands with each place that a control plane's resources come from. Undefined where there is none. */
  controlPlanes?(): readonly ControlPlaneReading[] | undefined;
  /** The view for people who know Envoy. Undefined where nothing of Envoy's is served. */
  readonly envoy?: EnvoyView | undefined;
  /** Every effective key of the served configuration, with its source. */
  effective(): Promise<readonly EffectiveValue[]>;
}

/** How it stands with one place that resources come from. */
export interface ControlPlaneReading {
  /** `ads`, `file:/etc/umay/cds.yaml`, or `stream:…`. */
  readonly place: string;
  /** The server that was connected last; undefined: none was. */
  readonly server: string | undefined;
  /** Undefined: it is a file. */
  readonly connected: boolean | undefined;
  /** The kinds of resources that it brings. */
  readonly kinds: readonly ResourceReading[];
}

/** How it stands with the resources of a kind. */
export interface ResourceReading {
  /** `cluster`, `endpoints`, `listener`, `routes` or `secret`. */
  readonly kind: string;
  /** Responses that were good as a whole, and those of which something was refused. */
  readonly accepted: number;
  readonly rejected: number;
  /** The last response: when it was taken, in milliseconds since 1970, and its names; undefined: none has come. */
  readonly last: { readonly at: number; readonly version: string; readonly nonce: string } | undefined;
  /** How many there are in their last good version, and how many that are asked for are not there. */
  readonly resources: number;
  readonly missing: number;
  /** Some that are refused, and why. */
  readonly refused: readonly { readonly name: string; readonly reason: string }[];
}

/** A configuration of Envoy's or of a control plane, as Envoy's admin server shows it. */
export interface EnvoyView {
  /** umay's own node, for `envoy.admin.v3.ServerInfo`. */
  node(): object;
  /** `envoy.admin.v3.ConfigDump` in JSON, without secrets. @param endpoints whether endpoints are in it, too. */
  dump(endpoints: boolean): Promise<object>;
  /** Counts of updates, by the names of Envoy's statistics. */
  stats(): ReadonlyMap<string, { readonly value: number; readonly type: "counter" | "gauge" }>;
}

/** A log, as far as providers use it. */
export interface ProviderLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** A whole, valid model that a provider wants to be served. */
export interface Proposal {
  readonly model: Model;
  /** Sorted by position. */
  readonly warnings: readonly ConfigProblem[];
  /** Every key that would be effective, with its source. */
  effective(): Promise<readonly EffectiveValue[]>;
  /**
   * Tells the provider the outcome of the proposal, once. It is not called for a dry run.
   * @param outcome the generation that is served now, even if nothing changed; or why the old configuration is served on.
   */
  heard(outcome: Result<number, string>): void;
}

/** A key with its effective value. */
export interface EffectiveValue {
  /** Dotted, as the configuration writes it. */
  readonly key: string;
  /** As the configuration would write it; undefined where the default depends on the machine. */
  readonly value?: unknown;
  /** `umay.toml:5:8`, the environment variable's name, or `default`. A list with several origins has all of them. */
  readonly origin: string;
  /** The default in words, where it depends on the machine. */
  readonly words?: string;
}

/** One fault of a configuration. */
export interface ConfigProblem {
  readonly severity: "error" | "warning";
  /** Where it is: `umay.toml:12:3`, or the environment variable's name. */
  readonly where: string;
  /** Dotted path of the key, as the configuration writes it; empty for all of it. */
  readonly path: string;
  /** The fault, the expected value, and what to do. */
  readonly message: string;
  /** A guess at the intended value, as a sentence: `did you mean "round-robin"?` */
  readonly hint: string | undefined;
  /** The lines around it with a marker, when a file has them. */
  readonly frame: string | undefined;
}

/** A configuration that umay can't run with. It has the warnings too, so that all problems are reported at once. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  /** At least one error; sorted by position. */
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(problemText).join("\n"));
    this.problems = problems;
  }
}

/** A problem in one line, without guess and frame; a warning says that it is one. */
export function problemText({ severity, where, path, message }: ConfigProblem): string {
  const mark = severity === "warning" ? "warning" : "";
  return [where, mark, path, message].filter(Boolean).join(": ");
}
