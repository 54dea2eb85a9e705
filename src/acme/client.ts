import { setTimeout as sleep } from "node:timers/promises";
import { type AccountKey, bindExternally } from "./jws.ts";
import { AcmeError, asTable, errorOf, retryAfterOf } from "./problem.ts";
import type { Reply, Send } from "./transport.ts";

/** An authority's resources (RFC 8555 section 7.1.1, RFC 9773 section 3). */
export interface Directory {
  readonly newNonce: string;
  readonly newAccount: string;
  readonly newOrder: string;
  readonly revokeCert: string;
  /** Undefined: it has no renewal information. */
  readonly renewalInfo: string | undefined;
  readonly meta: {
    readonly externalAccountRequired: boolean;
    readonly termsOfService: string | undefined;
    readonly profiles: readonly string[];
  };
}

/** A resource as it was read. */
export interface Resource {
  readonly url: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly retryAfter: number | undefined;
}

export interface ClientOptions {
  readonly directory: string;
  readonly send: Send;
  readonly key: AccountKey;
  readonly contact: readonly string[];
  /** The external account's key as base64url. */
  readonly external: { readonly keyId: string; readonly hmacKey: string } | undefined;
  /** The URL of the account, where it has been made before. */
  readonly account: string | undefined;
  readonly signal: AbortSignal;
}

/** A nonce that the authority does not take is replaced; after so many it gives up. */
const mostNonces = 10;
/** Nonces that are kept for later requests. */
const mostKept = 8;
/** The shortest and the longest time between two looks at something that takes time, in milliseconds. */
const shortestPoll = 250;
const longestPoll = 30_000;

/** A client of one authority (RFC 8555) with one account. Each request waits for an answer; none is made by itself. */
export class AcmeClient {
  readonly #options: ClientOptions;
  readonly #nonces: string[] = [];
  #directory: Directory | undefined;
  /** RFC 8555 section 6.2: the "kid" of every request but the one for an account. */
  #account: string | undefined;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#account = options.account;
  }

  get key(): AccountKey {
    return this.#options.key;
  }

  /** The authority's directory, read once. */
  async directory(): Promise<Directory> {
    this.#directory ??= readDirectory(await this.get(this.#options.directory, "the directory"));
    return this.#directory;
  }

  /** Finds the account of the key, or makes it. @returns its URL. */
  async register(): Promise<string> {
    if (this.#account !== undefined) return this.#account;
    const { newAccount, meta } = await this.directory();
    const { key, contact, external } = this.#options;
    if (meta.externalAccountRequired && external === undefined)
      throw new AcmeError("the authority wants an external account; set acme.external_account");
    const binding = external && bindExternally(key.jwk, external.keyId, external.hmacKey, newAccount);
    const payload = {
      termsOfServiceAgreed: true,
      ...(contact.length > 0 && { contact }),
      ...(binding !== undefined && { externalAccountBinding: binding }),
    };
    const reply = await this.#post("the account", newAccount, payload, { jwk: key.jwk });
    this.#account = locationOf("the account", reply);
    return this.#account;
  }

  /** Begins an order (RFC 8555 section 7.4). */
  async order(payload: object): Promise<Resource> {
    await this.register();
    const { newOrder } = await this.directory();
    const reply = await this.#post("the order", newOrder, payload);
    return resourceOf("the order", locationOf("the order", reply), reply);
  }

  /** Reads a resource. @param what it is, for errors. */
  async read(what: string, url: string): Promise<Resource> {
    return resourceOf(what, url, await this.#signed(what, url, undefined));
  }

  /** Asks a resource for something. */
  async ask(what: string, url: string, payload: object): Promise<Resource> {
    return resourceOf(what, url, await this.#signed(what, url, payload));
  }

  /** Reads a chain (RFC 8555 section 7.4.2). @returns PEM. */
  async download(url: string): Promise<string> {
    return (await this.#signed("the certificate", url, undefined)).body;
  }

  /** Has a certificate revoked (RFC 8555 section 7.6). @param certificate its DER in base64url. */
  async revoke(certificate: string, reason: number): Promise<void> {
    const { revokeCert } = await this.directory();
    await this.#signed("the revocation", revokeCert, { certificate, reason });
  }

  /** Reads a resource until it is not any more in one of these states. @param time that it may take, in milliseconds. */
  async settle(what: string, first: Resource, under: readonly string[], time: number): Promise<Resource> {
    const deadline = Date.now() + time;
    let poll = shortestPoll;
    let resource = first;
    while (under.includes(statusOf(resource))) {
      if (Date.now() >= deadline)
        throw new AcmeError(`${what} is still ${statusOf(resource)} after ${time / 1000} s`);
      await sleep(Math.min(Math.max(resource.retryAfter ?? 0, poll), longestPoll), undefined, {
        signal: this.#options.signal,
      });
      poll *= 2;
      resource = await this.read(what, first.url);
    }
    return resource;
  }

  /** A request without a signature. */
  async get(url: string, what: string): Promise<Resource> {
    const reply = await this.#options.send("GET", url, undefined, this.#options.signal);
    if (reply.status !== 200) throw refusal(what, reply);
    return resourceOf(what, url, reply);
  }

  async #signed(what: string, url: string, payload: object | undefined): Promise<Reply> {
    return this.#post(what, url, payload, { kid: await this.register() });
  }

  async #post(what: string, url: string, payload: object | undefined, who?: object): Promise<Reply> {
    const { send, key, signal } = this.#options;
    for (let tries = 1; ; tries++) {
      const nonce = this.#nonces.pop() ?? (await this.#newNonce());
      const header = { ...(who ?? { kid: this.#account }), nonce, url };
      const reply = await send("POST", url, JSON.stringify(key.sign(header, payload)), signal);
      this.#keepNonce(reply);
      if (reply.status >= 200 && reply.status < 300) return reply;
      const error = refusal(what, reply);
      // Each refusal has brought a new one (RFC 8555 section 6.5).
      if (error.type !== "badNonce" || tries === mostNonces) throw error;
    }
  }

  async #newNonce(): Promise<string> {
    const { newNonce } = await this.directory();
    const reply = await this.#options.send("HEAD", newNonce, undefined, this.#options.signal);
    this.#keepNonce(reply);
    const nonce = this.#nonces.pop();
    if (nonce === undefined) throw refusal("a nonce", reply);
    return nonce;
  }

  #keepNonce({ headers }: Reply): void {
    const nonce = headers["replay-nonce"] ?? "";
    if (/^[A-Za-z0-9_-]{1,256}$/.test(nonce) && this.#nonces.length < mostKept) this.#nonces.push(nonce);
  }
}

export const statusOf = ({ body }: Resource): string => String(body["status"] ?? "without a status");

/** A member of a resource that is a URL. @throws where it is none, or leads away from HTTPS. */
export function urlIn(what: string, body: Readonly<Record<string, unknown>>, member: string): string {
  const value = body[member];
  if (typeof value !== "string" || !URL.canParse(value) || new URL(value).protocol !== "https:")
    throw new AcmeError(`${what} has no ${member} with an https URL`);
  return value;
}

function readDirectory({ body }: Resource): Directory {
  const meta = asTable(body["meta"]);
  const url = (member: string): string => urlIn("the directory", body, member);
  return {
    newNonce: url("newNonce"),
    newAccount: url("newAccount"),
    newOrder: url("newOrder"),
    revokeCert: url("revokeCert"),
    renewalInfo: body["renewalInfo"] === undefined ? undefined : url("renewalInfo"),
    meta: {
      externalAccountRequired: meta["externalAccountRequired"] === true,
      termsOfService: typeof meta["termsOfService"] === "string" ? meta["termsOfService"] : undefined,
      profiles: Object.keys(asTable(meta["profiles"])),
    },
  };
}

function locationOf(what: string, { headers }: Reply): string {
  return urlIn(what, headers, "location");
}

function resourceOf(what: string, url: string, { body, headers }: Reply): Resource {
  return { url, body: asTable(parsed(body, what)), retryAfter: retryAfterOf(headers["retry-after"]) };
}

function refusal(what: string, { status, body, headers }: Reply): AcmeError {
  let problem: unknown;
  try {
    problem = JSON.parse(body);
  } catch {
    // Something in between has answered, or there is no body.
  }
  return errorOf(what, status, problem, retryAfterOf(headers["retry-after"]));
}

function parsed(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new AcmeError(`${what} is no JSON`);
  }
}
