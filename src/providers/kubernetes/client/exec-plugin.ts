import { type ProgramRun, runProgram } from "../../../lib/program.ts";
import type { ExecSettings } from "./exec-settings.ts";
import { tableOf, textOf } from "./table.ts";

/** That by which an API server knows who asks. */
export interface Credential {
  readonly token: string | undefined;
  /** PEM. */
  readonly certificate: { readonly cert: string; readonly key: string } | undefined;
}

interface Held extends Credential {
  /** Until when it counts, in milliseconds since 1970. */
  readonly until: number;
}

type RunLimits = Pick<ProgramRun, "timeout" | "mostOutput">;

const usualLimits: RunLimits = { timeout: 60_000 };

/**
 * A program is run no sooner again, whether it has failed, the server refuses what it says, or that has expired by this machine's
 * clock; in milliseconds.
 */
const leastPause = 5_000;
/** A credential counts no longer so shortly before its end, in milliseconds. */
const margin = 5_000;

/** Asks a program who umay is: at the first request, when that has expired, and when the server refuses it. */
export class ExecPlugin {
  readonly #settings: ExecSettings;
  readonly #limits: RunLimits;
  readonly #now: () => number;
  #held: Held | undefined;
  #failure: Error | undefined;
  #ranAt = Number.NEGATIVE_INFINITY;
  /** All requests wait for the same run. */
  #running: Promise<Credential> | undefined;

  /** @param now in milliseconds since 1970. */
  constructor(settings: ExecSettings, limits = usualLimits, now: () => number = Date.now) {
    this.#settings = settings;
    this.#limits = limits;
    this.#now = now;
  }

  /** The present one. @throws Error that names the program, where it gives none. */
  async credential(): Promise<Credential> {
    const now = this.#now();
    const hasJustRun = this.#hasJustRun(now);
    if (this.#held !== undefined && (now < this.#held.until || hasJustRun)) return this.#held;
    if (this.#running === undefined && hasJustRun && this.#failure !== undefined) throw this.#failure;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** The server refused it: the program is run before the next request, unless it has just been. */
  refused(): void {
    if (!this.#hasJustRun(this.#now())) this.#held = undefined;
  }

  /** A clock that was set back does not put the next run off. */
  #hasJustRun(now: number): boolean {
    return now >= this.#ranAt && now - this.#ranAt < leastPause;
  }

  async #run(): Promise<Credential> {
    const { apiVersion, command, args, env, cluster, installHint } = this.#settings;
    const spec = { interactive: false, ...(cluster !== undefined && { cluster }) };
    const info = JSON.stringify({ apiVersion, kind: "ExecCredential", spec });
    try {
      const answer = await runProgram({
        command: [command, ...args],
        environment: { ...process.env, ...env, KUBERNETES_EXEC_INFO: info },
        folder: ".",
        isSecret: true,
        ...this.#limits,
      });
      this.#held = readCredential(answer, apiVersion);
      this.#failure = undefined;
      return this.#held;
    } catch (error) {
      this.#held = undefined;
      const { code } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException;
      const hint = code === "ENOENT" && installHint !== "" ? `; ${installHint}` : "";
      const message = `kubernetes: ${command} says no credential: ${(error as Error).message}${hint}`;
      this.#failure = new Error(message, { cause: error });
      throw this.#failure;
    } finally {
      this.#ranAt = this.#now();
    }
  }
}

/** @param text an `ExecCredential` in JSON. @throws where it is none that can be used; without a word of what it has. */
function readCredential(text: string, apiVersion: string): Held {
  const tree = tableOf(parsed(text));
  if (tree["kind"] !== "ExecCredential") throw new Error("its answer is no ExecCredential in JSON");
  if (tree["apiVersion"] !== apiVersion)
    throw new Error(`its answer is of ${JSON.stringify(tree["apiVersion"])}, not ${apiVersion}`);
  const status = tableOf(tree["status"]);
  const token = textOf(status, "token") || undefined;
  const cert = textOf(status, "clientCertificateData");
  const key = textOf(status, "clientKeyData");
  if ((cert === "") !== (key === ""))
    throw new Error("its answer has one of clientCertificateData and clientKeyData; it needs both");
  const certificate = cert === "" ? undefined : { cert, key };
  if (token === undefined && certificate === undefined)
    throw new Error("its answer has neither a token nor a certificate");
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token))
    throw new Error("its token has characters that no header can have");
  const expiry = textOf(status, "expirationTimestamp");
  const until = expiry === "" ? Number.POSITIVE_INFINITY : Date.parse(expiry) - margin;
  if (Number.isNaN(until)) throw new Error("its expirationTimestamp is no time");
  return { token, certificate, until };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
