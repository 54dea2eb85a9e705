import "reflect-metadata";
import assert from "node:assert/strict";
import {
  createHash,
  createPublicKey,
  type JsonWebKey,
  randomBytes,
  verify,
  X509Certificate,
} from "node:crypto";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import {
  AuthorityKeyIdentifierExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Pkcs10CertificateRequest,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { type CreatedCertificate, createCertificate } from "../../src/cli/create-certificate.ts";
import { lookFor, type ValidationPlaces } from "./acme-validation.ts";

type Table = Record<string, unknown>;

/** Something that an authority can do wrong, or can be asked to do otherwise; changed while it runs. */
export interface AcmeFaults {
  /** Every so many requests it does not take a nonce. */
  refuseNonces: number;
  /** New orders are answered so, instead. */
  refuseOrders: { readonly status: number; readonly type: string; readonly retryAfter?: string } | undefined;
  /** Issues for this name, whatever was asked for. */
  issueFor: string | undefined;
  /** Verifies nothing and says so. */
  refuseNames: boolean;
  /** In milliseconds. */
  lifetime: number;
  /** New orders wait for it. */
  hold: Promise<void> | undefined;
}

interface Authorization {
  /** With the asterisk of a wildcard. */
  readonly name: string;
  readonly token: string;
  status: string;
  error: Table | undefined;
}

interface Order {
  readonly names: readonly string[];
  readonly replaces: unknown;
  readonly authorizations: readonly Authorization[];
  certificate: string | undefined;
}

/**
 * A small certificate authority that speaks ACME (RFC 8555, RFC 8737, RFC 9773), for tests: it checks every signature and
 * nonce, looks for the answers of challenges, and issues.
 */
export class AcmeServer implements AsyncDisposable {
  readonly faults: AcmeFaults = {
    refuseNonces: 0,
    refuseOrders: undefined,
    issueFor: undefined,
    refuseNames: false,
    lifetime: 90 * 86_400_000,
    hold: undefined,
  };
  readonly ports: ValidationPlaces = { http: 0, tls: 0, dns: () => [] };
  /** Resources that were asked for. */
  readonly asked: string[] = [];
  readonly orders: Order[] = [];
  /** Serial numbers that were revoked. */
  readonly revoked = new Set<string>();
  readonly ca: CreatedCertificate;
  readonly #server: Server;
  readonly #accounts = new Map<string, JsonWebKey>();
  readonly #nonces = new Set<string>();
  #requests = 0;

  private constructor(server: Server, ca: CreatedCertificate) {
    this.#server = server;
    this.ca = ca;
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      this.#serve(request, response).catch((error: Error) =>
        this.#refuse(response, 400, "malformed", error.message),
      );
    });
  }

  /** @param dir gets `authority.pem`, the CA of its own certificate and of those that it issues. */
  static async start(dir: string): Promise<AcmeServer> {
    const notAfter = new Date(Date.now() + 86_400_000);
    const ca = await createCertificate({ commonName: "ACME test CA", notAfter });
    const own = await createCertificate({
      commonName: "acme",
      names: ["localhost", "127.0.0.1"],
      issuer: ca,
      notAfter,
    });
    writeFileSync(join(dir, "authority.pem"), ca.cert);
    const server = createServer({ cert: own.cert, key: own.key });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new AcmeServer(server, ca);
  }

  get directory(): string {
    return `${this.#base}/directory`;
  }

  get #base(): string {
    return `https://localhost:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  /** Has renewal information say that every certificate so far is to be replaced. */
  revokeAll(): void {
    for (const { certificate } of this.orders) if (certificate !== undefined) this.#revoke(certificate);
  }

  /** Knows no account any more. */
  forgetAccounts(): void {
    this.#accounts.clear();
  }

  #revoke(certificate: string | Buffer): void {
    this.revoked.add(new X509Certificate(certificate).serialNumber.toLowerCase().replace(/^0+/, ""));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url!;
    const [, resource = "", id = ""] = path.split("/");
    this.asked.push(resource);
    const nonce = randomBytes(16).toString("base64url");
    this.#nonces.add(nonce);
    response.setHeader("replay-nonce", nonce);
    if (request.method !== "POST") return this.#read(resource, id, response);
    let text = "";
    for await (const chunk of request) text += chunk;
    assert.equal(request.headers["content-type"], "application/jose+json");
    const jws = JSON.parse(text) as Record<"protected" | "payload" | "signature", string>;
    const header = decoded(jws.protected);
    const fresh = this.#nonces.delete(String(header["nonce"]));
    const { refuseNonces } = this.faults;
    if (!fresh || (refuseNonces > 0 && ++this.#requests % refuseNonces === 0))
      return this.#refuse(response, 400, "badNonce", "this nonce is not good");
    assert.equal(header["url"], this.#base + path);
    assert.equal(header["alg"], "ES256");
    const jwk = (header["jwk"] as JsonWebKey | undefined) ?? this.#accounts.get(String(header["kid"]));
    if (jwk === undefined) return this.#refuse(response, 400, "accountDoesNotExist", "who are you?");
    const input = Buffer.from(`${jws.protected}.${jws.payload}`);
    const key = { key: createPublicKey({ key: jwk, format: "jwk" }), dsaEncoding: "ieee-p1363" } as const;
    assert.ok(
      verify("sha256", input, key, Buffer.from(jws.signature, "base64url")),
      "the signature is wrong",
    );
    await this.#act(resource, id, jws.payload === "" ? undefined : decoded(jws.payload), jwk, response);
  }

  #read(resource: string, id: string, response: ServerResponse): void {
    if (resource === "renewal-info") {
      this.#renewalInfo(id, response);
      return;
    }
    const base = this.#base;
    this.#answer(response, 200, {
      newNonce: `${base}/nonce`,
      newAccount: `${base}/new-account`,
      newOrder: `${base}/new-order`,
      revokeCert: `${base}/revoke`,
      renewalInfo: `${base}/renewal-info`,
      meta: { termsOfService: `${base}/terms` },
    });
  }

  #renewalInfo(id: string, response: ServerResponse): void {
    const [keyId = "", serial = ""] = id.split(".");
    assert.ok(Buffer.from(keyId, "base64url").length > 0);
    const revoked = this.revoked.has(Buffer.from(serial, "base64url").toString("hex").replace(/^0+/, ""));
    const from = Date.now() + (revoked ? -2 : 30) * 86_400_000;
    response.setHeader("retry-after", "60");
    const [start, end] = [from, from + 3_600_000].map((time) => new Date(time).toISOString());
    this.#answer(response, 200, {
      suggestedWindow: { start, end },
      ...(revoked && { explanationURL: "https://localhost/why" }),
    });
  }

  async #act(
    resource: string,
    id: string,
    payload: Table | undefined,
    jwk: JsonWebKey,
    response: ServerResponse,
  ): Promise<void> {
    const [number, index] = id.split("-").map(Number) as [number, number?];
    const order = this.orders[number];
    const authorization = order?.authorizations[index ?? 0];
    switch (resource) {
      case "new-account": {
        const url = `${this.#base}/account/${this.#accounts.size}`;
        assert.equal(payload?.["termsOfServiceAgreed"], true);
        this.#accounts.set(url, jwk);
        response.setHeader("location", url);
        return this.#answer(response, 201, { status: "valid" });
      }
      case "new-order":
        await this.faults.hold;
        return this.#newOrder(payload!, response);
      case "order":
        return this.#answer(response, 200, this.#tellOrder(order!, id));
      case "authorization":
        return this.#answer(response, 200, this.#tellAuthorization(authorization!, id));
      case "tls-alpn-01":
      case "http-01":
      case "dns-01":
        void this.#validate(authorization!, resource, jwk);
        return this.#answer(response, 200, { type: resource, status: "processing", url: this.#base });
      case "finalize":
        order!.certificate = await this.#issue(String(payload!["csr"]), order!.names);
        response.setHeader("location", `${this.#base}/order/${id}`);
        return this.#answer(response, 200, this.#tellOrder(order!, id));
      case "certificate":
        response.setHeader("content-type", "application/pem-certificate-chain");
        response.end(order!.certificate);
        return;
      case "revoke": {
        this.#revoke(Buffer.from(String(payload!["certificate"]), "base64url"));
        return this.#answer(response, 200, {});
      }
      default:
        return this.#refuse(response, 404, "malformed", "there is nothing");
    }
  }

  #newOrder(payload: Table, response: ServerResponse): void {
    const { refuseOrders: refusal } = this.faults;
    if (refusal !== undefined) {
      if (refusal.retryAfter !== undefined) response.setHeader("retry-after", refusal.retryAfter);
      this.#refuse(response, refusal.status, refusal.type, "not now");
      return;
    }
    const identifiers = payload["identifiers"] as readonly Record<"type" | "value", string>[];
    for (const { type } of identifiers) assert.equal(type, "dns");
    const names = identifiers.map(({ value }) => value);
    const authorizations = names.map((name) => {
      const token = randomBytes(24).toString("base64url");
      return { name, token, status: "pending", error: undefined };
    });
    this.orders.push({ names, replaces: payload["replaces"], authorizations, certificate: undefined });
    const id = String(this.orders.length - 1);
    response.setHeader("location", `${this.#base}/order/${id}`);
    this.#answer(response, 201, this.#tellOrder(this.orders.at(-1)!, id));
  }

  #tellOrder({ authorizations, certificate }: Order, id: string): Table {
    const base = this.#base;
    const states = authorizations.map(({ status }) => status);
    const failed = states.includes("invalid") ? "invalid" : "pending";
    const ready = states.every((status) => status === "valid") ? "ready" : failed;
    return {
      status: certificate === undefined ? ready : "valid",
      authorizations: authorizations.map((_, index) => `${base}/authorization/${id}-${index}`),
      finalize: `${base}/finalize/${id}`,
      ...(certificate !== undefined && { certificate: `${base}/certificate/${id}` }),
    };
  }

  #tellAuthorization({ name, token, status, error }: Authorization, id: string): Table {
    const wildcard = name.startsWith("*.");
    // RFC 8555 section 7.1.4: a wildcard is not reached.
    const challenges = (wildcard ? ["dns-01"] : ["http-01", "tls-alpn-01", "dns-01"]).map((type) => ({
      type,
      token,
      url: `${this.#base}/${type}/${id}`,
      status,
      ...(error !== undefined && { error }),
    }));
    const identifier = { type: "dns", value: name.replace("*.", "") };
    return { identifier, status, challenges, ...(wildcard && { wildcard }) };
  }

  async #validate(authorization: Authorization, type: string, jwk: JsonWebKey): Promise<void> {
    const { crv, kty, x, y } = jwk;
    const thumbprint = createHash("sha256").update(JSON.stringify({ crv, kty, x, y })).digest("base64url");
    const { name, token } = authorization;
    const expected = `${token}.${thumbprint}`;
    try {
      assert.ok(!this.faults.refuseNames, "I do not want to");
      await lookFor(type, { name, token, expected }, this.ports);
      authorization.status = "valid";
    } catch (error) {
      authorization.status = "invalid";
      authorization.error = { type: `${namespace}unauthorized`, detail: (error as Error).message };
    }
  }

  async #issue(csr: string, names: readonly string[]): Promise<string> {
    const request = new Pkcs10CertificateRequest(Buffer.from(csr, "base64url"));
    assert.ok(await request.verify());
    const extension = request.getExtension("2.5.29.17") as SubjectAlternativeNameExtension;
    const asked = names.map((value) => ({ type: "dns" as const, value }));
    assert.deepEqual(extension.names.toJSON(), asked);
    const { issueFor } = this.faults;
    const { keys } = this.ca;
    const certificate = await X509CertificateGenerator.create({
      subject: "",
      issuer: `CN=${this.ca.commonName}`,
      notBefore: new Date(Date.now() - 3_600_000),
      notAfter: new Date(Date.now() + this.faults.lifetime),
      publicKey: request.publicKey,
      signingKey: keys.privateKey,
      signingAlgorithm: { name: keys.privateKey.algorithm.name, hash: "SHA-256" },
      extensions: [
        new SubjectAlternativeNameExtension(
          issueFor === undefined ? asked : [{ type: "dns", value: issueFor }],
        ),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        await AuthorityKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    return `${certificate.toString("pem")}\n${this.ca.cert}`;
  }

  #answer(response: ServerResponse, status: number, body: Table): void {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  }

  #refuse(response: ServerResponse, status: number, type: string, detail: string): void {
    response
      .writeHead(status, { "content-type": "application/problem+json" })
      .end(JSON.stringify({ type: namespace + type, detail, status }));
  }
}

const namespace = "urn:ietf:params:acme:error:";

const decoded = (text: string): Table => JSON.parse(Buffer.from(text, "base64url").toString()) as Table;
