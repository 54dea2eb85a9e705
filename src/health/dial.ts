import { connect } from "node:net";
import { connectOptions } from "../lib/connect.ts";
import { encodeProxyV1, encodeProxyV2 } from "../lib/proxy-protocol/writer.ts";
import { systemPath } from "../lib/socket-file.ts";
import type { CheckSpec } from "../model/health.ts";
import { type Dial, follow } from "./connection.ts";
import { secureDial } from "./secure-dial.ts";

/** @param protocols to offer where there is TLS, in order of preference; empty: none is negotiated. */
export function createDial(spec: CheckSpec, protocols: readonly string[] = []): Dial {
  const header = proxyHeader(spec.proxyProtocol);
  const tls = "tls" in spec ? spec.tls : undefined;
  return tls === undefined ? plainDial(header, spec) : secureDial(header, tls, spec, protocols);
}

/** The header says that the connection is the proxy's own, not a client's: version 2 LOCAL, version 1 UNKNOWN. */
function proxyHeader(version: CheckSpec["proxyProtocol"]): Buffer | undefined {
  if (version === undefined) return undefined;
  return version === "v1" ? encodeProxyV1({}) : encodeProxyV2({ command: "local", tlvs: {} });
}

/** One buffer for all: a chunk is handled before the next read. */
const readBuffer = Buffer.allocUnsafeSlow(16 * 1024);

function plainDial(
  header: Buffer | undefined,
  { timeout, sources }: Pick<CheckSpec, "timeout" | "sources">,
): Dial {
  return ({ target, others }, events) => {
    const onread = {
      buffer: readBuffer,
      callback: (bytes: number) => {
        events.receive(readBuffer.subarray(0, bytes));
        return true;
      },
    };
    const socket =
      target.kind === "unix"
        ? connect({ path: systemPath(target.path), onread })
        : connect({
            ...connectOptions(target.host, target.port, others, timeout, sources),
            noDelay: true,
            onread,
          });
    socket.on("connect", () => {
      if (header !== undefined) socket.write(header);
      events.ready();
    });
    follow(socket, events);
    return { protocol: "", write: (bytes) => void socket.write(bytes), close: () => void socket.destroy() };
  };
}
