import type { ClientAuth } from "../../model/client-auth.ts";
import type { HealthPolicy } from "../../model/health.ts";
import type { Certificate, ListenerTls } from "../../model/listener.ts";
import type { Pool, PoolTls } from "../../model/pool.ts";
import {
  type Renewed,
  renewAuthorities,
  renewCertificate,
  renewClientAuth,
  renewClientCertificate,
  renewTickets,
} from "../../providers/toml/resolve/renew.ts";

/** What a pool has from files: TLS for its sessions, and for its health checks. */
export type PoolFiles = Pick<Pool, "tls" | "health">;

/** A part that is renewed on its own: good together, or not at all. */
export interface Part<T> {
  readonly files: readonly string[];
  readonly old: T;
  /** Reads the files; gives the old one itself where nothing changed. */
  readonly renew: () => Promise<Renewed<T>>;
  /** What the log says of a new one. */
  readonly tell: (renewed: T) => readonly [fields: object, message: string];
}

/** Gives what is to serve from now on: the part's new value, or its old one. */
export type RenewPart = <T>(part: Part<T>) => Promise<T>;

/** @returns the same object where nothing changed. */
export async function renewListener(tls: ListenerTls, renew: RenewPart): Promise<ListenerTls> {
  const certificates: Certificate[] = [];
  for (const old of tls.certificates)
    certificates.push(await renew(certificatePart(old, () => renewCertificate(old, tls))));
  const clientAuth = tls.clientAuth && (await renew(clientAuthPart(tls.clientAuth)));
  const { sessionTickets: tickets } = tls;
  const keysFile = tickets?.keysFile;
  const sessionTickets =
    tickets === undefined || keysFile === undefined
      ? tickets
      : await renew({
          files: [keysFile],
          old: tickets,
          renew: () => renewTickets(tickets, keysFile),
          tell: () => [{ keys_file: keysFile }, "the key of session tickets was renewed"],
        });
  const same =
    clientAuth === tls.clientAuth &&
    sessionTickets === tickets &&
    certificates.every((certificate, index) => certificate === tls.certificates[index]);
  return same ? tls : { ...tls, certificates, clientAuth, sessionTickets };
}

/** @returns the same object where nothing changed. */
export async function renewPool(pool: PoolFiles, renew: RenewPart): Promise<PoolFiles> {
  const tls = pool.tls && (await renewPoolTls(pool.tls, renew));
  const checked = checkTls(pool.health);
  // Checks that take over the pool's TLS have the same object.
  const ofChecks = checked === pool.tls ? tls : checked && (await renewPoolTls(checked, renew));
  if (tls === pool.tls && ofChecks === checked) return pool;
  return { tls, health: withCheckTls(pool.health, ofChecks) };
}

async function renewPoolTls(tls: PoolTls, renew: RenewPart): Promise<PoolTls> {
  const { caFile, ca: oldCa, certificate: old } = tls;
  const ca =
    caFile === undefined || oldCa === undefined
      ? oldCa
      : await renew({
          files: [caFile],
          old: oldCa,
          renew: () => renewAuthorities(oldCa, caFile),
          tell: () => [{ ca: caFile }, "CAs of backends were renewed"],
        });
  const certificate = old && (await renew(certificatePart(old, () => renewClientCertificate(old))));
  return ca === oldCa && certificate === old ? tls : { ...tls, ca, certificate };
}

function certificatePart(old: Certificate, renew: () => Promise<Renewed<Certificate>>): Part<Certificate> {
  return {
    files: [old.certFile, old.keyFile],
    old,
    renew,
    tell: ({ certFile, subject, names, notAfter }) => [
      { cert: certFile, subject, names, not_after: new Date(notAfter) },
      "a certificate was renewed",
    ],
  };
}

function clientAuthPart(old: ClientAuth): Part<ClientAuth> {
  const { caFile, crlFile } = old;
  return {
    files: crlFile === undefined ? [caFile] : [caFile, crlFile],
    old,
    renew: () => renewClientAuth(old),
    tell: () => [{ ca: caFile, crl: crlFile }, "CAs or revocation lists of clients were renewed"],
  };
}

export function listenerFiles({ certificates, clientAuth, sessionTickets }: ListenerTls): string[] {
  const others = [clientAuth?.caFile, clientAuth?.crlFile, sessionTickets?.keysFile];
  return [...certificates.flatMap(pairOf), ...others.filter((file) => file !== undefined)];
}

export function poolFiles({ tls, health }: PoolFiles): string[] {
  return [tls, checkTls(health)].flatMap((each) => [
    ...(each?.caFile === undefined ? [] : [each.caFile]),
    ...(each?.certificate === undefined ? [] : pairOf(each.certificate)),
  ]);
}

const pairOf = ({ certFile, keyFile }: Certificate): string[] => [certFile, keyFile];

function checkTls({ check }: HealthPolicy): PoolTls | undefined {
  return check === undefined || check.type === "tcp" ? undefined : check.tls;
}

function withCheckTls(health: HealthPolicy, tls: PoolTls | undefined): HealthPolicy {
  const { check } = health;
  if (check === undefined || check.type === "tcp" || tls === undefined) return health;
  return { ...health, check: { ...check, tls } };
}
