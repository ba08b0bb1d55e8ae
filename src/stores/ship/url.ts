// What `sslmode` in a PostgreSQL URL means here, whatever the driver's next version makes of it.

const LAX = /([?&]sslmode=)(?:allow|prefer|require|verify-ca)(?=&|$)/;
const LIBPQ = /[?&]uselibpqcompat=true(?=&|$)/;

/**
 * Every mode but `disable` and `no-verify` is TLS with the server's certificate and name checked: `require` that takes any certificate keeps nobody
 * out who sits in between. Who needs the weaker meaning of libpq says so by `uselibpqcompat=true`.
 */
export function strictUrl(url: string): string {
  return LIBPQ.test(url) ? url : url.replace(LAX, '$1verify-full');
}
