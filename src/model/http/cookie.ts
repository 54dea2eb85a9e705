/**
 * The value of a cookie (RFC 6265 section 5.4).
 * @param fields the values of all fields `Cookie`.
 * @returns undefined where there is none of that name; of several, the first.
 */
export function cookieValue(fields: string | undefined, name: string): string | undefined {
  if (fields === undefined) return undefined;
  for (let at = 0; at < fields.length; ) {
    const end = endOf(fields, at);
    let start = at;
    while (fields[start] === " ") start++;
    if (fields.startsWith(name, start) && fields[start + name.length] === "=" && start + name.length < end)
      return fields.slice(start + name.length + 1, end).trimEnd();
    at = end + 1;
  }
  return undefined;
}

/** Fields that were joined are parted by commas, which no value has. */
function endOf(fields: string, from: number): number {
  let at = from;
  while (at < fields.length && fields[at] !== ";" && fields[at] !== ",") at++;
  return at;
}
