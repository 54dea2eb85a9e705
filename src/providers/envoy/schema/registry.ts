import { accessTable } from "./access.ts";
import { accessLogTable } from "./access-log.ts";
import { attemptTable } from "./attempts.ts";
import { balancingTable } from "./balancing.ts";
import { bootstrapTable } from "./bootstrap.ts";
import { clusterTable } from "./cluster.ts";
import { coreTable } from "./core.ts";
import { discoveryTable } from "./discovery.ts";
import { extensions } from "./extensions.ts";
import { filterTable } from "./filters.ts";
import { healthTable } from "./health.ts";
import { httpTable } from "./http.ts";
import { listenerTable } from "./listener.ts";
import { processingTable } from "./processing.ts";
import { rateLimitTable } from "./rate-limit.ts";
import { routeTable } from "./route.ts";
import { type EnumType, type MessageType, readTable } from "./table.ts";
import { telemetryTable } from "./telemetry.ts";
import { tlsTable } from "./tls.ts";

let read: ReadonlyMap<string, MessageType | EnumType> | undefined;

/** Every message and enum of the tables, by full name. They are read at the first use. */
export function envoyTypes(): ReadonlyMap<string, MessageType | EnumType> {
  read ??= readTable(
    [
      bootstrapTable,
      coreTable,
      listenerTable,
      httpTable,
      routeTable,
      clusterTable,
      healthTable,
      tlsTable,
      discoveryTable,
      filterTable,
      rateLimitTable,
      accessTable,
      processingTable,
      accessLogTable,
      attemptTable,
      telemetryTable,
      balancingTable,
    ].join("\n"),
  );
  return read;
}

/** A message of the tables. @param name full; one that is not there is a defect. */
export function messageType(name: string): MessageType {
  const type = envoyTypes().get(name);
  if (type?.kind !== "message") throw new Error(`no table has the message ${name}`);
  return type;
}

/** The message that an `Any` has, by its type's URL; undefined: umay does not know it. */
export function typeOfAny(url: string): MessageType | undefined {
  const type = envoyTypes().get(nameOfAny(url));
  return type?.kind === "message" ? type : undefined;
}

/** `type.googleapis.com/envoy.….Router` without what is before the slash. */
export const nameOfAny = (url: string): string => url.slice(url.lastIndexOf("/") + 1);

/** Why umay does not have an extension that many configurations name; undefined: nothing is known of it. */
export const whyNoExtension = (url: string): string | undefined => extensions[nameOfAny(url)];
