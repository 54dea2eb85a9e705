import type { SecureContext } from "node:tls";
import type { Certificate } from "../../model/material.ts";

/** Certificates that cover the same name, one for each type of key: OpenSSL takes the one that the client can verify. */
interface Group {
  readonly certificates: readonly Certificate[];
  context: SecureContext | undefined;
}

/** Which certificates a server name leads to. */
export interface CertificateChoice {
  /** One for each type of key. */
  readonly certificates: readonly Certificate[];
  readonly by: "exact" | "wildcard" | "default";
  /** The name of theirs that matches. */
  readonly pattern: string | undefined;
}

/**
 * Chooses the TLS context for a server name, or for the IP address that a client without one connected to: exact name,
 * then the wildcard one level up (RFC 6125 section 6.4.3); of several certificates with the same name and type of key,
 * the first. A lookup costs the same for one name as for ten thousand. A context is made when its name is first asked
 * for: it takes tens of KiB and half a millisecond, and of many names few are in use.
 */
export class CertificateStore {
  readonly #createContext: (certificates: readonly Certificate[]) => SecureContext;
  /** Undefined: there is no certificate. */
  readonly #default: Group | undefined;
  readonly #exact = new Map<string, Group>();
  readonly #wildcard = new Map<string, Group>();
  /** Whether any certificate covers an IP address. */
  readonly hasAddresses: boolean;

  /**
   * @param createContext makes a context of certificates that cover the same name.
   * @throws what it throws for the default certificate.
   */
  constructor(
    certificates: readonly Certificate[],
    createContext: (certificates: readonly Certificate[]) => SecureContext,
  ) {
    this.#createContext = createContext;
    this.hasAddresses = certificates.some(({ addresses = [] }) => addresses.length > 0);
    const groups = new Map<string, Group>();
    const numbers = new Map(certificates.map((certificate, index) => [certificate, index]));
    const groupOf = (members: readonly Certificate[]): Group => {
      const key = members.map((certificate) => numbers.get(certificate)).join();
      const group = groups.get(key) ?? { certificates: members, context: undefined };
      groups.set(key, group);
      return group;
    };
    const byName = groupByName(certificates);
    const [first] = certificates;
    this.#default = first && groupOf(byName.get(first.names[0] ?? "") ?? [first]);
    if (this.#default !== undefined) this.#contextOf(this.#default);
    for (const [name, members] of byName)
      if (name.startsWith("*.")) this.#wildcard.set(name.slice(2), groupOf(members));
      else this.#exact.set(name, groupOf(members));
  }

  /** True when every name leads to the same context, so that the name need not be looked at. */
  get single(): boolean {
    return [...this.#exact.values(), ...this.#wildcard.values()].every((group) => group === this.#default);
  }

  /** @param name lower case. */
  covers(name: string): boolean {
    return this.#find(name) !== undefined;
  }

  /** Whether there is no certificate at all: nothing can be found. */
  get isEmpty(): boolean {
    return this.#default === undefined;
  }

  /** @param name lower case. @returns the default where no certificate covers it. */
  find(name: string): SecureContext {
    return this.#contextOf(this.#find(name) ?? this.#default!);
  }

  /** The choice of {@link find}, and the name of the certificates that decides. @param name lower case. */
  choice(name: string): CertificateChoice {
    const { certificates } = this.#find(name) ?? this.#default!;
    if (this.#exact.has(name)) return { certificates, by: "exact", pattern: name };
    if (this.#find(name) === undefined) return { certificates, by: "default", pattern: undefined };
    return { certificates, by: "wildcard", pattern: wildcardOf(name) };
  }

  /** Whether other certificates cover a host than those of a name, which do not. Both lower case. */
  coversApart(name: string, host: string): boolean {
    const others = this.#find(host);
    const own = this.#find(name) ?? this.#default!;
    return (
      others !== undefined && others !== own && !own.certificates.some(({ names }) => covers(names, host))
    );
  }

  #find(name: string): Group | undefined {
    const exact = this.#exact.get(name);
    if (exact !== undefined) return exact;
    const dot = name.indexOf(".");
    return dot > 0 ? this.#wildcard.get(name.slice(dot + 1)) : undefined;
  }

  #contextOf(group: Group): SecureContext {
    group.context ??= this.#createContext(group.certificates);
    return group.context;
  }
}

const covers = (names: readonly string[], host: string): boolean =>
  names.includes(host) || names.includes(wildcardOf(host));

/** The wildcard one level up that covers a name. */
export const wildcardOf = (name: string): string => `*${name.slice(name.indexOf("."))}`;

function groupByName(certificates: readonly Certificate[]): ReadonlyMap<string, readonly Certificate[]> {
  const byName = new Map<string, Certificate[]>();
  for (const certificate of certificates)
    for (const name of [...certificate.names, ...(certificate.addresses ?? [])]) {
      const members = byName.get(name);
      if (members === undefined) byName.set(name, [certificate]);
      else if (members.every(({ keyType }) => keyType !== certificate.keyType)) members.push(certificate);
    }
  return byName;
}
