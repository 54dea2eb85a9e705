import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { nodeVersion } from "../machine.ts";
import type { Peer } from "./peer.ts";

/** A folder in which `npm install http-proxy-3` was called: the project itself does not depend on it. */
const folder = process.env["HTTP_PROXY_3"];
const missing = "HTTP_PROXY_3 does not name a folder in which it is installed";

/** The most used proxy that is written for Node, over Node's own HTTP; under the Node at the path `node`. */
export function httpProxy3(node: string): Peer {
  return {
    name: "http-proxy-3",
    title: "http-proxy-3",
    mode: "http",
    missing,
    version() {
      const version = installedVersion();
      return version && `${version}, Node ${nodeVersion(node)}`;
    },
    prepare({ port, backendPort, certificate: { cert, key } }) {
      const program = fileURLToPath(new URL("./node-proxy.ts", import.meta.url));
      return { file: node, args: [program, folder!, String(port), String(backendPort), cert, key] };
    },
  };
}

function installedVersion(): string | undefined {
  try {
    const manifest = join(folder ?? "", "node_modules/http-proxy-3/package.json");
    return (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version;
  } catch {
    return undefined;
  }
}
