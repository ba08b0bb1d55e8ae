// docs/metrics.md from the list of metrics, so that the page cannot say anything else than the program does.
import { FAMILIES, type Family } from './families.ts';

export function metricsPage(): string {
  const families = Object.entries<Family>(FAMILIES);
  const section = (title: string, rows: readonly (readonly [string, Family])[]): string => [
    `## ${title}`, '', '| metric | type | labels | meaning |', '|---|---|---|---|',
    ...rows.map(([name, { type, labels, help }]) => `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |`),
  ].join('\n');
  const histograms = families.filter(([, family]) => family.buckets !== undefined);
  return `${[
    INTRODUCTION,
    section('Families of the original', families.filter(([, family]) => family.original === true)),
    section('All others', families.filter(([, family]) => family.original !== true)),
    ['## Buckets', '', ...histograms.map(([name, { buckets }]) => `- \`${name}\`: ${buckets?.join(', ')} (seconds)`)].join('\n'),
    LABELS,
  ].join('\n\n')}\n`;
}

const INTRODUCTION = `# Metrics

Made from \`src/telemetry/families.ts\`; a test compares the two. To write this page anew: \`UPDATE=1 node --test test/telemetry/metrics-page.test.ts\`.

Served as Prometheus text (0.0.4) at \`/metrics\` of the health listener. Units are seconds and counts. Besides these there are the process and
runtime metrics of prom-client (\`process_*\`, \`nodejs_*\`).`;

const LABELS = `## Labels

- \`tool\` is a name of the catalogue: as agents see it in the families of the original, as the backend calls it in \`sentinel_calls_total\`. A name that is
  not in the catalogue is \`unknown\`; beyond 1000 different tools, new ones share \`other\`. What an agent writes never becomes a label.
- \`backend\` is a name of the configuration, or \`unknown\` where a request never got that far.
- \`code\`: \`ok\`, \`tool_error\` (a result with \`isError\`), \`backend_error\` (a JSON-RPC error), \`cancelled_…\`, the reason of a denial
  (\`forbidden\`, \`killed\`, \`limited\`, …) or a backend fault (\`timeout\`, \`exited\`, \`unreachable\`, …).
- There is no subject, role, session or argument in any label: ask the audit.

## Worth an alert

- \`increase(sentinel_audit_failed_total[5m]) > 0\` or \`sentinel_audit_up == 0\`: calls may go unrecorded, or are being refused.
- \`increase(sentinel_audit_witnessed_total{what="conflict"}[1h]) > 0\`: a journal of another gateway was written anew.
- \`sentinel_config_last_reload_successful == 0\`: the last file was refused; the one before it is in force.
- \`sentinel_backend_healthy == 0\` for five minutes.
- A jump of \`sentinel_auth_failures_total\` or of \`sentinel_calls_total{decision="deny"}\`.
- \`sentinel_kills_active > 0\` for a day: somebody may have forgotten it.`;
