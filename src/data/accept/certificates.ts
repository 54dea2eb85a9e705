import type { SecureContext } from "node:tls";
import type { Certificate } from "../../model/listener.ts";

/**
 * Chooses the TLS context for a server name: exact name, then the wildcard one level up (RFC 6125 section 6.4.3).
 * Certificates of the same name (one ECDSA, one RSA) share a context, and OpenSSL takes the one that the client can
 * verify. A lookup costs the same for one name as for ten thousand.
 */
export class CertificateStore {
  readonly default: SecureContext;
  /** True when every name leads to the same context, so that the name need not be looked at. */
  readonly single: boolean;
  /** True when a context that is one of several has more than one certificate: Node can't change to it on the way. */
  readonly mixed: boolean;
  readonly #exact = new Map<string, SecureContext>();
  readonly #wildcard = new Map<string, SecureContext>();

  /** @param createContext makes a context of certificates that cover the same name; throws where OpenSSL refuses them. */
  constructor(
    certificates: readonly Certificate[],
    createContext: (certificates: readonly Certificate[]) => SecureContext,
  ) {
    const byName = new Map<string, Certificate[]>();
    for (const certificate of certificates)
      for (const name of certificate.names) byName.set(name, [...(byName.get(name) ?? []), certificate]);
    const made = new Map<string, SecureContext>();
    const contextOf = (group: readonly Certificate[]): SecureContext => {
      const key = group.map((certificate) => certificates.indexOf(certificate)).join();
      const context = made.get(key) ?? createContext(group);
      made.set(key, context);
      return context;
    };
    const first = certificates[0]!;
    this.default = contextOf((first.names[0] !== undefined && byName.get(first.names[0])) || [first]);
    for (const [name, group] of byName) {
      if (name.startsWith("*.")) this.#wildcard.set(name.slice(2), contextOf(group));
      else this.#exact.set(name, contextOf(group));
    }
    this.single = made.size === 1;
    this.mixed = !this.single && [...byName.values()].some((group) => group.length > 1);
  }

  /** @param name as the client sent it. @returns undefined where no certificate covers it. */
  find(name: string): SecureContext | undefined {
    const lower = name.toLowerCase();
    const exact = this.#exact.get(lower);
    if (exact !== undefined) return exact;
    const dot = lower.indexOf(".");
    return dot > 0 ? this.#wildcard.get(lower.slice(dot + 1)) : undefined;
  }
}
