// The registry with every family of the list in it, found by name. It counts nothing by itself.
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { FAMILIES, type CounterName, type Family, type GaugeName, type HistogramName } from './families.ts';

export class Board {
  readonly registry: Registry = new Registry();
  readonly #counters = new Map<string, Counter>();
  readonly #gauges = new Map<string, Gauge>();
  readonly #histograms = new Map<string, Histogram>();

  constructor() {
    for (const [name, family] of Object.entries<Family>(FAMILIES)) this.#add(name, family);
  }

  counter(name: CounterName): Counter {
    return found(this.#counters, name);
  }

  gauge(name: GaugeName): Gauge {
    return found(this.#gauges, name);
  }

  histogram(name: HistogramName): Histogram {
    return found(this.#histograms, name);
  }

  #add(name: string, { type, help, labels, buckets }: Family): void {
    const options = { name, help, labelNames: labels, registers: [this.registry] };
    if (type === 'counter') this.#counters.set(name, new Counter(options));
    else if (type === 'gauge') this.#gauges.set(name, new Gauge(options));
    else this.#histograms.set(name, new Histogram({ ...options, buckets: [...(buckets ?? [])] }));
  }
}

function found<T>(map: ReadonlyMap<string, T>, name: string): T {
  const metric = map.get(name);
  if (metric === undefined) throw new Error(`no metric ${name} of this type`);
  return metric;
}
