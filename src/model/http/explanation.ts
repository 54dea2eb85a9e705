import type { HttpRefusal } from "./refusals.ts";

/** A request as `umay explain` is asked about it, read and checked. */
export interface HttpQuestion {
  readonly method: string;
  readonly scheme: "http" | "https";
  /** Host and port as they are sent. */
  readonly authority: string;
  /** As in a request's head: lower case, without port. */
  readonly host: string;
  /** In normal form. */
  readonly path: string;
  readonly secondPath: string | undefined;
  /** With its question mark, or empty. */
  readonly query: string;
  /** Names in lower case, in the order in which they are sent. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/*
 * The types below are part of the JSON of `umay explain --json`: its keys are stable, new ones may be added.
 */

export interface HttpExplanation {
  readonly request: {
    readonly method: string;
    readonly url: string;
    /** The client's address: the connection's, or what a trusted peer says. */
    readonly client: string;
    /** Why it is that one, in words. */
    readonly client_by: string;
  };
  /** The hosts of the table that are asked, most specific first; `*`: any. */
  readonly hosts: readonly string[];
  /** In the order in which they are asked; of many that do not match, not all. */
  readonly rules: readonly RuleTrial[];
  /** How many further ones there are. */
  readonly more: number;
  readonly readings: {
    /** The path that is matched and sent. */
    readonly path: string;
    /** As a lax backend might read it; null: there is one reading only. */
    readonly second: string | null;
    /** The routes of both, where they differ. */
    readonly routes: readonly [string, string] | null;
  };
  /** Null: none takes it. */
  readonly route: string | null;
  /** The verdict of allow and deny; null: no route takes it. */
  readonly access: string | null;
  /** The guards that the request has to pass then, in words. */
  readonly guards: readonly string[];
  /** The changes that the backend, or the client, sees. */
  readonly changes: readonly string[];
  readonly limits: readonly string[];
  /** As a call of gRPC; null: it is none. */
  readonly call: {
    /** `package.Service/Method`. */
    readonly method: string;
    /** When it is over at the latest, in words; null: nobody says so. */
    readonly deadline: string | null;
    /** The `grpc-status` that its caller gets; null: a backend answers, or it is sent elsewhere. */
    readonly status: number | null;
  } | null;
  /** The key that is hashed in place of the pool's, and where it is from; null: the pool's own. */
  readonly hashed: { readonly key: string; readonly by: string } | null;
  /** An answer that needs no backend; null: a backend is asked. */
  readonly answer: {
    readonly status: number;
    readonly reason: HttpRefusal | null;
    readonly location: string | null;
  } | null;
}

export interface RuleTrial {
  readonly host: string;
  readonly route: string;
  /** In words. */
  readonly match: string;
  /** `taken`; what does not hold: `path`, `method`, `header x-a`, `query k`; or `later`: one before it took the request. */
  readonly verdict: string;
}
