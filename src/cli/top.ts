import { setTimeout as sleep } from "node:timers/promises";
import type { Status } from "../control/tell/status/status.ts";
import { formatAddress, type SocketAddress } from "../lib/address.ts";
import { type AdminChoice, askAdmin, findAdmin, noAnswer } from "./admin-client.ts";
import { exitCode, printError } from "./exit.ts";
import { renderTop } from "./top-view.ts";

export interface TopOptions extends AdminChoice {
  /** In milliseconds. */
  readonly interval: number;
  /** How many frames to show; undefined: on a terminal without end, elsewhere one. */
  readonly count?: number;
}

/* ECMA-48 and what xterm adds: another screen, no cursor; to the top left; to the end of the line; to the end of the screen. */
const enter = "\u001b[?1049h\u001b[?25l";
const leave = "\u001b[?25h\u001b[?1049l";
const home = "\u001b[H";
const clearLine = "\u001b[K";
const clearBelow = "\u001b[J";

/** The bytes of q, Q, Ctrl-C and Ctrl-D. */
const leaving: ReadonlySet<number> = new Set([0x71, 0x51, 0x03, 0x04]);

/** A look at a umay, or why there is none. */
type Look =
  | { readonly at: number; readonly status: Status }
  | { readonly at: number; readonly error: string };

/** `umay top`: a live view of a running umay, until q or Ctrl-C. */
export async function top({ interval, count, ...choice }: TopOptions): Promise<number> {
  const address = await findAdmin(choice);
  if (address === undefined) return exitCode.badConfig;
  const first = await look(address);
  if ("error" in first) {
    printError(first.error);
    return exitCode.failed;
  }
  const { stdout } = process;
  if (!stdout.isTTY) return printFrames(address, first, interval, count ?? 1);
  const screen = new Screen(address, first);
  try {
    for (let shown = 1; shown !== count && !screen.isLeft; shown++) {
      await screen.wait(interval);
      if (!screen.isLeft) screen.show(await look(address));
    }
    return exitCode.good;
  } finally {
    screen.close();
  }
}

async function look(address: SocketAddress): Promise<Look> {
  try {
    const { status, body } = await askAdmin(address, "/status");
    if (status === 200) return { at: performance.now(), status: JSON.parse(body) as Status };
    return { at: performance.now(), error: `${formatAddress(address)} answers with ${status}` };
  } catch (error) {
    return { at: performance.now(), error: noAnswer(formatAddress(address), error as Error) };
  }
}

/** Where nobody looks at a screen: frames as text, with rates, one after the other. */
async function printFrames(
  address: SocketAddress,
  first: Extract<Look, { status: Status }>,
  interval: number,
  count: number,
): Promise<number> {
  let before = first;
  for (let shown = 0; shown < count; shown++) {
    await sleep(interval);
    const next = await look(address);
    if ("error" in next) {
      printError(next.error);
      return exitCode.failed;
    }
    const size = { columns: Number.POSITIVE_INFINITY, rows: Number.POSITIVE_INFINITY, color: false };
    const seconds = (next.at - before.at) / 1000;
    const lines = renderTop({ status: next.status, before: before.status, seconds, ...size });
    process.stdout.write(`${shown === 0 ? "" : "\n"}${lines.join("\n")}\n`);
    before = next;
  }
  return exitCode.good;
}

/** A terminal that is given back as it was, whatever ends the view. */
class Screen {
  readonly #address: SocketAddress;
  #last: Extract<Look, { status: Status }>;
  #before: Extract<Look, { status: Status }> | undefined = undefined;
  #error: Extract<Look, { error: string }> | undefined = undefined;
  readonly #left = new AbortController();

  constructor(address: SocketAddress, first: Extract<Look, { status: Status }>) {
    this.#address = address;
    this.#last = first;
    process.stdout.write(enter);
    process.stdout.on("resize", this.#draw);
    // Raw, so that a key counts without Enter; then Ctrl-C is a key, too.
    if (process.stdin.isTTY) process.stdin.setRawMode(true);
    process.stdin.on("data", this.#onKeys);
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, this.#leave);
    this.#draw();
  }

  get isLeft(): boolean {
    return this.#left.signal.aborted;
  }

  /** @param time in milliseconds, or until the view is left. */
  async wait(time: number): Promise<void> {
    await sleep(time, undefined, { signal: this.#left.signal }).catch(() => {});
  }

  show(next: Look): void {
    if ("error" in next) this.#error = next;
    else {
      // A umay that was started anew counts from the start.
      const same = next.status.pid === this.#last.status.pid;
      this.#before = same ? this.#last : undefined;
      this.#last = next;
      this.#error = undefined;
    }
    this.#draw();
  }

  close(): void {
    process.stdout.removeListener("resize", this.#draw);
    process.stdin.removeListener("data", this.#onKeys).pause();
    if (process.stdin.isTTY) process.stdin.setRawMode(false);
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
      process.removeListener(signal, this.#leave);
    process.stdout.write(leave);
  }

  readonly #leave = (): void => this.#left.abort();

  readonly #onKeys = (keys: Buffer): void => {
    if (keys.some((key) => leaving.has(key))) this.#leave();
  };

  readonly #draw = (): void => {
    // A terminal that does not know its size says 0.
    const columns = process.stdout.columns || 80;
    const rows = process.stdout.rows || 24;
    const { status, at } = this.#last;
    const seconds = this.#before === undefined ? 0 : (at - this.#before.at) / 1000;
    const color = process.stdout.hasColors?.() ?? false;
    const size = { columns, rows: Math.max(1, rows - 1), color };
    const lines = renderTop({ status, before: this.#before?.status, seconds, ...size });
    const last = this.#error === undefined ? `q leaves; ${formatAddress(this.#address)}` : this.#error.error;
    const all = [
      ...lines,
      ...Array.from({ length: size.rows - lines.length }, () => ""),
      last.slice(0, columns),
    ];
    process.stdout.write(home + all.map((line) => line + clearLine).join("\n") + clearBelow);
  };
}
