import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { find, versionOf } from "../machine.ts";
import type { Peer } from "./peer.ts";

/** hitch logs errors only: it has no session log. */
export const hitch: Peer = {
  name: "hitch",
  title: "hitch",
  mode: "tcp",
  version: () => versionOf("hitch", ["--version"], /hitch (\S+)/),
  prepare(place) {
    const file = join(place.folder, "hitch.conf");
    writeFileSync(
      file,
      `
frontend = { host = "127.0.0.1" port = "${place.port}" }
backend = "[127.0.0.1]:${place.backendPort}"
pem-file = "${place.certificate.combined}"
workers = ${place.workers}
backlog = 4096
tls-protos = TLSv1.3
daemon = off
log-level = 0
syslog = off
${process.getuid?.() === 0 ? 'user = "root"' : ""}
`,
    );
    return { file: find("hitch")!, args: ["--config", file] };
  },
};
