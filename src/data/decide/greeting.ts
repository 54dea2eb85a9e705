import { type Chain, type Protocol, rulesOf } from "../../model/chain.ts";
import type { Listener } from "../../model/listener.ts";

/**
 * How a listener learns what a client speaks. `readsHello`: the client's first bytes are read before it is known what to do.
 * `presumes`: every client is taken to speak this; undefined: its first bytes say.
 */
export type Greeting = (
  | { readonly readsHello: true; readonly presumes: "tls" | undefined }
  | { readonly readsHello: false; readonly presumes: "tls" | "other" }
) & {
  /** Whether clients may decline TLS in a protocol that begins in the clear. */
  readonly passesPlain?: boolean;
};

const detects: Greeting = { readsHello: true, presumes: undefined };
const readsTls: Greeting = { readsHello: true, presumes: "tls" };
const beginsTls: Greeting = { readsHello: false, presumes: "tls" };
const readsNothing: Greeting = { readsHello: false, presumes: "other" };

/** @param byName whether the certificate depends on the server name. */
export function greetingOf(
  { detect, chains, tls }: Pick<Listener, "detect" | "chains" | "tls">,
  byName: boolean,
): Greeting {
  if (detect) return detects;
  const passesSome = chains.some((chain) => chain.tls === "passthrough");
  const choosesTls =
    byName || tls.length > 1 || tls.some(({ strictSni, acme }) => strictSni || acme !== undefined);
  const passesPlain = tls.some((settings) => settings.passesPlain === true);
  if (passesSome || choosesTls) return passesPlain ? { ...readsTls, passesPlain } : readsTls;
  if (passesPlain) return { ...beginsTls, passesPlain };
  return tls.length === 0 ? readsNothing : beginsTls;
}

/** A client after its first bytes. */
export interface Greeted<Hello> {
  readonly protocol: Protocol;
  /** Undefined: the client does not speak TLS, or its hello was not read. */
  readonly hello: Hello | undefined;
}

/**
 * Takes a client for what its first bytes say, as far as the listener looks at them.
 * @param protocol that it speaks in fact. @param hello that it sends if that is TLS.
 * @returns `not_tls`: the client is refused because it had to speak TLS.
 */
export function greet<Hello>(
  { readsHello, presumes, passesPlain = false }: Greeting,
  protocol: Protocol,
  hello: Hello,
): Greeted<Hello> | "not_tls" {
  if (passesPlain && protocol === "other") return { protocol, hello: undefined };
  if (presumes === "tls" && protocol !== "tls") return "not_tls";
  const taken = presumes ?? protocol;
  return { protocol: taken, hello: readsHello && taken === "tls" ? hello : undefined };
}

/** The protocol of most clients of a listener: TLS, where it does something with TLS by default. */
export function usualProtocol({ presumes }: Greeting, chains: readonly Chain[]): Protocol {
  return presumes ?? (rulesOf(chains).at(-1)?.chains[0].tls === undefined ? "other" : "tls");
}
