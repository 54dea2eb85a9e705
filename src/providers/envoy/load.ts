import { basename, dirname, resolve } from "node:path";
import { errorAt, type Finding, warningAt } from "../../lib/findings.ts";
import type { Model } from "../../model/model.ts";
import { ConfigError, type ConfigProblem, type EffectiveValue } from "../provider.ts";
import { readDefaults } from "../toml/defaults.ts";
import { type Input, readConfig } from "../toml/read.ts";
import { codeFrame, splitLines } from "../toml/report/frame.ts";
import { formatPath } from "../toml/tree.ts";
import { mapResources } from "./map/bootstrap.ts";
import type { Mapping } from "./map/context.ts";
import { localityName } from "./map/endpoints.ts";
import type { Node } from "./node.ts";
import { readMessage } from "./read/message.ts";
import { type ParsedYaml, parseYaml } from "./read/yaml.ts";
import { messageType } from "./schema/registry.ts";

export interface EnvoyOptions {
  /** The file, `-` for standard input. */
  readonly file: string;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly stdin?: Input;
  /** Whether standard output is a terminal, which decides how logs look by default. */
  readonly terminal?: boolean;
}

export interface LoadedEnvoy {
  readonly model: Model;
  /** Sorted by position; with errors too where they were to be tolerated. */
  readonly warnings: readonly ConfigProblem[];
  /** Absolute path of the file that was read, `-` for standard input. */
  readonly file: string;
  effective(): Promise<readonly EffectiveValue[]>;
}

/**
 * Reads and checks a bootstrap file of Envoy's, in YAML or JSON.
 * @param tolerant whether what umay can't do is left out and told among the warnings, instead of being an error.
 * @throws ConfigError with every problem at once.
 */
export async function loadEnvoy(options: EnvoyOptions, tolerant = false): Promise<LoadedEnvoy> {
  const { file, text, settings } = await readEnvoyFile(options);
  return { ...(await loadEnvoyText(text, settings, tolerant)), file };
}

/** The text of a file, and how it is read. @throws ConfigError where it can't be. */
export async function readEnvoyFile(
  options: EnvoyOptions,
): Promise<{ readonly file: string; readonly text: string; readonly settings: EnvoyTextOptions }> {
  const { env, cwd, terminal = process.stdout.isTTY === true } = options;
  const file = options.file === "-" ? "-" : resolve(cwd, options.file);
  const name = file === "-" ? "standard input" : basename(file);
  const text = await readConfig({ file, name }, options.stdin ?? process.stdin);
  const directory = file === "-" ? cwd : dirname(file);
  return { file, text, settings: { name, directory, env, terminal } };
}

export interface EnvoyTextOptions {
  /** The name of the text in problems. */
  readonly name: string;
  /** Absolute; relative paths in the text start here. */
  readonly directory: string;
  readonly env: NodeJS.ProcessEnv;
  readonly terminal: boolean;
}

/** As {@link loadEnvoy}: what comes from a control plane is not there. */
export async function loadEnvoyText(
  text: string,
  options: EnvoyTextOptions,
  tolerant = false,
): Promise<Omit<LoadedEnvoy, "file">> {
  const read = await readBootstrap(text, options);
  if (read.bootstrap.has("dynamic_resources"))
    read.mapping.report(
      (tolerant ? errorAt : warningAt)(
        read.bootstrap.at("dynamic_resources"),
        "what the control plane says is not known here",
      ),
    );
  const loaded = await mapBootstrap(read, tolerant);
  if (!read.mapping.isDynamic) return loaded;
  const { withNamedPools } = await import("../xds/merge.ts");
  return { ...loaded, model: withNamedPools(loaded.model, read.mapping.defaults.pool) };
}

/** A bootstrap file, checked against the tables. */
export interface ReadBootstrap {
  readonly bootstrap: Node;
  /** Of its own resources. */
  readonly mapping: Mapping;
  readonly parsed: ParsedYaml;
  readonly name: string;
  readonly text: string;
  /** The findings so far. */
  readonly findings: Finding[];
}

export async function readBootstrap(
  text: string,
  { name, directory, env, terminal }: EnvoyTextOptions,
): Promise<ReadBootstrap> {
  const parsed = parseYaml(text, name);
  const findings: Finding[] = [];
  const report = (finding: Finding): void => void findings.push(finding);
  const bootstrap = readMessage(
    messageType("envoy.config.bootstrap.v3.Bootstrap"),
    parsed.tree ?? {},
    [],
    report,
  );
  const fixed = bootstrap.node("static_resources");
  const secrets = new Map((fixed?.nodes("secrets") ?? []).map((secret) => [secret.text("name"), secret]));
  const mapping: Mapping = {
    defaults: await readDefaults(env, terminal),
    directory,
    env,
    report,
    isDynamic: bootstrap.has("dynamic_resources"),
    cluster: bootstrap.node("node")?.text("cluster") ?? "",
    zone: zoneOf(bootstrap),
    bind: bootstrap.node("cluster_manager")?.node("upstream_bind_config"),
    secret: (secret) => secrets.get(secret),
    routes: () => undefined,
    endpoints: () => undefined,
  };
  return { bootstrap, mapping, parsed, name, text, findings };
}

/** umay's own locality, where the file says which cluster has all umays. */
function zoneOf(bootstrap: Node): Mapping["zone"] {
  const peers = bootstrap.node("cluster_manager")?.text("local_cluster_name") ?? "";
  const node = bootstrap.node("node");
  return peers === "" || !node?.has("locality") ? undefined : { own: localityName(node), peers };
}

/**
 * Makes the model of a bootstrap file, without the resources that control planes send.
 * @param without listeners and clusters that are left out.
 * @throws ConfigError
 */
export async function mapBootstrap(
  { bootstrap, mapping, parsed, name, text, findings }: ReadBootstrap,
  tolerant: boolean,
  without: ReadonlySet<Node> = new Set(),
): Promise<Omit<LoadedEnvoy, "file">> {
  const fixed = bootstrap.node("static_resources");
  const kept = (field: string): readonly Node[] =>
    (fixed?.nodes(field) ?? []).filter((node) => !without.has(node));
  const resources = {
    listeners: kept("listeners"),
    clusters: kept("clusters"),
    admin: bootstrap.node("admin"),
  };
  const all = [...findings];
  const report = (finding: Finding): void => void all.push(finding);
  const model = await mapResources(resources, { ...mapping, report });
  const problems = locate(all, parsed, name, text);
  if (!tolerant && problems.some(({ severity }) => severity === "error")) throw new ConfigError(problems);
  return { model, warnings: problems, effective: async () => effectiveOf(parsed, name) };
}

/** Gives each finding its line and column; sorted by place, and each once. */
function locate(
  findings: readonly Finding[],
  parsed: ParsedYaml,
  name: string,
  text: string,
): readonly ConfigProblem[] {
  const lines = splitLines(text);
  const told = new Set<string>();
  const placed = findings.flatMap(({ severity, path, at, message, hint }) => {
    const range = parsed.rangeOf(path, at);
    const shown = formatPath(path);
    const key = JSON.stringify([shown, message]);
    if (told.has(key)) return [];
    told.add(key);
    const where = range === undefined ? name : `${name}:${range.line}:${range.column}`;
    const frame =
      range &&
      codeFrame(lines, {
        ...range,
        endLine: range.line === range.endLine ? range.endLine : range.line,
        endColumn: range.line === range.endLine ? range.endColumn : range.column + 1,
      });
    const problem: ConfigProblem = { severity, where, path: shown, message, hint, frame };
    return [{ problem, line: range?.line ?? 0, column: range?.column ?? 0 }];
  });
  placed.sort((a, b) => a.line - b.line || a.column - b.column);
  return placed.map(({ problem }) => problem);
}

/** Names of keys whose values are secrets. */
const secret = /^(inline_string|inline_bytes|inlineString|inlineBytes)$/;

/** Every value that the file has, with its place. Defaults are umay's and Envoy's, and not listed. */
function effectiveOf(parsed: ParsedYaml, name: string): readonly EffectiveValue[] {
  const values: EffectiveValue[] = [];
  const walk = (tree: unknown, path: readonly (string | number)[]): void => {
    if (typeof tree === "object" && tree !== null) {
      for (const [key, value] of Object.entries(tree))
        walk(value, [...path, Array.isArray(tree) ? Number(key) : key]);
      return;
    }
    const range = parsed.rangeOf(path, "value");
    const origin = range === undefined ? name : `${name}:${range.line}:${range.column}`;
    const hidden = secret.test(String(path.at(-1)));
    values.push({ key: formatPath(path), value: hidden ? "(not shown)" : tree, origin });
  };
  walk(parsed.tree, []);
  return values;
}
