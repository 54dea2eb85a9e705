import { formatAddress, type SocketAddress } from "../../../lib/address.ts";
import type { PlacedListener } from "../../../model/snapshot.ts";

/** `GET /listeners`: a line for each address of a listener. */
export const listenerLines = (listeners: readonly PlacedListener[]): string =>
  listeners
    .flatMap(({ name, addresses }) => addresses.map((address) => `${name}::${formatAddress(address)}\n`))
    .join("");

/** `envoy.admin.v3.Listeners` in JSON. */
export const listenerStatuses = (listeners: readonly PlacedListener[]): object => ({
  listener_statuses: listeners.map(({ name, addresses: [first, ...others] }) => ({
    name,
    local_address: first && addressOf(first),
    ...(others.length > 0 && { additional_local_addresses: others.map(addressOf) }),
  })),
});

/** `envoy.config.core.v3.Address` in JSON. */
export const addressOf = (address: SocketAddress): object =>
  address.kind === "unix"
    ? { pipe: { path: address.path } }
    : { socket_address: { address: address.host, port_value: address.port } };
