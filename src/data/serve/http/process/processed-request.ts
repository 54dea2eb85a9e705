import { markDropped } from "../../../../http/hop-by-hop.ts";
import type { Fields } from "../../../../http/message.ts";
import { readFields } from "../../../../http/scan.ts";
import { RequestBody } from "../request-body.ts";
import type { RequestView } from "../view.ts";
import type { PartAnswer } from "./answers.ts";
import type { ProcessedExchange, StandingProcessing } from "./exchange.ts";
import { letBodyCome } from "./let-body-come.ts";
import type { MessagePort } from "./message-port.ts";
import type { PortOwner } from "./port-owner.ts";
import { ProcessedHead } from "./processed-head.ts";
import { type HeadLine, linesOf } from "./questions.ts";

/** The ways of a request past a processor: to it, and on to the next guard, or to a backend. */
export class ProcessedRequest implements MessagePort {
  readonly output = new RequestBody();
  readonly #owner: PortOwner;
  readonly #view: RequestView;
  readonly #exchange: ProcessedExchange;
  readonly #head: ProcessedHead;
  /** The processor before; undefined: the client. */
  readonly #before: StandingProcessing | undefined;

  /** @param view is the exchange's; from now on its head can be changed. */
  constructor(owner: PortOwner, view: RequestView, exchange: ProcessedExchange) {
    this.#owner = owner;
    this.#view = view;
    this.#exchange = exchange;
    this.#before = view.processings?.at(-1);
    this.#head = ProcessedHead.of(view);
  }

  get processorTakes(): boolean {
    return this.#owner.processorTakes;
  }

  askHead(isAll: boolean): void {
    this.#owner.ask("request", { kind: "head", lines: this.#lines(), isAll });
  }

  /** The head as a backend would get it now. */
  #lines(): HeadLine[] {
    const { method, scheme, authority, path, query } = this.#head;
    const { frontend, connection, forwarded } = this.#exchange.client;
    const view = this.#view;
    const own = frontend.forwarding.markers(connection.clientAddress);
    const markers = [view.reserved, view.passage?.replaced].filter((marker) => marker !== undefined);
    const added = readFields(
      frontend.forwarding.lines(view, connection, forwarded) + (view.passage?.requestLines ?? ""),
    );
    return [
      [":method", method],
      [":scheme", scheme],
      [":authority", authority],
      [":path", path + query],
      ...linesOf(view.fields, markDropped(view.fields, [...own, ...markers])).filter(
        ([name]) => name !== "host",
      ),
      ...linesOf(added, undefined),
    ];
  }

  askBody(bytes: Uint8Array, last: boolean): void {
    this.#owner.ask("request", { kind: "body", bytes, last });
  }

  askTrailers(trailers: Fields): void {
    this.#owner.ask("request", { kind: "trailers", lines: linesOf(trailers, undefined) });
  }

  changeHead({ mutation }: PartAnswer): string | undefined {
    if (mutation === undefined) return undefined;
    const { limits } = this.#exchange.client.frontend.front;
    const most = { fields: limits.fields, size: limits.requestHead };
    const changed = this.#owner.changer.change(this.#view.fields, mutation, most);
    if (typeof changed === "string") return changed;
    for (const [name, value] of changed.pseudo) {
      const wrong = this.#head.set(name, value);
      if (wrong !== undefined) return wrong;
    }
    this.#view.fields = changed.fields;
    return undefined;
  }

  changeTrailers(trailers: Fields, { mutation }: PartAnswer): Fields | string {
    return this.#owner.changeTrailers(trailers, mutation, this.#exchange.client.frontend.front.limits.fields);
  }

  passHead(length: number | undefined): void {
    if (length !== undefined) this.#head.length = length;
    this.#owner.requestPasses();
  }

  passBody(bytes: Buffer, start: number, end: number, last: boolean): boolean {
    return this.#owner.passed(
      "request",
      end - start,
      this.#exchange.passOn(this.output, bytes, start, end, last),
    );
  }

  passEnd(trailers: Fields | undefined): void {
    this.#exchange.passEnd(this.output, trailers);
  }

  resume(): void {
    if (this.#before === undefined) this.#exchange.client.resume();
    else this.#before.onwardTakes(this.#before.request);
  }

  tooLong(): void {
    this.#owner.refuse({
      kind: "refuse",
      reason: "body_too_large",
      detail: "a processor is to get it as a whole",
    });
  }

  letBodyCome(): void {
    letBodyCome(this.#view, this.#head, this.#exchange.client);
  }
}
