import type { OpenRequest, RequestState } from "../../../model/open-session.ts";
import { secondsBetween } from "../../accept/record.ts";
import type { BackendSide } from "./forward/backend-side.ts";
import type { RecordedExchange } from "./record.ts";

/** An exchange that is told of while it is under way. */
export interface ToldExchange extends RecordedExchange {
  readonly isOver: boolean;
  readonly backend: (RecordedExchange["backend"] & Pick<BackendSide, "upstream" | "backend">) | undefined;
}

/** The requests of a connection that are under way. @param now by performance.now(). */
export function tellExchanges(exchanges: Iterable<ToldExchange>, now: number): OpenRequest[] {
  const told: OpenRequest[] = [];
  for (const exchange of exchanges) {
    const { view, route, backend, requestBody, sent, began } = exchange;
    const state = stateOf(exchange);
    if (state === undefined || view === undefined) continue;
    told.push({
      id: view.requestId,
      method: view.method,
      host: view.authority,
      path: view.path,
      route: route?.name ?? null,
      pool: backend?.dispatch.pool.definition.name ?? null,
      backend: backend?.backend?.address ?? null,
      state,
      seconds: secondsBetween(began, now),
      received: requestBody.received,
      sent,
    });
  }
  return told;
}

/** Undefined: it is over, or has not begun. */
function stateOf({ isOver, backend, status, firstByte }: ToldExchange): RequestState | undefined {
  if (isOver) return undefined;
  if (status === 101) return "upgraded";
  if (firstByte > 0) return "answering";
  if (backend === undefined) return "guarded";
  if (backend.upstream !== undefined) return "sent";
  return backend.dispatch.waiting ? "queue" : "connect";
}
