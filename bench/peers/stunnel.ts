import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { find, versionOf } from "../machine.ts";
import type { Peer } from "./peer.ts";

/** stunnel serves every session with a thread of its own, on the CPUs that it is given. */
export const stunnel: Peer = {
  name: "stunnel",
  title: "stunnel",
  mode: "tcp",
  version: () => versionOf("stunnel", ["-version"], /^stunnel (\S+)/m),
  prepare(place) {
    const file = join(place.folder, "stunnel.conf");
    writeFileSync(
      file,
      `
foreground = quiet
pid =
syslog = no
debug = ${place.sessionLog ? "notice" : "err"}
output = ${place.folder}/stunnel.log
[bench]
accept = 127.0.0.1:${place.port}
connect = 127.0.0.1:${place.backendPort}
cert = ${place.certificate.cert}
key = ${place.certificate.key}
sslVersionMin = TLSv1.3
`,
    );
    return { file: find("stunnel")!, args: [file] };
  },
};
