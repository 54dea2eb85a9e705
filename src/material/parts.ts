import type { ClientAuth, ClientTrust } from "../model/client-auth.ts";
import type { ListenerTls } from "../model/listener.ts";
import type { Authorities, Certificate, FileSource, PairSource, TicketKeys } from "../model/material.ts";
import type { Pool, PoolTls } from "../model/pool.ts";
import { certificateOptions } from "../tls/backend.ts";
import { listenerOptions } from "../tls/listener.ts";
import {
  type Renewed,
  readFirst,
  renewBackendAuthorities,
  renewCertificate,
  renewClientTrust,
  renewTicketKeys,
} from "./renew.ts";

/** The material of a pool: TLS for its sessions, by whichever transport, and for its health checks. */
export type PoolMaterial = Pick<Pool, "tls" | "transports" | "health">;

/** Files that are renewed together: all of them are good, or none is used. */
export interface Part<T> {
  /** Kind and files identify a part among those of its owner: parts of one kind with the same files are one. */
  readonly kind:
    | "certificate"
    | "first certificate"
    | "authorities"
    | "client trust"
    | "ticket keys"
    | "page"
    | "users"
    | "key set";
  readonly files: readonly string[];
  readonly old: T;
  /** Reads the part again; gives the old object itself where nothing changed. */
  readonly renew: () => Promise<Renewed<T>>;
  /** The log line for a renewed part. */
  readonly tell: (renewed: T) => readonly [fields: object, message: string];
}

/** Gives the value to serve from now on: the part's new one, or its old one. */
export type RenewPart = <T>(part: Part<T>) => Promise<T>;

/** @returns the same object where nothing changed, and the same settings in it that did not change. */
export async function renewListener(
  tls: readonly ListenerTls[],
  renew: RenewPart,
): Promise<readonly ListenerTls[]> {
  const renewed: ListenerTls[] = [];
  for (const settings of tls) renewed.push(await renewSettings(settings, renew));
  return renewed.every((settings, index) => settings === tls[index]) ? tls : renewed;
}

async function renewSettings(tls: ListenerTls, renew: RenewPart): Promise<ListenerTls> {
  const certificates: Certificate[] = [];
  for (const old of tls.certificates) certificates.push(await renew(listenerCertificate(old, tls)));
  for (const source of lackingOf(tls)) {
    const first = await renew(firstCertificate(source, tls));
    if (first !== undefined) certificates.push(first);
  }
  const clientAuth = tls.clientAuth && (await renewClientAuth(tls.clientAuth, renew));
  const keys = tls.sessionTickets?.keys && (await renew(ticketKeys(tls.sessionTickets.keys)));
  const sessionTickets = tls.sessionTickets && { ...tls.sessionTickets, keys };
  const same =
    clientAuth?.ca === tls.clientAuth?.ca &&
    clientAuth?.crl === tls.clientAuth?.crl &&
    keys === tls.sessionTickets?.keys &&
    certificates.length === tls.certificates.length &&
    certificates.every((certificate, index) => certificate === tls.certificates[index]);
  return same ? tls : { ...tls, certificates, clientAuth, sessionTickets };
}

async function renewClientAuth(auth: ClientAuth, renew: RenewPart): Promise<ClientAuth> {
  const { ca, crl } = auth;
  return ca === undefined ? auth : { ...auth, ...(await renew(clientTrust({ ca, crl }))) };
}

/** @returns the same object where nothing changed. */
export async function renewPool(pool: PoolMaterial, renew: RenewPart): Promise<PoolMaterial> {
  const { health } = pool;
  const tls = pool.tls && (await renewPoolTls(pool.tls, renew));
  const transports = pool.transports && (await renewAll(pool.transports, renew));
  const [check] = await renewAll([health.check], renew);
  const checks = health.checks && (await renewAll(health.checks, renew));
  const same = check === health.check && checks === health.checks;
  if (tls === pool.tls && transports === pool.transports && same) return pool;
  return {
    tls,
    ...(transports !== undefined && { transports }),
    health: same ? health : { ...health, check, ...(checks !== undefined && { checks }) },
  };
}

/** Things of which some speak TLS, or none are there. @returns the same object where nothing changed. */
async function renewAll<T extends object | undefined>(
  old: readonly T[],
  renew: RenewPart,
): Promise<readonly T[]> {
  const all: T[] = [];
  for (const each of old) {
    const before = tlsOf(each);
    const tls = before && (await renewPoolTls(before, renew));
    all.push(tls === before ? each : { ...each, tls });
  }
  return all.every((each, index) => each === old[index]) ? old : all;
}

async function renewPoolTls(tls: PoolTls, renew: RenewPart): Promise<PoolTls> {
  const ca = tls.ca && (await renew(backendAuthorities(tls.ca)));
  const certificate = tls.certificate && (await renew(poolCertificate(tls.certificate)));
  return ca === tls.ca && certificate === tls.certificate ? tls : { ...tls, ca, certificate };
}

/** The files of certificates that umay gets itself and that are not there yet. */
function lackingOf({ certificates, acme }: ListenerTls): readonly PairSource[] {
  if (acme === undefined) return [];
  const there = new Set(certificates.map(({ source }) => source.cert));
  return acme.certificates.map(({ source }) => source).filter(({ cert }) => !there.has(cert));
}

export function listenerFiles(tls: readonly ListenerTls[]): string[] {
  return tls.flatMap((settings) => [
    ...settings.certificates.flatMap(pairOf),
    ...lackingOf(settings).map(({ cert }) => cert),
    ...[settings.clientAuth?.ca, settings.clientAuth?.crl, settings.sessionTickets?.keys].flatMap(fileOf),
  ]);
}

export function poolFiles({ tls, transports = [], health }: PoolMaterial): string[] {
  const others = [...transports, health.check, ...(health.checks ?? [])];
  return [tls, ...others.map(tlsOf)].flatMap((each) => [
    ...fileOf(each?.ca),
    ...(each?.certificate === undefined ? [] : pairOf(each.certificate)),
  ]);
}

const listenerCertificate = (old: Certificate, tls: ListenerTls): Part<Certificate> =>
  certificatePart(old, () => renewCertificate(old, "clients", (renewed) => listenerOptions(tls, renewed)));

function firstCertificate(source: PairSource, tls: ListenerTls): Part<Certificate | undefined> {
  return {
    kind: "first certificate",
    files: [source.cert],
    old: undefined,
    renew: () => readFirst(source, (found) => listenerOptions(tls, found)),
    tell: (found) => [
      { cert: source.cert, names: found?.names, not_after: found && new Date(found.notAfter) },
      "the first certificate is there and goes into service",
    ],
  };
}

const poolCertificate = (old: Certificate): Part<Certificate> =>
  certificatePart(old, () => renewCertificate(old, "backends", certificateOptions));

function certificatePart(old: Certificate, renew: () => Promise<Renewed<Certificate>>): Part<Certificate> {
  return {
    kind: "certificate",
    files: pairOf(old),
    old,
    renew,
    tell: ({ source, subject, names, notAfter }) => [
      { cert: source.cert, subject, names, not_after: new Date(notAfter) },
      "a certificate was renewed",
    ],
  };
}

function backendAuthorities(old: Authorities): Part<Authorities> {
  const { file } = old.source;
  return {
    kind: "authorities",
    files: fileOf(old),
    old,
    renew: () => renewBackendAuthorities(old),
    tell: () => [{ ca: file }, "CAs of backends were renewed"],
  };
}

function clientTrust({ ca, crl }: ClientTrust): Part<ClientTrust> {
  const old = { ca, crl };
  const [caFile, crlFile] = [ca.source.file, crl?.source.file];
  return {
    kind: "client trust",
    files: [ca, crl].flatMap(fileOf),
    old,
    renew: () => renewClientTrust(old),
    tell: () => [{ ca: caFile, crl: crlFile }, "CAs or revocation lists of clients were renewed"],
  };
}

function ticketKeys(old: TicketKeys): Part<TicketKeys> {
  const { file } = old.source;
  return {
    kind: "ticket keys",
    files: fileOf(old),
    old,
    renew: () => renewTicketKeys(old),
    tell: () => [{ keys_file: file }, "the key of session tickets was renewed"],
  };
}

/** None where its provider gave the content itself. */
const pairOf = ({ source }: Certificate): string[] =>
  source.given === undefined ? [source.cert, source.key] : [];

const fileOf = (material: { readonly source: FileSource } | undefined): string[] =>
  material === undefined || material.source.given !== undefined ? [] : [material.source.file];

/** @param of a transport, or a check, which need not speak TLS. */
const tlsOf = (of: object | undefined): PoolTls | undefined =>
  of !== undefined && "tls" in of ? (of.tls as PoolTls | undefined) : undefined;
