import { fieldIds } from "../../../http/field-names.ts";
import type { Fields, HeadEdits } from "../../../http/message.ts";
import { createWebSocketKey, webSocketAccept } from "../../../http/websocket.ts";

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

  requestEdits(fields: Fields, edits: HeadEdits): HeadEdits {
    const line = this.#backendKey === "" ? "" : `sec-websocket-key: ${this.#backendKey}\r\n`;
    return changed(fields, keyField, edits, line);
  }

  /** Whether the backend has agreed to what it was asked. @param fields of its answer. */
  isAgreed(fields: Fields): boolean {
    if (this.#backendKey === "") return true;
    const accept = fields.find(acceptField);
    return accept >= 0 && fields.value(accept) === webSocketAccept(this.#backendKey);
  }

  responseEdits(fields: Fields, edits: HeadEdits): HeadEdits {
    const line =
      this.#clientKey === "" ? "" : `sec-websocket-accept: ${webSocketAccept(this.#clientKey)}\r\n`;
    return changed(fields, acceptField, edits, line);
  }
}

/** Another value for a field, or none. */
function changed(fields: Fields, id: number, { dropped, lines }: HeadEdits, line: string): HeadEdits {
  for (let at = fields.find(id); at >= 0; at = fields.find(id, at + 1)) dropped[at] = 1;
  return { dropped, lines: lines + line };
}
