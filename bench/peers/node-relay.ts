import { fileURLToPath } from "node:url";
import { nodeVersion } from "../machine.ts";
import type { Peer } from "./peer.ts";

/** The least that a relay on Node can do, as a yardstick: what umay costs beyond it is umay's own work. */
export function nodeRelay(node: string): Peer {
  return {
    name: "node-relay",
    title: "bare Node relay",
    mode: "tcp",
    version: () => nodeVersion(node),
    prepare(place) {
      const program = fileURLToPath(new URL("./bare-relay.ts", import.meta.url));
      const { cert, key } = place.certificate;
      return { file: node, args: [program, String(place.port), String(place.backendPort), cert, key] };
    },
  };
}
