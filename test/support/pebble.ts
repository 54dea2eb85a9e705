import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createCertificate } from "../../src/cli/create-certificate.ts";
import { projectRoot } from "./command.ts";
import type { DnsServer } from "./dns-server.ts";
import { endWithTest } from "./end-with-test.ts";
import { freePorts } from "./free-ports.ts";

const version = "v2.10.3";
const folder = join(projectRoot, "node_modules/.cache/pebble");
const buildTime = 600_000;

/**
 * The program of Pebble, Let's Encrypt's authority for tests: that of `PEBBLE`, or one that Go builds, once.
 * @returns undefined where neither is there.
 */
export function findPebble(): string | undefined {
  const given = process.env["PEBBLE"];
  if (given !== undefined) return given;
  const program = join(folder, version, "pebble");
  if (existsSync(program)) return program;
  const env = { ...process.env, GOBIN: join(folder, version), GOFLAGS: "-p=1" };
  const module = `github.com/letsencrypt/pebble/v2/cmd/pebble@${version}`;
  mkdirSync(env.GOBIN, { recursive: true });
  const { status } = spawnSync("go", ["install", module], { env, timeout: buildTime, stdio: "ignore" });
  return status === 0 ? program : undefined;
}

/** Where Pebble finds whoever asks for certificates. */
export interface PebblePorts {
  readonly http: number;
  readonly tls: number;
}

/** A Pebble that refuses half of all nonces and takes its time. Its certificates are good for `lifetime` seconds. */
export class Pebble implements Disposable {
  readonly directory: string;
  /** The file of the CA of its own certificate. */
  readonly ca: string;
  readonly log: string[] = [];
  readonly #caPem: string;
  readonly #management: string;
  readonly #end: () => void;

  private constructor(
    { directory, management, ca, caPem }: Record<"directory" | "management" | "ca" | "caPem", string>,
    end: () => void,
  ) {
    this.directory = directory;
    this.ca = ca;
    this.#caPem = caPem;
    this.#management = management;
    this.#end = end;
  }

  /** @param dir for its files. */
  static async start(
    program: string,
    dir: string,
    dns: DnsServer,
    ports: PebblePorts,
    lifetime: number,
  ): Promise<Pebble> {
    const [acme, management] = (await freePorts(2)) as [number, number];
    const notAfter = new Date(Date.now() + 86_400_000);
    const issuer = await createCertificate({ commonName: "CA of Pebble", notAfter });
    const names = ["127.0.0.1", "localhost"];
    const leaf = await createCertificate({ commonName: "pebble", names, notAfter, issuer });
    const write = (name: string, text: string): string => {
      writeFileSync(join(dir, name), text);
      return join(dir, name);
    };
    const config = write(
      "pebble.json",
      JSON.stringify({
        pebble: {
          listenAddress: `127.0.0.1:${acme}`,
          managementListenAddress: `127.0.0.1:${management}`,
          certificate: write("pebble.pem", leaf.cert),
          privateKey: write("pebble.key", leaf.key),
          httpPort: ports.http,
          tlsPort: ports.tls,
          ocspResponderURL: "",
          externalAccountBindingRequired: false,
          retryAfter: { authz: 1, order: 1 },
          keyAlgorithm: "ecdsa",
          profiles: { default: { description: "for a test", validityPeriod: lifetime } },
        },
      }),
    );
    const env = {
      ...process.env,
      PEBBLE_WFE_NONCEREJECT: "50",
      PEBBLE_VA_SLEEPTIME: "2",
      PEBBLE_CHAIN_LENGTH: "2",
    };
    const args = ["-config", config, "-dnsserver", dns.address, "-strict"];
    const child = endWithTest(spawn(program, args, { env, stdio: ["ignore", "pipe", "inherit"] }));
    const ca = write("pebble-ca.pem", issuer.cert);
    const urls = {
      directory: `https://127.0.0.1:${acme}/dir`,
      management: `https://127.0.0.1:${management}`,
    };
    const pebble = new Pebble({ ...urls, ca, caPem: issuer.cert }, () => child.kill("SIGKILL"));
    const lines = createInterface({ input: child.stdout! });
    const listening = Promise.withResolvers<void>();
    lines.on("line", (line) => {
      pebble.log.push(line);
      if (line.includes("ACME directory available at")) listening.resolve();
    });
    lines.once("close", () => listening.reject(new Error(`Pebble does not start: ${pebble.log.join("\n")}`)));
    await listening.promise;
    return pebble;
  }

  /** The root of the certificates that it issues, PEM. */
  root(): Promise<string> {
    return this.#ask("/roots/0");
  }

  /** Whether a certificate is revoked, by its serial number. */
  async isRevoked(serial: string): Promise<boolean> {
    const answer = JSON.parse(await this.#ask(`/cert-status-by-serial/${serial.toLowerCase()}`));
    return answer.Status === "Revoked";
  }

  #ask(path: string): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const asked = request(`${this.#management}${path}`, { ca: this.#caPem, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      response.once("end", () => resolve(text));
    });
    asked.once("error", reject).end();
    return promise;
  }

  [Symbol.dispose](): void {
    this.#end();
  }
}
