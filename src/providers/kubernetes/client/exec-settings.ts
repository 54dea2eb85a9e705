import { dirname, resolve } from "node:path";
import { type Table, tableOf, textOf } from "./table.ts";

/** A program that says who umay is (client-go credential plugins, `client.authentication.k8s.io`). */
export interface ExecSettings {
  readonly apiVersion: string;
  /** An absolute path, or a name that is looked for in `PATH`. */
  readonly command: string;
  readonly args: readonly string[];
  /** Beside umay's own environment. */
  readonly env: Readonly<Record<string, string>>;
  /** The cluster, where the program wants to know it. */
  readonly cluster: object | undefined;
  /** How to get the program, in its own words. */
  readonly installHint: string;
}

const group = "client.authentication.k8s.io";
const versions: readonly string[] = [`${group}/v1`, `${group}/v1beta1`];
const modes: readonly string[] = ["Never", "IfAvailable", "Always"];
const keys: ReadonlySet<string> = new Set([
  "apiVersion",
  "command",
  "args",
  "env",
  "installHint",
  "provideClusterInfo",
  "interactiveMode",
]);

/**
 * @param exec the key of a user. @param file of the kubeconfig: a command with a slash starts at its folder.
 * @param cluster its entry, with the CAs read. @throws Error that says what is wrong.
 */
export function readExec(
  exec: Table,
  file: string,
  cluster: { readonly entry: Table; readonly ca: string | undefined },
): ExecSettings {
  const unknown = Object.keys(exec).find((key) => !keys.has(key));
  if (unknown !== undefined) throw new Error(`umay can't do exec.${unknown} of a user`);
  const apiVersion = textOf(exec, "apiVersion");
  if (!versions.includes(apiVersion))
    throw new Error(
      `exec.apiVersion is ${JSON.stringify(apiVersion)}; umay can do ${versions.join(" and ")}`,
    );
  const command = textOf(exec, "command");
  if (command === "") throw new Error("exec has no command");
  // Only the older version has a default.
  const mode = textOf(exec, "interactiveMode") || (apiVersion === versions[1] ? "IfAvailable" : "");
  if (!modes.includes(mode))
    throw new Error(`exec.interactiveMode is ${JSON.stringify(mode)}; expected ${modes.join(", ")}`);
  if (mode === "Always")
    throw new Error("exec.interactiveMode is Always, and umay has no terminal to ask at");
  return {
    apiVersion,
    command: command.includes("/") ? resolve(dirname(file), command) : command,
    args: listOf(exec, "args").map((each) => {
      if (typeof each !== "string") throw new Error("exec.args has something that is no text");
      return each;
    }),
    env: Object.fromEntries(
      listOf(exec, "env").map((each) => [textOf(tableOf(each), "name"), textOf(tableOf(each), "value")]),
    ),
    cluster: exec["provideClusterInfo"] === true ? infoOf(cluster) : undefined,
    installHint: textOf(exec, "installHint").trim(),
  };
}

function listOf(table: Table, key: string): readonly unknown[] {
  const value = table[key] ?? [];
  if (!Array.isArray(value)) throw new Error(`exec.${key} is no list`);
  return value;
}

/** `Cluster` of `ExecCredentialSpec`. */
function infoOf({ entry, ca }: Parameters<typeof readExec>[2]): object {
  const extensions: readonly unknown[] = Array.isArray(entry["extensions"]) ? entry["extensions"] : [];
  const own = extensions.map(tableOf).find(({ name }) => name === `${group}/exec`);
  const name = textOf(entry, "tls-server-name");
  return {
    server: textOf(entry, "server"),
    ...(name !== "" && { "tls-server-name": name }),
    ...(ca !== undefined && { "certificate-authority-data": Buffer.from(ca).toString("base64") }),
    ...(own !== undefined && { config: own["extension"] ?? null }),
  };
}
