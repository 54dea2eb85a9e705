import { Notices } from "../notices.ts";
import type { EnvoyView, Provider, ProviderLogger } from "../provider.ts";
import type { Driven } from "./driven.ts";
import type { DumpOptions } from "./dump.ts";
import { EndpointBoard } from "./endpoints.ts";
import { statsOf } from "./stats.ts";

/** The things that providers share whose configuration may name control planes: their log, their news, and endpoints. */
export abstract class DrivenProvider {
  readonly board = new EndpointBoard();
  protected readonly notices = new Notices();
  #driven: Driven | undefined;
  #news: (() => void) | undefined;

  /** The part that control planes drive; undefined: none does. */
  protected get driven(): Driven | undefined {
    return this.#driven;
  }

  /** Whether no other umay has the addresses that are to be served: none is taken over from. */
  protected isAlone = false;

  /** From now on this is the part that control planes drive. */
  protected drive(driven: Driven): void {
    this.#driven = driven;
    driven.source.addresses.isAlone ||= this.isAlone;
    if (this.#news !== undefined) driven.source.news.listen(this.#news);
  }

  endpoints(
    ...[spec, changed, signal]: Parameters<NonNullable<Provider["endpoints"]>>
  ): ReturnType<NonNullable<Provider["endpoints"]>> {
    this.board.follow(spec.service, changed, signal);
    return () => this.board.of(spec);
  }

  logTo(logger: ProviderLogger): void {
    this.notices.logTo(logger);
  }

  watch(news: () => void, signal: AbortSignal): void {
    this.#news = news;
    this.#driven?.source.news.listen(news);
    signal.addEventListener("abort", () => this.close());
  }

  close(): void {
    this.#driven?.source.stop();
  }

  /** Addresses that listeners were refused for may be free by now. @public */
  async lookAgain(): Promise<void> {
    await this.#driven?.source.lookAgain();
  }

  /** How it stands with each control plane; undefined: there is none. */
  controlPlanes(): ReturnType<NonNullable<Provider["controlPlanes"]>> {
    return this.#driven?.source.readings();
  }

  /** The view of what is served, for people who know Envoy. @param node of umay. */
  protected view(node: () => object, bootstrap: () => DumpOptions["bootstrap"]): EnvoyView {
    return {
      node,
      dump: async (endpoints) => {
        const { dumpConfig } = await import("./dump.ts");
        return dumpConfig({ bootstrap: bootstrap(), source: this.#driven?.source, endpoints });
      },
      stats: () => statsOf(this.#driven?.source.carriers ?? new Map()),
    };
  }
}
