import { isIP } from "node:net";
import { resolve } from "node:path";
import type { SocketAddress } from "../../../lib/address.ts";
import { type Cidr, parseCidr } from "../../../lib/cidr.ts";
import { errorAt } from "../../../lib/findings.ts";
import type { Node } from "../node.ts";
import type { Mapping } from "./context.ts";

/** An `envoy.config.core.v3.Address`. @returns undefined after an error. */
export function mapAddress(
  address: Node | undefined,
  mapping: Mapping,
  owner: Node,
): SocketAddress | undefined {
  const pipe = address?.node("pipe");
  if (pipe !== undefined) return { kind: "unix", path: pipePath(pipe.text("path"), mapping.directory) };
  const socket = address?.node("socket_address");
  if (socket === undefined) {
    mapping.report(errorAt((address ?? owner).path, "has no address; expected socket_address or pipe"));
    return undefined;
  }
  if (socket.text("protocol") === "UDP")
    mapping.report(errorAt(socket.at("protocol"), "is UDP, which umay does not relay"));
  const host = socket.text("address");
  const port = socket.number("port_value");
  if (host === "" || port === undefined || port > 65_535) {
    mapping.report(errorAt(socket.path, "expected an address and a port_value from 0 to 65535"));
    return undefined;
  }
  if (!isHost(host)) {
    mapping.report(
      errorAt(socket.at("address"), "is no IP address and no name of a host; the port is port_value's"),
    );
    return undefined;
  }
  return { kind: "tcp", host, port };
}

const isHost = (host: string): boolean => (host.includes(":") ? isIP(host) === 6 : /^[\w.-]+$/.test(host));

/** `@name` is an abstract name in Linux, as umay writes it too. */
const pipePath = (path: string, directory: string): string =>
  path.startsWith("@") ? path : resolve(directory, path);

/** Every address. */
export const everybody: readonly Cidr[] = [
  { family: "ipv4", address: "0.0.0.0", prefix: 0 },
  { family: "ipv6", address: "::", prefix: 0 },
];

export function mapCidrs(ranges: readonly Node[], { report }: Mapping): readonly Cidr[] {
  return ranges.flatMap((range) => {
    const address = range.text("address_prefix");
    const bits = range.number("prefix_len") ?? 0;
    const parsed = isIP(address) === 0 ? "is no IP address" : parseCidr(`${address}/${bits}`);
    if (typeof parsed !== "string") return [parsed.cidr];
    report(errorAt(range.path, `${JSON.stringify(`${address}/${bits}`)} ${parsed}`));
    return [];
  });
}
