import type { Cidr } from "../../../../lib/cidr.ts";
import type { Cors } from "../../../../model/http/cors.ts";
import type { Guard } from "../../../../model/http/guard.ts";
import type { HashKey, HttpRoute, Redirect, Sticky } from "../../../../model/http/route.ts";
import type { Template } from "../../../../model/http/template.ts";
import type { PickerSpec } from "../../../../model/pool.ts";
import type { Cluster } from "../../objects.ts";
import type { Secrets } from "../secrets.ts";

/** How a canary gets a part of the requests of the Ingress beside it. */
export interface Canary {
  header: string | undefined;
  headerValue: string | undefined;
  headerPattern: string | undefined;
  cookie: string | undefined;
  weight: number;
  total: number;
}

/** The settings that the annotations of an Ingress ask for, in umay's terms. */
export interface Draft {
  /** Where `/` leads; undefined: as the rules say. */
  appRoot: string | undefined;
  /** Instead of a backend. */
  redirect: Redirect | undefined;
  /** Whether clients without TLS are sent to https: if the host has a certificate, always, never. */
  sslRedirect: "tls" | "always" | "never";
  wwwRedirect: boolean;
  passthrough: boolean;
  aliases: string[];
  isRegex: boolean;
  rewriteTarget: string | undefined;
  host: string | undefined;
  allow: Cidr[];
  deny: Cidr[];
  cors: Cors | undefined;
  sticky: Sticky | undefined;
  hash: HashKey[];
  maxBody: number | undefined;
  timeouts: { read: number | undefined; send: number | undefined; connect: number | undefined };
  retry: HttpRoute["retry"] | undefined;
  requestFields: Record<string, Template>;
  responseFields: Record<string, Template>;
  mirror: URL | undefined;
  trace: number | undefined;
  isLogged: boolean;
  /** Each has to let a request in. */
  guards: Guard[];
  rate: {
    perSecond: number | undefined;
    perMinute: number | undefined;
    burst: number;
    concurrent: number | undefined;
  };
  auth: {
    isBasic: boolean;
    secret: string | undefined;
    isMap: boolean;
    realm: string;
    url: URL | undefined;
    copy: string[];
    copiesCookies: boolean;
  };
  clientTls: { secret: string | undefined; mode: "require" | "optional" | "off"; names: string[] };
  backend: {
    protocol: "http" | "https" | "grpc" | "grpcs" | "auto";
    picker: PickerSpec | undefined;
    /** Whether the Service's own address is asked, and not its endpoints. */
    viaService: boolean;
    secret: string | undefined;
    verify: boolean;
    name: string | undefined;
  };
  canary: Canary | undefined;
  /** Why nobody may come in: a rule about that could not be read. */
  closed: string | undefined;
}

/** As an Ingress without annotations is served. */
export const emptyDraft = (): Draft => ({
  appRoot: undefined,
  redirect: undefined,
  sslRedirect: "never",
  wwwRedirect: false,
  passthrough: false,
  aliases: [],
  isRegex: false,
  rewriteTarget: undefined,
  host: undefined,
  allow: [],
  deny: [],
  cors: undefined,
  sticky: undefined,
  hash: [],
  maxBody: undefined,
  timeouts: { read: undefined, send: undefined, connect: undefined },
  retry: undefined,
  requestFields: {},
  responseFields: {},
  mirror: undefined,
  trace: undefined,
  isLogged: true,
  guards: [],
  rate: { perSecond: undefined, perMinute: undefined, burst: 5, concurrent: undefined },
  auth: {
    isBasic: false,
    secret: undefined,
    isMap: false,
    realm: "Authentication Required",
    url: undefined,
    copy: [],
    copiesCookies: false,
  },
  clientTls: { secret: undefined, mode: "require", names: [] },
  backend: {
    protocol: "http",
    picker: undefined,
    viaService: false,
    secret: undefined,
    verify: false,
    name: undefined,
  },
  canary: undefined,
  closed: undefined,
});

/** The parts of the cluster that an annotation may look at. */
export interface AnnotationContext {
  readonly namespace: string;
  readonly cluster: Pick<Cluster, "configMaps" | "secrets">;
  readonly secrets: Secrets;
}

/**
 * An annotation of ingress-nginx: what it is here, and how its value is taken.
 */
export interface Annotation {
  /** The key of umay's configuration that does the same, for the documentation. */
  readonly key: string;
  /** How it differs; empty: it does not. */
  readonly note?: string;
  /** @throws BadValue */
  readonly take: (value: string, draft: Draft, context: AnnotationContext) => void;
}

export type Annotations = Readonly<Record<string, Annotation>>;
