import { setTimeout as sleep } from "node:timers/promises";
import type { AcmeKeyType, Challenge, ChallengeType } from "../model/acme.ts";
import { type AcmeClient, type Resource, statusOf, urlIn } from "./client.ts";
import { AcmeError, asTable, errorOf } from "./problem.ts";
import { createRequest, createValidation } from "./x509.ts";

/** A certificate that is wanted. */
export interface CertificateOrder {
  readonly name: string;
  readonly challenge: ChallengeType;
  readonly keyType: AcmeKeyType;
  readonly profile: string | undefined;
  /** The certificate that this one takes the place of, as renewal information names it. */
  readonly replaces: string | undefined;
  /** Time that others have to see a challenge, in milliseconds. */
  readonly propagation: number;
  readonly signal: AbortSignal;
}

/** Shows the answers of challenges. Resolves when every worker does. */
export interface Showing {
  show(challenge: Challenge): Promise<void>;
  hide(challenge: Challenge): Promise<void>;
}

/** A chain, leaf first, with its key; both PEM. */
export interface Obtained {
  readonly chain: string;
  readonly key: string;
}

/** Time that an authority has to look, and to issue, in milliseconds. */
const validationTime = 120_000;
const issuanceTime = 120_000;

/** Gets one certificate (RFC 8555 section 7.1). @throws AcmeError that says why there is none. */
export async function obtain(
  client: AcmeClient,
  order: CertificateOrder,
  showing: Showing,
): Promise<Obtained> {
  const begun = await begin(client, order);
  for (const url of urlsIn(begun.body, "authorizations")) await authorize(client, url, order, showing);
  const ready = await client.settle(
    "the order",
    await client.read("the order", begun.url),
    ["pending"],
    validationTime,
  );
  expect("the order", ready, "ready");
  const { request, key } = await createRequest(order.name, order.keyType);
  const finalize = urlIn("the order", ready.body, "finalize");
  const asked = await client.ask("the order", finalize, { csr: request.toString("base64url") });
  // The answer is that of the order, at another URL.
  const issued = await client.settle("the order", { ...asked, url: begun.url }, ["processing"], issuanceTime);
  expect("the order", issued, "valid");
  return { chain: await client.download(urlIn("the order", issued.body, "certificate")), key };
}

/** An authority that has no use for what is replaced, or knows better, gets the order without it (RFC 9773 section 5). */
async function begin(client: AcmeClient, { name, profile, replaces }: CertificateOrder): Promise<Resource> {
  const { renewalInfo, meta } = await client.directory();
  if (profile !== undefined && !meta.profiles.includes(profile)) {
    const known = meta.profiles.length === 0 ? "it has none" : `it has ${meta.profiles.join(", ")}`;
    throw new AcmeError(`the authority has no profile ${profile}; ${known}`);
  }
  const plain = { identifiers: [{ type: "dns", value: name }], ...(profile !== undefined && { profile }) };
  if (replaces === undefined || renewalInfo === undefined) return client.order(plain);
  try {
    return await client.order({ ...plain, replaces });
  } catch (error) {
    const types = ["alreadyReplaced", "malformed", "unauthorized"];
    if (!(error instanceof AcmeError && types.includes(error.type))) throw error;
    return client.order(plain);
  }
}

async function authorize(
  client: AcmeClient,
  url: string,
  order: CertificateOrder,
  showing: Showing,
): Promise<void> {
  const authorization = await client.read("the authorization", url);
  if (statusOf(authorization) === "valid") return;
  expect("the authorization", authorization, "pending");
  const { name } = order;
  const offered = asList(authorization.body["challenges"]);
  const offer = offered.find(({ type }) => type === order.challenge);
  if (offer === undefined) {
    const types = offered.map(({ type }) => String(type)).join(", ");
    throw new AcmeError(`the authority does not offer ${order.challenge} for ${name}, only ${types}`);
  }
  const token = String(offer["token"]);
  if (!/^[A-Za-z0-9_-]{20,256}$/.test(token)) throw new AcmeError("the challenge has no good token");
  const challenge = await challengeOf(order, token, client.key.authorize(token));
  try {
    await showing.show(challenge);
    await sleep(order.propagation, undefined, { signal: order.signal });
    await client.ask("the challenge", urlIn("the challenge", offer, "url"), {});
    const under = ["pending", "processing"];
    const settled = await client.settle("the authorization", authorization, under, validationTime);
    if (statusOf(settled) !== "valid") throw refused(settled, name);
  } finally {
    await showing.hide(challenge);
  }
}

async function challengeOf(
  { name, challenge: type }: CertificateOrder,
  token: string,
  answer: string,
): Promise<Challenge> {
  return type === "http-01"
    ? { type, name, token, answer }
    : { type, name, ...(await createValidation(name, answer)) };
}

/** Why the authority is not convinced: the error is in the challenge. */
function refused({ body }: Resource, name: string): AcmeError {
  const failed = asList(body["challenges"]).find((each) => each["error"] !== undefined);
  const what = `the authority could not verify that ${name} is ours`;
  return failed === undefined ? new AcmeError(what) : errorOf(what, 0, failed["error"]);
}

function expect(what: string, resource: Resource, status: string): void {
  if (statusOf(resource) === status) return;
  const { error } = resource.body;
  const found = `${what} is ${statusOf(resource)}`;
  throw error === undefined ? new AcmeError(found) : errorOf(found, 0, error);
}

const asList = (value: unknown): readonly Readonly<Record<string, unknown>>[] =>
  Array.isArray(value) ? value.map(asTable) : [];

function urlsIn(body: Readonly<Record<string, unknown>>, member: string): readonly string[] {
  const list = body[member];
  if (!Array.isArray(list) || list.length === 0 || list.length > 100)
    throw new AcmeError(`the order has no ${member}`);
  return list.map((_, index) =>
    urlIn("the order", list as unknown as Record<string, unknown>, String(index)),
  );
}
