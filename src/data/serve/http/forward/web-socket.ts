import { fieldIds } from "../../../../http/field-names.ts";
import type { Fields } from "../../../../http/message.ts";
import { createWebSocketKey, webSocketAccept } from "../../../../http/websocket.ts";
import { type FieldChanges, replaceField } from "../heads.ts";

const { "sec-websocket-key": keyField, "sec-websocket-accept": acceptField } = fieldIds;

/**
 * The agreement on a WebSocket between a client and a backend, of which either may speak HTTP/2. There a key and the
 * answer to it do not exist (RFC 8441 section 5), so umay makes and checks those of the side that speaks HTTP/1.1.
 */
export class WebSocketHandshake {
  /** Of the client; empty: it sent none. */
  readonly #clientKey: string;
  /** That the backend has to answer; empty: it is asked for none. */
  readonly #backendKey: string;

  /** @param fields of the request. */
  constructor(fields: Fields, clientIsNew: boolean, backendIsNew: boolean) {
    const own = fields.find(keyField);
    this.#clientKey = clientIsNew || own < 0 ? "" : fields.value(own);
    const asked = clientIsNew ? createWebSocketKey() : this.#clientKey;
    this.#backendKey = backendIsNew ? "" : asked;
  }

  ask(fields: Fields, edits: FieldChanges): void {
    const line = this.#backendKey === "" ? "" : `sec-websocket-key: ${this.#backendKey}\r\n`;
    replaceField(fields, keyField, edits, line);
  }

  /** Whether the backend has agreed to what it was asked. @param fields of its answer. */
  isAgreed(fields: Fields): boolean {
    if (this.#backendKey === "") return true;
    const accept = fields.find(acceptField);
    return accept >= 0 && fields.value(accept) === webSocketAccept(this.#backendKey);
  }

  answer(fields: Fields, edits: FieldChanges): void {
    const line =
      this.#clientKey === "" ? "" : `sec-websocket-accept: ${webSocketAccept(this.#clientKey)}\r\n`;
    replaceField(fields, acceptField, edits, line);
  }
}
