import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Certificate } from "../certificate.ts";
import { find, freePort, nodeVersion, versionOf } from "../machine.ts";
import { accepting, type Command, type Running, start } from "../process.ts";

/** The ports of a proxy that is attacked: one listener with TLS, one without, and something that answers /livez. */
export interface Ports {
  readonly tls: number;
  readonly plain: number;
  readonly livez: number;
}

/** The things that an attack needs. */
export interface Scene {
  readonly folder: string;
  readonly certificate: Certificate;
  /** CPUs of the proxy; all else has the others. */
  readonly cpus: string;
}

/** The backends of both listeners, and of a third pool that nobody is sent to and that is checked. */
export interface Behind {
  readonly backend: number;
  readonly checked?: number;
}

export interface Target {
  readonly name: string;
  /** Undefined: not installed. */
  readonly version: string | undefined;
  command(folder: string, ports: Ports, behind: Behind, certificate: Certificate): Command;
}

const umayProgram = fileURLToPath(new URL("../../bin/umay.js", import.meta.url));
const lasting = 3600;

export const umay: Target = {
  name: "umay",
  version: `Node ${nodeVersion(process.execPath)}`,
  command(folder, { tls, plain, livez }, { backend, checked }, { cert, key }) {
    const health =
      'health = { type = "http", path = "/", interval = "100ms", timeout = "5s", expect_body = "ok" }';
    const pool = (name: string, port: number, more = ""): string =>
      `[pools.${name}]\n${more}\ndiscovery = { type = "static", backends = ["127.0.0.1:${port}"] }\n`;
    const file = join(folder, "umay.toml");
    writeFileSync(
      file,
      `workers = 1
      log = { level = "info", format = "json" }
      admin.bind = "127.0.0.1:${livez}"
      listeners.plain = { bind = "127.0.0.1:${plain}", pool = "app" }
      [listeners.tls]
      bind = "127.0.0.1:${tls}"
      pool = "app"
      tls.certificates = [{ cert = "${cert}", key = "${key}" }]
      ${pool("app", backend)}
      ${checked === undefined ? "" : pool("checked", checked, health)}`,
    );
    return { file: process.execPath, args: [umayProgram, "run", "--config", file] };
  },
};

export const haproxy: Target = {
  name: "HAProxy",
  version: versionOf("haproxy", ["-v"], /HAProxy version ([^\s-]+)/),
  command(folder, { tls, plain, livez }, { backend, checked }, { combined }) {
    const file = join(folder, "haproxy.cfg");
    writeFileSync(
      file,
      `global
  nbthread 1
  maxconn 5000
defaults
  mode tcp
  timeout connect 5s
  timeout client ${lasting}s
  timeout server ${lasting}s
frontend tls
  bind 127.0.0.1:${tls} ssl crt ${combined}
  default_backend app
frontend plain
  bind 127.0.0.1:${plain}
  default_backend app
frontend livez
  mode http
  bind 127.0.0.1:${livez}
  monitor-uri /livez
backend app
  server one 127.0.0.1:${backend}
${checked === undefined ? "" : `backend checked\n  mode http\n  option httpchk GET /\n  http-check expect string ok\n  timeout check 5s\n  server one 127.0.0.1:${checked} check inter 100ms\n`}`,
    );
    return { file: find("haproxy")!, args: ["-db", "-f", file] };
  },
};

/** A proxy that serves. */
export interface Attacked {
  readonly ports: Ports;
  readonly running: Running;
}

let launches = 0;

/** Starts a proxy, with a log file of its own. */
export async function launch(
  target: Target,
  { folder, certificate, cpus }: Scene,
  behind: Behind,
): Promise<Attacked> {
  const own = join(folder, `${target.name}-${++launches}`);
  mkdirSync(own);
  const ports = { tls: await freePort(), plain: await freePort(), livez: await freePort() };
  const command = target.command(own, ports, behind, certificate);
  const running = start(command, cpus, join(own, "output.log"));
  await accepting(running, ports.tls);
  await accepting(running, ports.livez);
  return { ports, running };
}
