import {
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  sign,
} from "node:crypto";

/** A flattened JSON Web Signature (RFC 7515 section 7.2.2), as ACME sends it. */
export interface Jws {
  readonly protected: string;
  readonly payload: string;
  readonly signature: string;
}

/** An account's key: ECDSA on P-256, which every authority must take (RFC 8555 section 6.2). */
export class AccountKey {
  readonly #key: KeyObject;
  readonly jwk: JsonWebKey;
  /** RFC 7638. */
  readonly thumbprint: string;

  /** @throws where the text is no such key. */
  constructor(pem: string) {
    this.#key = createPrivateKey(pem);
    const { kty, crv, x, y } = createPublicKey(this.#key).export({ format: "jwk" });
    if (crv !== "P-256" || x === undefined || y === undefined) throw new Error("is no key on P-256");
    this.jwk = { kty: kty!, crv, x, y };
    // Its members in lexicographic order, without white space (RFC 7638 section 3).
    this.thumbprint = createHash("sha256").update(JSON.stringify({ crv, kty, x, y })).digest("base64url");
  }

  /** A new key, as PEM. */
  static generate(): string {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  }

  /** @param payload undefined: a request without a body of its own (RFC 8555 section 6.3). */
  sign(header: object, payload: unknown): Jws {
    const signed = partsOf({ alg: "ES256", ...header }, payload);
    const input = Buffer.from(`${signed.protected}.${signed.payload}`);
    const signature = sign("sha256", input, { key: this.#key, dsaEncoding: "ieee-p1363" });
    return { ...signed, signature: signature.toString("base64url") };
  }

  /** The answer to a challenge (RFC 8555 section 8.1). */
  authorize(token: string): string {
    return `${token}.${this.thumbprint}`;
  }
}

/** The proof that a new account belongs to one outside of ACME (RFC 8555 section 7.3.4). @param hmacKey base64url. */
export function bindExternally(jwk: JsonWebKey, keyId: string, hmacKey: string, url: string): Jws {
  const signed = partsOf({ alg: "HS256", kid: keyId, url }, jwk);
  const signature = createHmac("sha256", Buffer.from(hmacKey, "base64url"))
    .update(`${signed.protected}.${signed.payload}`)
    .digest("base64url");
  return { ...signed, signature };
}

function partsOf(header: object, payload: unknown): Omit<Jws, "signature"> {
  return { protected: encoded(header), payload: payload === undefined ? "" : encoded(payload) };
}

const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
