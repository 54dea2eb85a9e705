import type { Fields, RequestHead } from "../../../../http/message.ts";
import { readFields } from "../../../../http/scan.ts";
import type { RequestView } from "../view.ts";

/** The things that a question asks for. */
export interface AskedFor {
  readonly method: string;
  readonly path: string;
  /** With its question mark. */
  readonly query?: string;
  readonly takesTrailers?: boolean;
}

/** The head of a question: which backend gets it is known later. */
export class AskHead implements RequestHead {
  readonly method: string;
  scheme: "http" | "https" = "http";
  readonly host: string;
  readonly path: string;
  readonly query: string;
  readonly secondPath = undefined;
  length = 0;
  readonly upgrade = "";
  readonly expectsContinue = false;
  readonly takesTrailers: boolean;
  authority = "";
  fields: Fields = readFields("");

  /** @param view of the request that it is about. */
  constructor({ host }: RequestView, { method, path, query = "", takesTrailers = false }: AskedFor) {
    this.host = host;
    this.method = method;
    this.path = path;
    this.query = query;
    this.takesTrailers = takesTrailers;
  }
}
