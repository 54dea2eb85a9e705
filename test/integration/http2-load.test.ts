import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempDisposableSync, writeFileSync } from "node:fs";
import { type ClientHttp2Session, connect } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { testCertificates } from "../support/certificates.ts";
import { poolToml } from "../support/client.ts";
import { outcomeOf } from "../support/http2-outcome.ts";
import { Http2Backend } from "../support/http2-server.ts";
import { patient } from "../support/patience.ts";
import { soon } from "../support/peer.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

/** Requests of several clients, each with some at a time over one connection after the other. */
class Load {
  served = 0;
  /** Those that did not get a whole answer. */
  readonly bad: string[] = [];
  isStopped = false;
  /** Until it is stopped, or no connection can be had. */
  readonly over: Promise<unknown>;

  constructor(port: number) {
    this.over = Promise.all(Array.from({ length: 4 }, (_, client) => this.#client(port, client)));
  }

  async #client(port: number, number: number): Promise<void> {
    for (let connection = 0; !this.isStopped; connection++) {
      const session = connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
      session.on("error", () => {});
      const isConnected = await Promise.race([
        once(session, "connect").then(() => true),
        once(session, "close").then(() => false),
      ]).catch(() => false);
      if (!isConnected) return;
      const lanes = Array.from({ length: 4 }, (_, lane) =>
        this.#lane(session, `/${number}/${connection}/${lane}`),
      );
      await Promise.all(lanes);
      session.close();
    }
  }

  /** One request after the other, until the connection takes no more. */
  async #lane(session: ClientHttp2Session, name: string): Promise<void> {
    for (let count = 0; !this.isStopped && !session.closed && !session.destroyed; count++) {
      const path = `${name}/${count}`;
      const stream = session.request({ ":method": "POST", ":path": path });
      stream.end("hello");
      const { status, body, isWhole, code } = await outcomeOf(stream);
      if (status === 200 && isWhole && body.toString() === `${path} hello`) this.served++;
      else this.bad.push(`${path}: ${status}, reset with ${code}`);
    }
  }

  async serves(more: number): Promise<void> {
    const enough = this.served + more;
    while (this.served < enough && this.bad.length === 0)
      await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Answers a little later, with what it was sent. */
const startBackend = (): Promise<Http2Backend> =>
  Http2Backend.start((stream, headers) => {
    let body = "";
    stream.on("data", (part: Buffer) => {
      body += part;
    });
    stream.on("end", () =>
      setTimeout(() => {
        if (stream.destroyed) return;
        stream.respond({ ":status": 200 });
        stream.end(`${headers[":path"]} ${body}`);
      }, 10),
    );
  });

async function configuration(pool: string, addresses: readonly string[]): Promise<string> {
  const { ecdsa } = await testCertificates();
  return `
    workers = 2
    admin = { bind = "127.0.0.1:0" }
    shutdown.timeout = "${patient(20_000)}ms"
    [listeners.web]
    bind = "127.0.0.1:0"
    mode = "http"
    max_requests_per_connection = 0
    tls.certificates = [{ cert = "${ecdsa.cert}", key = "${ecdsa.key}" }]
    [routes.all]
    pool = "${pool}"
    ${addresses.map((address, index) => poolToml(`p${index}`, [address], 'http.version = "2"')).join("")}`;
}

/** Requests that were not served, by the log. */
const unserved = (umay: RunningUmay): readonly object[] =>
  umay.log.filter(({ status, reason }) => status !== undefined && reason !== "served");

test("SIGTERM under load loses no request that was begun over HTTP/2, on either side", async () => {
  await using backend = await startBackend();
  await using umay = await startUmay(await configuration("p0", [backend.address]));
  const load = new Load(umay.port("web"));
  await load.serves(100);
  umay.signal("SIGTERM");
  await soon(load.over, "the end of the load");
  assert.equal(await umay.exited, 0);
  assert.deepEqual([load.bad, unserved(umay)], [[], []]);
  assert.equal(backend.seen.length, load.served);
});

test("reloads under load fail no request over HTTP/2, and go to the new pool", async (t) => {
  await using one = await startBackend();
  await using two = await startBackend();
  const addresses = [one.address, two.address];
  const dir = mkdtempDisposableSync(join(tmpdir(), "umay-"));
  t.after(() => dir.remove());
  const file = join(dir.path, "umay.toml");
  writeFileSync(file, await configuration("p0", addresses));
  await using umay = await startUmay("", { args: ["--config", file] });
  const load = new Load(umay.port("web"));
  await load.serves(50);
  for (const pool of ["p1", "p0", "p1"]) {
    writeFileSync(file, await configuration(pool, addresses));
    assert.equal((await fetch(`${umay.admin}/reload`, { method: "POST" })).status, 200);
    const { seen } = pool === "p0" ? one : two;
    const before = seen.length;
    await load.serves(50);
    assert.ok(seen.length > before, `${pool} got requests`);
  }
  load.isStopped = true;
  await soon(load.over, "the end of the load");
  assert.deepEqual([load.bad, unserved(umay)], [[], []]);
});
