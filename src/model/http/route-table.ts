import type { RequestMatch } from "./match.ts";

/** A match with the route that it stands for. */
export interface Rule<Route> {
  readonly match: RequestMatch;
  readonly route: Route;
}

/** The rules of one host, or of all that a wildcard covers; the first that matches wins. */
export interface RouteHost<Route> {
  /**
   * Lower case: `api.example.com`; `*.example.com` for every name below example.com; `example.*` for every name that begins so, of tables that do not fall through; `*` for any name and for none.
   */
  readonly name: string;
  readonly rules: readonly Rule<Route>[];
  /** No less specific host is asked behind it. */
  readonly isLast?: true;
}

/** Hosts and their rules. A host stands in it once. */
export interface RouteTable<Route> {
  readonly hosts: readonly RouteHost<Route>[];
  /**
   * Where no rule of the most specific host matches, the next one is asked, from the longest wildcard to the shortest and
   * `*`; otherwise the most specific host has the last word, as Envoy's virtual hosts do.
   */
  readonly fallsThrough: boolean;
}
