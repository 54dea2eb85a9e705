import { canonicalAddress, formatAddress } from "../../lib/address.ts";
import { inheritedSockets } from "../../lib/inherited-sockets.ts";
import { probe } from "../../lib/probe.ts";
import { bindsOf, collide } from "../../model/check/binds.ts";
import type { Listener } from "../../model/listener.ts";
import type { Model } from "../../model/model.ts";

/** Which addresses listeners of control planes can have: none of the configuration's own, and none that somebody else has. */
export class Addresses {
  /** The configuration without what control planes say. */
  own: Pick<Model, "admin" | "listeners"> = { admin: undefined, listeners: [] };
  /** Whether an address that is in use is somebody else's. It is not before this process serves, where it takes over. */
  isAlone = false;
  #served: ReadonlySet<string> = new Set();
  #ports: ReadonlySet<number> = new Set();

  /** These listeners are served from now on. @param own the configuration without what control planes say. */
  serves(listeners: readonly Pick<Listener, "bind">[], own: Addresses["own"]): void {
    this.own = own;
    this.#served = new Set(listeners.map(({ bind }) => formatAddress(bind)));
    this.#ports = new Set(listeners.flatMap(({ bind }) => (bind.kind === "tcp" ? [bind.port] : [])));
    this.isAlone = true;
  }

  /** Why a listener can't have its address, as a sentence; undefined: it can. */
  async faultOf(
    { name, bind }: Pick<Listener, "name" | "bind">,
    own = this.own,
  ): Promise<string | undefined> {
    const text = formatAddress(bind);
    const canonical = canonicalAddress(bind);
    const taken = bindsOf(own).find(({ address }) => collide(canonicalAddress(address), canonical));
    if (taken !== undefined) return `${text} is already taken by ${taken.path.slice(0, -1).join(".")}`;
    if (!this.isAlone || this.#served.has(text) || inheritedSockets.has(name)) return undefined;
    // A port that this process has already is nobody else's; the host may be another machine's.
    const isShared = bind.kind === "tcp" && this.#ports.has(bind.port);
    return probe(isShared ? { ...bind, port: 0 } : bind).then(
      () => undefined,
      ({ message }: Error) => message,
    );
  }
}
