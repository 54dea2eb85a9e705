import type { Ingress } from "../../core.ts";
import type { Cluster } from "../../objects.ts";
import { byAge } from "../age.ts";
import type { TranslateOptions } from "../translation.ts";

const legacy = "kubernetes.io/ingress.class";
const isDefault = "ingressclass.kubernetes.io/is-default-class";

/** The Ingresses that are umay's, the oldest first: by their class, by the annotation of old, or by default. */
export function servedIngresses(
  { ingresses, ingressClasses }: Pick<Cluster, "ingresses" | "ingressClasses">,
  { ingressClass, ingressController }: TranslateOptions,
): readonly Ingress[] {
  if (ingressClass === "") return [];
  const own = [...ingressClasses.values()].filter(({ spec }) => spec?.controller === ingressController);
  const names = new Set([ingressClass, ...own.map(({ metadata }) => metadata.name)]);
  const takesOthers = own.some(({ metadata }) => metadata.annotations?.[isDefault] === "true");
  return [...ingresses.values()]
    .filter(({ metadata, spec }) => {
      const name = spec?.ingressClassName ?? metadata.annotations?.[legacy];
      return name === undefined ? takesOthers : names.has(name);
    })
    .sort(byAge);
}
