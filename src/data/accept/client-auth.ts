import type { X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";
import { inRange } from "../../lib/cidr.ts";
import { parseDistinguishedName } from "../../lib/distinguished-name.ts";
import { canonicalName } from "../../lib/host-name.ts";
import type { ClientAuth, ClientRule } from "../../model/client-auth.ts";
import type { HandshakeResult } from "../../model/reasons.ts";
import { alternativeNames, pinOf, uriMatches } from "../../tls/peer-certificate.ts";
import { alertFor, type VerdictAlert } from "./verdict-alert.ts";

/** The verdict on a client by its certificate. */
export interface ClientVerdict {
  /** The client's name in its certificate; empty without one. */
  readonly client: string;
  /** Undefined: the client may come in. */
  readonly refusal: Refusal | undefined;
}

interface Refusal {
  readonly result: HandshakeResult;
  readonly detail: string;
  /** How the client is told; without it, OpenSSL has told it within the handshake. */
  readonly alert?: VerdictAlert;
}

const missing: Refusal = { result: "client_certificate_missing", detail: "" };

const nobody: readonly ClientRule[] = [];

/** Control characters, and those that change how others are shown: OpenSSL lets most of them through. */
const unseen = /\p{C}/gu;

/** A subject may be as long as a client likes; a log line may not. */
const longestName = 256;

/** Judges a client whose handshake is over. Nothing else stands between a bad certificate and the backends. */
export function judgeClient(tls: TLSSocket, auth: ClientAuth): ClientVerdict {
  const leaf = tls.getPeerX509Certificate();
  if (leaf === undefined) return { client: "", refusal: auth.mode === "optional" ? undefined : missing };
  const client = nameOf(leaf);
  // Without CAs the rules pin keys, and nothing else of a certificate counts.
  const error = auth.ca === undefined ? undefined : verificationError(tls, leaf);
  if (error !== undefined) return { client, refusal: invalid(error) };
  const allow = auth.allow ?? (auth.ca === undefined ? nobody : undefined);
  if (allow?.every((rule) => !fits(rule, leaf)))
    return { client, refusal: { result: "client_not_allowed", detail: client, alert: "access_denied" } };
  return { client, refusal: undefined };
}

/**
 * Node lets a handshake succeed whatever OpenSSL thinks of the certificate, and keeps the verdict for whoever asks;
 * `rejectUnauthorized` is a matter of `tls.Server`. On a socket that no `tls.Server` made the verdict has no
 * documented name, so this asks as `tls.Server` does, and takes anything but "no error" for an error.
 * `client-certificates.test.ts` holds it in place.
 */
function verificationError(
  tls: TLSSocket,
  leaf: X509Certificate,
): Pick<NodeJS.ErrnoException, "message" | "code"> | undefined {
  const { ssl } = tls as unknown as { readonly ssl?: { verifyError?(): NodeJS.ErrnoException | null } };
  const error = ssl?.verifyError?.();
  if (error !== null) return error ?? untold;
  // A resumed session has the verdict of the handshake that began it.
  return leaf.validToDate.getTime() > Date.now() ? undefined : expired;
}

const untold = { message: "this version of Node does not tell", code: undefined };
const expired = { message: "certificate has expired", code: "CERT_HAS_EXPIRED" };

function invalid({ message, code = "" }: Pick<NodeJS.ErrnoException, "message" | "code">): Refusal {
  // Some messages go on with advice to people who develop in Node.
  const detail = `${message.split(";")[0]}${code && ` (${code})`}`;
  return { result: "client_certificate_invalid", detail, alert: alertFor(code) };
}

/** The subject, and the SPIFFE ID, which is the name of those that have one. */
export function nameOf(leaf: X509Certificate): string {
  const subject = (leaf.subject ?? "").split("\n").filter(Boolean);
  const spiffeIds = alternativeNames(leaf, "URI").filter((uri) => uri.startsWith("spiffe://"));
  const name = [...subject, ...spiffeIds].join(", ");
  return (name === "" ? `serial ${leaf.serialNumber}` : name).slice(0, longestName).replaceAll(unseen, "?");
}

/** Whether a certificate is one that a rule means. */
export function fits(rule: ClientRule, leaf: X509Certificate): boolean {
  switch (rule.kind) {
    case "spiffe": {
      // An X.509-SVID has exactly one URI (SPIFFE X.509-SVID standard, section 2).
      const [id, ...others] = alternativeNames(leaf, "URI");
      if (id === undefined || others.length > 0) return false;
      return uriMatches(rule.id, id);
    }
    case "dns":
      return alternativeNames(leaf, "DNS").some((name) =>
        rule.name.startsWith("*.")
          ? canonicalName(name).endsWith(rule.name.slice(1))
          : canonicalName(name) === rule.name,
      );
    case "ip":
      return alternativeNames(leaf, "IP Address").some((address) => inRange(rule.range, address));
    case "subject": {
      const attributes = parseDistinguishedName(leaf.subject ?? "") ?? [];
      return rule.attributes.every((attribute) => attributes.includes(attribute));
    }
    case "sha256":
      return pinOf(leaf) === rule.pin;
  }
}
