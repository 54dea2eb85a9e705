import type { Fields, RequestHead } from "../../../../http/message.ts";
import { hostOf } from "../../../../http/uri/authority.ts";
import { readTarget, target } from "../../../../http/uri/target.ts";
import type { RequestView } from "../view.ts";

/** The head of a request that processors change. */
export class ProcessedHead implements RequestHead {
  method: string;
  scheme: "http" | "https";
  authority: string;
  host: string;
  path: string;
  query: string;
  secondPath: string | undefined;
  length: number;
  readonly fields: Fields;
  readonly upgrade: "" | "websocket";
  expectsContinue: boolean;
  readonly takesTrailers: boolean;

  constructor(head: RequestHead) {
    this.method = head.method;
    this.scheme = head.scheme;
    this.authority = head.authority;
    this.host = head.host;
    this.path = head.path;
    this.query = head.query;
    this.secondPath = head.secondPath;
    this.length = head.length;
    this.fields = head.fields;
    this.upgrade = head.upgrade;
    this.expectsContinue = head.expectsContinue;
    this.takesTrailers = head.takesTrailers;
  }

  /** The head of a request, which from now on can be changed. */
  static of(view: RequestView): ProcessedHead {
    if (view.head instanceof ProcessedHead) return view.head;
    view.keep();
    const head = new ProcessedHead(view.head);
    view.head = head;
    return head;
  }

  /** @param name with its colon. @returns what is wrong with the value; undefined: the head has it. */
  set(name: string, value: string): string | undefined {
    switch (name) {
      case ":path": {
        const detail = readTarget(value, this.method);
        if (detail !== undefined || !isWritable(value)) return "it makes something of the path that is none";
        this.path = target.path;
        this.query = target.query;
        this.secondPath = target.secondPath;
        return undefined;
      }
      case ":authority": {
        const host = hostOf(value);
        if (host === undefined) return "it makes something of the host that is none";
        this.authority = value;
        this.host = host;
        return undefined;
      }
      case ":method":
        // Whether an answer has a body depends on it, for the client and for the backend alike.
        if (value === "HEAD" || this.method === "HEAD" || !/^[A-Z]{1,32}$/.test(value) || value === "CONNECT")
          return "it may not change the method so";
        this.method = value;
        return undefined;
      case ":scheme":
        // It is that of the connection, whatever anybody says.
        return undefined;
      default:
        return `there is no ${name} in a request`;
    }
  }
}

const isWritable = (text: string): boolean => /^[!-~]+$/.test(text) && !text.includes("#");
