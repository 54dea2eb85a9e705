import type { RunOptions } from "../control/process/run.ts";
import type { TakeOverOffer } from "../control/process/take-over.ts";
import { formatAddress, type SocketAddress } from "../lib/address.ts";
import type { Provider } from "../providers/provider.ts";
import { exitCode, printError } from "./exit.ts";
import { type ConfigChoice, orExplain, providerOf } from "./load.ts";

export interface RunChoice {
  /** Whether the pretty form of the log has all fields of sessions. */
  readonly verbose: boolean;
  /** Whether to take over from the umay that runs. */
  readonly takeOver: boolean;
  /** Where that one has its admin server; undefined: where the configuration says. */
  readonly admin: string | undefined;
}

/** `umay run`: serves until it is drained, then ends the process. It returns only when it can't begin. */
export async function run(config: ConfigChoice, choice: RunChoice): Promise<number> {
  const provider = await providerOf(config);
  // Anything that a proposal has started would keep the process alive.
  using started = new DisposableStack();
  started.defer(() => provider.close?.());
  const begin = await orExplain(choice.takeOver ? allOf(provider) : partOf(provider));
  if (begin === undefined) return exitCode.badConfig;
  const { first } = begin;
  let takeOver: TakeOverOffer | undefined;
  if (choice.takeOver) {
    const offer = await askToTakeOver(choice.admin, first.model.admin?.bind);
    if (typeof offer === "number") return offer;
    takeOver = offer;
  }
  const { runUmay } = await import("../control/process/run.ts");
  const { discoverFor } = await import("./discover.ts");
  const { verbose } = choice;
  const discover = discoverFor(provider);
  const successor = successorOf(config, verbose);
  const code = await runUmay({ provider, ...begin, discover, verbose, takeOver, successor });
  // A log without a reader would keep the process alive.
  process.exit(code);
}

type Begin = Pick<RunOptions, "first" | "whole">;

const allOf = async (provider: Provider): Promise<Begin> => ({ first: await provider.propose() });

/** Where something is waited for, umay starts with the part that does not need it. */
async function partOf(provider: Provider): Promise<Begin> {
  const first = await provider.early?.();
  return first === undefined ? allOf(provider) : { first, whole: () => provider.propose() };
}

/** @returns the exit code where there is nobody to take over from; the reason was written to standard error. */
async function askToTakeOver(
  admin: string | undefined,
  own: SocketAddress | undefined,
): Promise<TakeOverOffer | number> {
  const where = admin ?? (own && formatAddress(ownMachine(own)));
  if (where === undefined) {
    printError(
      "--take-over asks the umay that runs, by its admin server: add [admin], or name it with --admin",
    );
    return exitCode.usage;
  }
  const { withAdmin } = await import("./admin-client.ts");
  let offer: TakeOverOffer | undefined;
  const request = { path: "/take-over", method: "POST" } as const;
  const code = await withAdmin<TakeOverOffer>({ admin: where }, request, (answer) => {
    offer = answer;
  });
  return offer ?? code;
}

function successorOf({ config, envoyConfig }: ConfigChoice, verbose: boolean): RunOptions["successor"] {
  if (config === "-" || envoyConfig === "-") return undefined;
  const words = ["run"];
  if (config !== undefined) words.push("--config", config);
  if (envoyConfig !== undefined) words.push("--envoy-config", envoyConfig);
  if (verbose) words.push("--verbose");
  return (admin) => [...words, "--take-over", "--admin", formatAddress(ownMachine(admin))];
}

/** A server that listens on every address of its machine is asked on that one. */
function ownMachine(bind: SocketAddress): SocketAddress {
  if (bind.kind === "unix") return bind;
  return { ...bind, host: bind.host === "0.0.0.0" ? "127.0.0.1" : bind.host === "::" ? "::1" : bind.host };
}
