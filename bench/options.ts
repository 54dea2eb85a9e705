import { parseArgs } from "node:util";
import { type Mode, modes } from "./peers/peer.ts";

export interface Options {
  readonly quick: boolean;
  /** Names of experiments; empty means all. */
  readonly only: readonly string[];
  /** Only experiments of this mode; undefined: of both. */
  readonly mode: Mode | undefined;
  /** Names of peers; empty means all that are installed. */
  readonly peers: readonly string[];
  readonly rounds: number;
  /** Of each measurement at full speed; undefined: as many as usual. */
  readonly seconds: number | undefined;
  /** Write the results into this file. */
  readonly json: string | undefined;
  /** Take the results from this file instead of measuring. */
  readonly from: string | undefined;
  readonly publish: boolean;
  /** The Node that runs umay and the bare relay. */
  readonly node: string;
  /** Other built checkouts of umay, to measure beside this one. */
  readonly also: readonly { readonly name: string; readonly folder: string }[];
  /** The one TLS 1.3 cipher suite that all clients offer. */
  readonly cipher: string;
  readonly peerLogs: boolean;
}

/** The peers that --quick measures unless --peers says otherwise. */
const quickPeers = ["umay", "haproxy", "nginx", "hitch"];

export const usage = `npm run bench -- [options]
  --quick               some minutes: one short round of ${quickPeers.join(", ")},
                        without tail, fairness, scaling, config, change and pickers
  --only NAME[,NAME]    these experiments only: bulk, medium, small, handshake, resume, upload, idle, startup, tail,
                        fairness, scaling, config, change, pickers;
                        of HTTP http-small, http-medium, http-bulk, http-upload, http-handshake, http-idle,
                        h2-small, h2-one, h2-medium, h2-idle, h2-streams;
                        with backends of HTTP/2 h2-to-h2
  --mode MODE           only the experiments of this mode: tcp, http, or http2 (backends of HTTP/2)
  --peers NAME[,NAME]   these only: umay, haproxy, haproxy-3.2, nginx, nginx-1.30, hitch, stunnel,
                        envoy, envoy-1.40, caddy, traefik, node-relay, http-proxy-3
  --rounds N            rounds per experiment (default 5, with --quick 1)
  --seconds N           of each measurement at full speed, and to warm up before the first (default 3 and 6): a busy
                        machine needs more
  --node PATH           run umay and the bare Node relay under this Node
  --also NAME=FOLDER    measure the built umay in another checkout too; may be repeated
  --cipher NAME         the one TLS 1.3 cipher suite that clients offer (default TLS_AES_256_GCM_SHA384, which
                        OpenSSL's clients prefer)
  --peer-logs           let the peers that can write a line per session, as umay always does
  --json FILE           save everything that was measured
  --from FILE           show (or publish) what --json saved, without measuring
  --publish             put the tables and the plot into docs/performance.md
`;

/** Throws, with a sentence for the user, when the arguments make no sense. */
export function parseOptions(args: readonly string[]): Options | "help" {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: "boolean", default: false },
      only: { type: "string" },
      mode: { type: "string" },
      peers: { type: "string" },
      rounds: { type: "string" },
      seconds: { type: "string" },
      node: { type: "string", default: process.execPath },
      also: { type: "string", multiple: true, default: [] },
      cipher: { type: "string", default: "TLS_AES_256_GCM_SHA384" },
      "peer-logs": { type: "boolean", default: false },
      json: { type: "string" },
      from: { type: "string" },
      publish: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return "help";
  return {
    quick: values.quick,
    only: names(values.only),
    mode: modeFrom(values.mode),
    peers: values.peers === undefined && values.quick ? quickPeers : names(values.peers),
    rounds: wholeFrom("--rounds", values.rounds ?? (values.quick ? "1" : "5")),
    seconds: values.seconds === undefined ? undefined : wholeFrom("--seconds", values.seconds),
    json: values.json,
    from: values.from,
    publish: values.publish,
    node: values.node,
    also: values.also.map(checkout),
    cipher: values.cipher,
    peerLogs: values["peer-logs"],
  };
}

/** Those of `all` that are named, or all when none is. Throws when a name is unknown. */
export function chosen<T extends { readonly name: string }>(
  names: readonly string[],
  all: readonly T[],
  option: string,
): readonly T[] {
  for (const name of names) {
    if (all.some((one) => one.name === name)) continue;
    throw new Error(`${option} ${name}: expected some of ${all.map((one) => one.name).join(", ")}`);
  }
  return all.filter(({ name }) => names.length === 0 || names.includes(name));
}

function names(list: string | undefined): string[] {
  return list === undefined ? [] : list.split(",").map((name) => name.trim());
}

function modeFrom(text: string | undefined): Mode | undefined {
  const mode = modes.find((known) => known === text);
  if (text !== undefined && mode === undefined)
    throw new Error(`--mode ${text}: expected one of ${modes.join(", ")}`);
  return mode;
}

function wholeFrom(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`${option} ${text}: expected a whole number from 1`);
  return value;
}

function checkout(text: string): { name: string; folder: string } {
  const [, name, folder] = /^([a-z0-9-]+)=(.+)$/.exec(text) ?? [];
  if (name === undefined || folder === undefined) throw new Error(`--also ${text}: expected NAME=FOLDER`);
  return { name, folder };
}
