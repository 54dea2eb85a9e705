import type { Chain } from "../chain.ts";
import { type Content, type HttpRoute, type HttpRouteTable, routesOf } from "./route.ts";

/** The content of files that umay answers with, by their absolute paths. */
export type Pages = ReadonlyMap<string, Uint8Array>;

/** All that chains and routes answer with from files. */
export function pagesIn(
  listeners: readonly { readonly chains: readonly Chain[] }[],
  tables: readonly HttpRouteTable[],
): Map<string, Uint8Array> {
  const ofChains = listeners.flatMap(({ chains }) =>
    chains.flatMap(({ serve }) => (serve.kind === "http" ? serve.front.errors : [])),
  );
  const ofRoutes = tables.flatMap((table) => [...routesOf(table)].map(contentOf));
  const contents = [...ofChains.map(({ content }) => content), ...ofRoutes];
  return new Map(
    contents.flatMap((content) => {
      const file = content && fileOf(content);
      return file === undefined ? [] : [[file, content!.bytes] as const];
    }),
  );
}

/** The same chains where none of them has one of these pages. */
export function chainsWithPages(chains: readonly Chain[], pages: Pages): readonly Chain[] {
  const renewed = chains.map((chain): Chain => {
    const { serve } = chain;
    if (serve.kind !== "http") return chain;
    const errors = serve.front.errors.map((page) => ({ ...page, content: withPage(page.content, pages) }));
    const isSame = errors.every(({ content }, index) => content === serve.front.errors[index]!.content);
    return isSame ? chain : { ...chain, serve: { ...serve, front: { ...serve.front, errors } } };
  });
  return renewed.every((chain, index) => chain === chains[index]) ? chains : renewed;
}

/** A route that stands in several places stays one object. */
export function tablesWithPages<Table extends HttpRouteTable>(
  tables: readonly Table[],
  pages: Pages,
): readonly Table[] {
  const routes = new Map<HttpRoute, HttpRoute>();
  const renewed = (route: HttpRoute): HttpRoute => {
    if (!routes.has(route)) routes.set(route, routeWithPage(route, pages));
    return routes.get(route)!;
  };
  return tables.map((table) => {
    if ([...routesOf(table)].every((route) => renewed(route) === route)) return table;
    const hosts = table.hosts.map(({ rules, ...host }) => ({
      ...host,
      rules: rules.map(({ match, route }) => ({ match, route: renewed(route) })),
    }));
    return { ...table, hosts };
  });
}

function routeWithPage(route: HttpRoute, pages: Pages): HttpRoute {
  const content = contentOf(route);
  const renewed = content && withPage(content, pages);
  return renewed === content
    ? route
    : { ...route, action: { ...route.action, content: renewed } as HttpRoute["action"] };
}

function withPage(content: Content, pages: Pages): Content {
  const bytes = pages.get(fileOf(content) ?? "");
  return bytes === undefined ? content : { ...content, bytes };
}

const contentOf = ({ action }: HttpRoute): Content | undefined =>
  action.kind === "respond" ? action.content : undefined;

/** Undefined: it did not come from a file. */
const fileOf = ({ source }: Content): string | undefined =>
  source === undefined || source.given !== undefined ? undefined : source.file;
