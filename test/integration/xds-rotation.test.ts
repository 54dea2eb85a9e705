import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createServer, type Server } from "node:tls";
import { type CreatedCertificate, createCertificate } from "../../src/cli/create-certificate.ts";
import type { Message } from "../../src/providers/envoy/read/wire.ts";
import { AdsServer, edsCluster, endpoints, secret, tcpListener } from "../support/ads-server.ts";
import { connectSecure } from "../support/client.ts";
import { issueClient } from "../support/client-certificates.ts";
import { freePorts } from "../support/free-ports.ts";
import { becomes } from "../support/settled.ts";
import { echoed } from "../support/talk.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";

const types = {
  cluster: "envoy.config.cluster.v3.Cluster",
  endpoints: "envoy.config.endpoint.v3.ClusterLoadAssignment",
  listener: "envoy.config.listener.v3.Listener",
  secret: "envoy.extensions.transport_sockets.tls.v3.Secret",
} as const;

interface Identity {
  readonly cert: string;
  readonly key: string;
}

const dir = mkdtempSync(join(tmpdir(), "umay-xds-rotation-"));
const notAfter = new Date(Date.now() + 86_400_000);
const resources = new AsyncDisposableStack();
/** An old CA and a new one: of clients, of umay itself, and of backends. */
let authorities: readonly [CreatedCertificate, CreatedCertificate];
let control: AdsServer;
let umay: RunningUmay;
let backend: Server;
let port: number;
/** Names that umay has shown the backend. */
const shown = new Set<string>();

const send = (kind: keyof typeof types, ...messages: readonly Message[]): string =>
  control.send(types[kind], messages);

const byName = (name: string): Message => ({ name, sds_config: { ads: {} } });

const secure = { mode: "secure" };

/** The endpoint of the cluster, in a locality with these labels for its transport. */
function sendEndpoint(labels: object): void {
  const assignment = endpoints("echo", (backend.address() as AddressInfo).port);
  const [locality] = assignment["endpoints"] as readonly Message[];
  const metadata = { filter_metadata: { "envoy.transport_socket_match": labels } };
  send("endpoints", { ...assignment, endpoints: [{ ...locality, metadata }] });
}

/** A secret with the CAs that are trusted. */
const trust = (name: string, ...cas: readonly CreatedCertificate[]): Message => ({
  "@type": types.secret,
  name,
  validation_context: { trusted_ca: { inline_string: cas.map(({ cert }) => cert).join("") } },
});

const withTls = (
  kind: string,
  more: Message,
  ...fields: readonly (readonly [string, unknown])[]
): Message => ({
  name: "tls",
  typed_config: {
    "@type": `envoy.extensions.transport_sockets.tls.v3.${kind}`,
    common_tls_context: Object.fromEntries(fields),
    ...more,
  },
});

async function clientOf(issuer: CreatedCertificate, name: string): Promise<Identity> {
  const { cert, key } = await issueClient(dir, name, issuer, { subject: `CN=${name}` });
  return { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") };
}

const identity = (name: string, { cert, key }: Identity): Message => secret(name, cert, key);

/** The identity of the backend, and the CAs of the clients that it lets in. */
async function backendOf(issuer: CreatedCertificate): Promise<Identity & { readonly ca: readonly string[] }> {
  const { cert, key } = await createCertificate({
    commonName: "backend",
    names: ["127.0.0.1"],
    issuer,
    notAfter,
  });
  return { cert, key, ca: authorities.map((each) => each.cert) };
}

before(async () => {
  authorities = [
    await createCertificate({ commonName: "old CA", notAfter }),
    await createCertificate({ commonName: "new CA", notAfter }),
  ];
  const [old] = authorities;
  // With TLS 1.3 a client would not hear in its handshake that it is refused.
  const options = { requestCert: true, rejectUnauthorized: true, maxVersion: "TLSv1.2" } as const;
  backend = createServer(
    { ...options, ...(await backendOf(old)), ca: authorities.map(({ cert }) => cert) },
    (socket) => {
      shown.add(socket.getPeerX509Certificate()!.subject);
      socket.on("error", () => {});
      socket.pipe(socket);
    },
  );
  await once(backend.listen(0, "127.0.0.1"), "listening");
  resources.defer(() => void backend.close());
  [port = 0] = await freePorts(1);
  control = resources.use(await AdsServer.start("delta"));
  const starting = startUmay(`
    workers = 2
    admin = { bind = "127.0.0.1:0" }
    [xds]
    servers = ["127.0.0.1:${control.port}"]
    node = { id = "umay-1", cluster = "edge" }`);
  await control.request(({ type }) => type === "Cluster");
  const toBackends = withTls(
    "UpstreamTlsContext",
    {},
    ["tls_certificate_sds_secret_configs", [byName("umay")]],
    ["validation_context_sds_secret_config", byName("backends")],
  );
  send(
    "cluster",
    edsCluster("echo", {
      transport_socket_matches: [{ name: "tls", match: secure, transport_socket: toBackends }],
    }),
  );
  const fromClients = withTls(
    "DownstreamTlsContext",
    { require_client_certificate: { value: true } },
    ["tls_certificate_sds_secret_configs", [byName("server")]],
    ["validation_context_sds_secret_config", byName("clients")],
  );
  const listener = tcpListener("secure", port, "echo");
  const [chain] = listener["filter_chains"] as readonly Message[];
  send("listener", { ...listener, filter_chains: [{ ...chain, transport_socket: fromClients }] });
  await control.request(({ type }) => type === "ClusterLoadAssignment");
  sendEndpoint(secure);
  const server = await createCertificate({ commonName: "umay", names: ["127.0.0.1"], issuer: old, notAfter });
  await control.request(({ type, names }) => type === "Secret" && names.includes("clients"));
  send(
    "secret",
    identity("server", server),
    identity("umay", await clientOf(old, "umay-1")),
    trust("clients", old),
    trust("backends", old),
  );
  umay = resources.use(await starting);
});

after(async () => {
  await resources.disposeAsync();
  rmSync(dir, { recursive: true, force: true });
});

/** Sends secrets, and waits until all workers serve with them. */
async function rotate(...secrets: readonly Message[]): Promise<void> {
  const { length } = umay.log;
  send("secret", ...secrets);
  await umay.logged(
    (line) => line.msg.startsWith("the configuration was reloaded") && umay.log.indexOf(line) >= length,
  );
}

test("CAs of clients and backends, and umay's own certificate for backends, are rotated under load without a failed handshake", async () => {
  const [old, fresh] = authorities;
  let client = await clientOf(old, "client-1");
  const first = client;
  let stopped = false;
  let sessions = 0;
  const load = async (): Promise<void> => {
    while (!stopped) {
      using peer = await connectSecure(port, client);
      await echoed(peer);
      sessions++;
      await sleep(5);
    }
  };
  const loads = [load(), load(), load()];
  const failed = Promise.all(loads);
  const between = async (): Promise<void> => {
    const until = sessions + 10;
    await Promise.race([
      failed,
      becomes(
        () => sessions,
        (count) => count >= until,
        "sessions",
      ),
    ]);
  };
  // Each step as one does it: both CAs are trusted, then certificates change, then the old CA goes.
  await between();
  await rotate(trust("clients", old, fresh), trust("backends", old, fresh));
  await between();
  client = await clientOf(fresh, "client-2");
  backend.setSecureContext({ ...(await backendOf(fresh)), ca: authorities.map(({ cert }) => cert) });
  await rotate(identity("umay", await clientOf(fresh, "umay-2")));
  await between();
  await rotate(trust("clients", fresh), trust("backends", fresh));
  await between();
  stopped = true;
  await failed;
  assert.deepEqual([...shown], ["CN=umay-1", "CN=umay-2"]);
  const refused = async (): Promise<void> => {
    using peer = await connectSecure(port, first);
    await echoed(peer);
  };
  await assert.rejects(refused());
  assert.equal(await umay.metric("umay_xds_updates_total", { type: "secret", result: "accepted" }), 4);
  assert.equal(await umay.metric("umay_xds_updates_total", { result: "rejected" }), 0);
  assert.equal(await umay.metric("umay_xds_connected", { type: "secret" }), 1);
});

test("an endpoint whose labels change is spoken to in another way from then on", async () => {
  const client = await clientOf(authorities[1], "client-3");
  const serves = async (): Promise<boolean> => {
    using peer = await connectSecure(port, client);
    // Enough to be seen as no record of TLS.
    return await echoed(peer, "in plain text").then(
      () => true,
      () => false,
    );
  };
  assert.equal(await serves(), true);
  // In plain text it does not understand a word.
  sendEndpoint({ mode: "plain" });
  await becomes(serves, (does) => !does, "a session in plain text");
  sendEndpoint(secure);
  await becomes(serves, (does) => does, "a session over TLS");
});
