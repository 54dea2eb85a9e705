import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:tls";
import { ask } from "./http.ts";

/** Where the names that are to be verified are found: at ports of 127.0.0.1, and the values of a record of DNS. */
export interface ValidationPlaces {
  http: number;
  tls: number;
  dns: (name: string) => readonly string[];
}

/** Something that an authority looks for. */
interface Sought {
  /** With the asterisk of a wildcard. */
  readonly name: string;
  readonly token: string;
  /** The key authorization. */
  readonly expected: string;
}

/** Looks for the answer of a challenge. @throws where it is not there. */
export async function lookFor(type: string, sought: Sought, places: ValidationPlaces): Promise<void> {
  if (type === "http-01") await lookByHttp(sought, places.http);
  else if (type === "dns-01") lookByDns(sought, places.dns);
  else await lookByTls(sought, places.tls);
}

/** RFC 8555 section 8.4. */
function lookByDns({ name, expected }: Sought, values: ValidationPlaces["dns"]): void {
  const found = values(`_acme-challenge.${name.replace("*.", "")}`);
  const digest = createHash("sha256").update(expected).digest("base64url");
  assert.ok(found.includes(digest), `no record has ${digest}, only ${found.join(", ")}`);
}

async function lookByHttp({ name, token, expected }: Sought, port: number): Promise<void> {
  const path = `/.well-known/acme-challenge/${token}`;
  const { status, body } = await ask(port, { path, headers: { host: name } });
  assert.deepEqual([status, body], [200, expected]);
}

/** RFC 8737 section 3. */
async function lookByTls({ name, expected }: Sought, port: number): Promise<void> {
  const socket = connect({
    host: "127.0.0.1",
    port,
    servername: name,
    ALPNProtocols: ["acme-tls/1"],
    rejectUnauthorized: false,
  });
  try {
    await once(socket, "secureConnect");
    assert.equal(socket.alpnProtocol, "acme-tls/1");
    const { raw, subjectAltName } = socket.getPeerX509Certificate()!;
    assert.equal(subjectAltName, `DNS:${name}`);
    const digest = createHash("sha256").update(expected).digest();
    // The object identifier, critical, and an octet string with an octet string of 32 bytes.
    const extension = Buffer.concat([
      Buffer.from("06082b060105050701", "hex"),
      Buffer.from("1f0101ff04220420", "hex"),
      digest,
    ]);
    assert.ok(raw.includes(extension), "the certificate has another answer");
  } finally {
    socket.destroy();
  }
}
