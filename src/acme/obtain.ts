import type { AcmeKeyType, ChallengeType } from "../model/acme.ts";
import { type AcmeClient, type Resource, statusOf, urlIn } from "./client.ts";
import { AcmeError, asTable, errorOf } from "./problem.ts";
import { createRequest } from "./x509.ts";

/** A certificate that is wanted. */
export interface CertificateOrder {
  readonly names: readonly string[];
  readonly challenge: ChallengeType;
  readonly keyType: AcmeKeyType;
  readonly profile: string | undefined;
  /** The certificate that this one takes the place of, as renewal information names it. */
  readonly replaces: string | undefined;
}

/** Shows the answers of challenges of one type. */
export interface Showing<Answer> {
  /** @param authorization the key authorization (RFC 8555 section 8.1). */
  answerTo(name: string, token: string, authorization: string): Promise<Answer>;
  show(answer: Answer): Promise<void>;
  /** Resolves when an authority may look for these, which are {@link show shown}. */
  whenShown(answers: readonly Answer[]): Promise<void>;
  /** Also after a {@link show} that failed. */
  hide(answer: Answer): Promise<void>;
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
export async function obtain<Answer>(
  client: AcmeClient,
  order: CertificateOrder,
  showing: Showing<Answer>,
): Promise<Obtained> {
  const begun = await begin(client, order);
  const proofs: Proof<Answer>[] = [];
  for (const url of urlsIn(begun.body, "authorizations")) {
    const proof = await proofOf(client, url, order, showing);
    if (proof !== undefined) proofs.push(proof);
  }
  if (proofs.length > 0) await prove(client, proofs, showing);
  const ready = await client.settle(
    "the order",
    await client.read("the order", begun.url),
    ["pending"],
    validationTime,
  );
  expect("the order", ready, "ready");
  const { request, key } = await createRequest(order.names, order.keyType);
  const finalize = urlIn("the order", ready.body, "finalize");
  const asked = await client.ask("the order", finalize, { csr: request.toString("base64url") });
  // The answer is that of the order, at another URL.
  const issued = await client.settle("the order", { ...asked, url: begun.url }, ["processing"], issuanceTime);
  expect("the order", issued, "valid");
  return { chain: await client.download(urlIn("the order", issued.body, "certificate")), key };
}

/** An authority that has no use for what is replaced, or knows better, gets the order without it (RFC 9773 section 5). */
async function begin(client: AcmeClient, { names, profile, replaces }: CertificateOrder): Promise<Resource> {
  const { renewalInfo, meta } = await client.directory();
  if (profile !== undefined && !meta.profiles.includes(profile)) {
    const known = meta.profiles.length === 0 ? "it has none" : `it has ${meta.profiles.join(", ")}`;
    throw new AcmeError(`the authority has no profile ${profile}; ${known}`);
  }
  const identifiers = names.map((value) => ({ type: "dns", value }));
  const plain = { identifiers, ...(profile !== undefined && { profile }) };
  if (replaces === undefined || renewalInfo === undefined) return client.order(plain);
  try {
    return await client.order({ ...plain, replaces });
  } catch (error) {
    const types = ["alreadyReplaced", "malformed", "unauthorized"];
    if (!(error instanceof AcmeError && types.includes(error.type))) throw error;
    return client.order(plain);
  }
}

/** How the authority is shown that one name is ours. */
interface Proof<Answer> {
  readonly name: string;
  readonly authorization: Resource;
  /** The challenge's URL. */
  readonly url: string;
  readonly answer: Answer;
}

/** @returns undefined where the authority knows already that the name is ours. */
async function proofOf<Answer>(
  client: AcmeClient,
  url: string,
  order: CertificateOrder,
  showing: Showing<Answer>,
): Promise<Proof<Answer> | undefined> {
  const authorization = await client.read("the authorization", url);
  if (statusOf(authorization) === "valid") return undefined;
  expect("the authorization", authorization, "pending");
  const { body } = authorization;
  // RFC 8555 section 7.1.4: of a wildcard it has the name below the asterisk.
  const value = asTable(body["identifier"])["value"];
  const name = order.names.find((each) => each === (body["wildcard"] === true ? `*.${value}` : value));
  if (name === undefined) throw new AcmeError("the authorization is for a name that was not ordered");
  const offered = asList(body["challenges"]);
  const offer = offered.find(({ type }) => type === order.challenge);
  if (offer === undefined) {
    const types = offered.map(({ type }) => String(type)).join(", ");
    throw new AcmeError(`the authority does not offer ${order.challenge} for ${name}, only ${types}`);
  }
  const token = String(offer["token"]);
  if (!/^[A-Za-z0-9_-]{20,256}$/.test(token)) throw new AcmeError("the challenge has no good token");
  const answer = await showing.answerTo(name, token, client.key.authorize(token));
  return { name, authorization, url: urlIn("the challenge", offer, "url"), answer };
}

/** Shows all answers before the authority looks for the first: two of them may be in one set of records, which others cache. */
async function prove<Answer>(
  client: AcmeClient,
  proofs: readonly Proof<Answer>[],
  showing: Showing<Answer>,
): Promise<void> {
  const shown: Answer[] = [];
  try {
    for (const { answer } of proofs) {
      shown.push(answer);
      await showing.show(answer);
    }
    await showing.whenShown(shown);
    for (const { url } of proofs) await client.ask("the challenge", url, {});
    for (const { name, authorization } of proofs) {
      const under = ["pending", "processing"];
      const settled = await client.settle("the authorization", authorization, under, validationTime);
      if (statusOf(settled) !== "valid") throw refused(settled, name);
    }
  } finally {
    for (const answer of shown) await showing.hide(answer);
  }
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
