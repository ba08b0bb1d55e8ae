// A backend that lists tools and offers nothing else.
import type { BackendOffers } from '../../src/core/ports.ts';

export const NO_OFFERS: BackendOffers = { tools: true, prompts: false, resources: false, subscribe: false, completions: false, logging: false, tasks: false, apps: false };

/** A backend that offers all there is, in its own era. */
export const ALL_OFFERS: BackendOffers = { tools: true, prompts: true, resources: true, subscribe: true, completions: true, logging: true, tasks: false, apps: false };
