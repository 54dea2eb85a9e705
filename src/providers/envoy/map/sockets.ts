import { isIP } from "node:net";
import { errorAt, warningAt } from "../../../lib/findings.ts";
import type { Pool } from "../../../model/pool.ts";
import type { Node } from "../node.ts";
import type { Mapping } from "./context.ts";

/** Any address is none to bind to. */
const any: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);

/** A `BindConfig`: the addresses that connections to backends come from. For each family Envoy takes the first one. */
export function mapSources(
  bind: Node | undefined,
  mapping: Mapping,
): Pick<Pool["connect"], "sources"> | undefined {
  if (bind === undefined) return undefined;
  checkSocketOptions(bind, mapping);
  const first = bind.node("source_address");
  const extra = bind.nodes("extra_source_addresses").flatMap((each) => each.node("address") ?? []);
  const sources: string[] = [];
  for (const node of first === undefined ? extra : [first, ...extra]) {
    const address = node.text("address");
    const family = isIP(address);
    if (family === 0) mapping.report(errorAt(node.at("address"), "expected an IP address of this machine"));
    else if ((node.number("port_value") ?? 0) !== 0)
      mapping.report(errorAt(node.at("port_value"), "expected 0: one port is too few for connections"));
    else if (!sources.some((source) => isIP(source) === family)) sources.push(address);
  }
  const told = sources.filter((source) => !any.has(source));
  return told.length === 0 ? undefined : { sources: told };
}

/** By the numbers of Linux: level, name. They change nothing that umay does not do itself, or that its users could see. */
const harmless: ReadonlySet<string> = new Set([
  // SO_REUSEADDR, SO_SNDBUF, SO_RCVBUF, SO_KEEPALIVE, SO_REUSEPORT
  ...[2, 7, 8, 9, 15].map((name) => `1/${name}`),
  // TCP_NODELAY, TCP_DEFER_ACCEPT, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT, TCP_QUICKACK, TCP_FASTOPEN
  ...[1, 9, 4, 5, 6, 12, 23].map((name) => `6/${name}`),
]);

/** SO_BINDTODEVICE. */
const ofInterface = "1/25";

/**
 * `socket_options`, which Node can't set. One that keeps a socket to a network interface must not be left out in silence: who
 * wrote it does not want connections over any other.
 */
export function checkSocketOptions(owner: Node, { report }: Mapping): void {
  for (const option of owner.nodes("socket_options")) {
    const number = `${option.number("level") ?? 0}/${option.number("name") ?? 0}`;
    if (number === ofInterface)
      report(
        errorAt(
          option.path,
          "keeps connections to a network interface (SO_BINDTODEVICE), which umay can't; use the interface's address",
        ),
      );
    else if (!harmless.has(number))
      report(warningAt(option.path, `has no effect: umay sets no option ${number} of sockets`));
  }
}
