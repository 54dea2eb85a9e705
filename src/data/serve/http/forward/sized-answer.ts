import type { Fault } from "../../../../http/fault.ts";
import type { Fields, ResponseHead } from "../../../../http/message.ts";
import type { UpstreamUser } from "../../../upstream/request-upstream.ts";
import type { ForwardOwner } from "./forward-owner.ts";

/** The user itself, where its route and its listener let answers of any size pass. */
export function withinSize<User extends UpstreamUser>(user: User, owner: ForwardOwner): UpstreamUser {
  const { maxResponse = owner.client.frontend.front.limits.response ?? 0 } = owner.route!.definition;
  return maxResponse === 0 ? user : new SizedAnswer(user, owner, maxResponse);
}

/**
 * Passes an answer on, and ends its request where the body is larger than it may be: before the client has any of it, where
 * the backend says how large it is.
 */
class SizedAnswer implements UpstreamUser {
  readonly #user: UpstreamUser;
  readonly #owner: ForwardOwner;
  /** Bytes of the body that may still come. */
  #left: number;

  constructor(user: UpstreamUser, owner: ForwardOwner, most: number) {
    this.#user = user;
    this.#owner = owner;
    this.#left = most;
  }

  interim(head: ResponseHead): void {
    this.#user.interim(head);
  }

  response(head: ResponseHead, follows: boolean): void {
    if (head.length > this.#left) this.#owner.refuse("response_too_large");
    else this.#user.response(head, follows);
  }

  body(bytes: Buffer, start: number, end: number, last: boolean): boolean {
    this.#left -= end - start;
    if (this.#left >= 0) return this.#user.body(bytes, start, end, last);
    this.#owner.refuse("response_too_large");
    return true;
  }

  end(trailers: Fields | undefined): void {
    this.#user.end(trailers);
  }

  /** Bytes of a tunnel are no body. */
  switched(head: ResponseHead): void {
    this.#left = Number.POSITIVE_INFINITY;
    this.#user.switched(head);
  }

  fail(fault: Fault): void {
    this.#user.fail(fault);
  }

  drained(): void {
    this.#user.drained();
  }

  broke(): void {
    this.#user.broke();
  }

  refused(): void {
    this.#user.refused();
  }
}
