/** RFC 7541 appendix A, in order, from index 1 on; a name alone has an empty value. */
const text = `:authority
:method GET
:method POST
:path /
:path /index.html
:scheme http
:scheme https
:status 200
:status 204
:status 206
:status 304
:status 400
:status 404
:status 500
accept-charset
accept-encoding gzip, deflate
accept-language
accept-ranges
accept
access-control-allow-origin
age
allow
authorization
cache-control
content-disposition
content-encoding
content-language
content-length
content-location
content-range
content-type
cookie
date
etag
expect
expires
from
host
if-match
if-modified-since
if-none-match
if-range
if-unmodified-since
last-modified
link
location
max-forwards
proxy-authenticate
proxy-authorization
range
referer
refresh
retry-after
server
set-cookie
strict-transport-security
transfer-encoding
user-agent
vary
via
www-authenticate`;

/** Names and values, in the order of their index; the first one has index 1. */
export const staticEntries: readonly (readonly [name: string, value: string])[] = text
  .split("\n")
  .map((line) => {
    const space = line.indexOf(" ");
    return space === -1 ? [line, ""] : [line.slice(0, space), line.slice(space + 1)];
  });

export const staticCount: number = staticEntries.length;

const indexByName = new Map<string, number>();
for (const [index, [name]] of staticEntries.entries())
  if (!indexByName.has(name)) indexByName.set(name, index + 1);

/** @returns the first index with this name; 0 where there is none. */
export const staticNameIndex = (name: string): number => indexByName.get(name) ?? 0;
